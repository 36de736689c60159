// What the store gives back, what dpkg's database says and what is configured: parts of a baseline,
// lists of differences, states, sums, packages, patterns. Whatever it is, it is refused or is the
// same bytes when written again. The first byte says what the rest is.
#include "files/baseline.h"
#include "files/difference.h"
#include "files/packages.h"
#include "files/scope.h"
#include "files/stored.h"
#include "fuzz/require.h"
#include "util/strings.h"

#include <cstdint>
#include <string>

using namespace warder;
using warder::testing::require;

namespace {

void chunk(std::string_view text) {
  const auto entries = files::parse_chunk(text);
  if (!entries || entries->empty()) {
    return;
  }
  std::string written;
  files::BaselineWriter writer([&](const std::string&, std::string part) {
    written += part;
    return util::Status();
  });
  for (const files::Entry& entry : *entries) {
    require(writer.add(entry).has_value());
    require(files::changes_between(entry, entry, ~files::Fields()).any() == false);
    const std::string shown = files::describe(entry);
    require(util::printable_again(shown, 2 * shown.size()) == shown);
  }
  files::Seal seal;
  seal.sign = [](std::string_view, std::uint64_t, const crypto::merkle::Hash&) {
    return util::Result<std::string>(std::string("note"));
  };
  require(writer.finish({}, seal).has_value());
  // A chunk ends where the writer ends one; a longer text has other ends.
  require(text.size() >= files::BaselineWriter::kLeastChunk || written == text);
}

void list(std::string_view text) {
  const auto differences = files::parse_differences(text);
  if (!differences) {
    return;
  }
  require(files::differences_text(*differences) == text);
  for (const files::Difference& one : *differences) {
    const std::string shown = one.to_text(~files::Fields());
    require(util::printable_again(shown, 2 * shown.size()) == shown);
    require(one.finds_the_same(one, ~files::Fields()));
  }
}

void packages(std::string_view text) {
  std::size_t found = 0;
  files::StatusReader reader([&](const files::InstalledPackage& package) {
    ++found;
    require(!package.name.empty());
  });
  for (const std::string_view line : util::split(text, '\n')) {
    if (const auto sum = files::parse_sum_line(line)) {
      require(line.ends_with(sum->path) && !sum->path.empty());
    }
    reader.line(line);
  }
  reader.end();
  require(found <= text.size());
}

void patterns(std::string_view text) {
  const std::size_t half = text.find('\n');
  const auto scope = files::Scope::parse({std::string(text.substr(0, half))}, {});
  if (scope && half != std::string_view::npos) {
    const bool covers = scope->covers(text.substr(half + 1));
    require(!covers || text.substr(half + 1).starts_with('/'));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      chunk(text);
      break;
    case 1:
      list(text);
      break;
    case 2:
      packages(text);
      break;
    case 3:
      patterns(text);
      break;
    default: {
      const std::string kept = files::state_text(files::parse_state(text));
      require(files::state_text(files::parse_state(kept)) == kept);
      files::Seal seal;
      seal.open = [](std::string_view, std::string_view) {
        return util::Result<files::Seal::Signed>(
            util::Error(util::ErrorCode::kDenied, "no signature"));
      };
      require(!files::Baseline::open("x", text, seal, {}));
      break;
    }
  }
  return 0;
}
