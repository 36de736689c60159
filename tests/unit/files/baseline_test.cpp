// Entries as bytes, baselines as signed chunks.
#include "files/baseline.h"

#include "files/difference.h"
#include "unit/files/seal.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <map>

using namespace warder;
using files::Baseline;
using files::BaselineWriter;
using files::Content;
using files::Entry;
using files::FileType;

namespace {

Entry file(std::string path, std::uint8_t content) {
  Entry entry;
  entry.path = std::move(path);
  entry.content = Content::kRead;
  entry.mode = 0644;
  entry.size = 1000 + content;
  entry.modified = 1'700'000'000'123'456'789;
  entry.changed = -5;
  entry.inode = 77;
  entry.digest.fill(content);
  return entry;
}

struct Stored {
  std::map<std::string, std::string> chunks;
  std::string header;
  int writes = 0;

  void write(const std::vector<Entry>& entries, const files::Seal& seal) {
    BaselineWriter writer([this](std::string name, std::string chunk) {
      writes += chunks.insert_or_assign(std::move(name), std::move(chunk)).second ? 1 : 0;
      return util::Status();
    });
    for (const Entry& entry : entries) {
      REQUIRE(writer.add(entry));
    }
    files::Manifest manifest;
    manifest.name = "system";
    manifest.generation = 3;
    manifest.paths = {"/etc", "/\xff"};
    header = writer.finish(manifest, seal).value();
    root = writer.root();
  }
  util::Result<Baseline> open(const files::Seal& seal, std::string_view name = "system") const {
    return Baseline::open(
        name, header, seal,
        [this](const std::string& chunk) -> util::Result<std::string> { return chunks.at(chunk); });
  }
  crypto::merkle::Hash root{};
};

std::vector<Entry> many(std::size_t count) {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < count; ++i) {
    entries.push_back(
        file(fmt::format("/etc/d{:04}/f{:06}", i / 100, i), static_cast<std::uint8_t>(i % 251)));
  }
  return entries;
}

}  // namespace

TEST_CASE("an entry is its bytes again, whatever it holds") {
  Entry link;
  link.type = FileType::kLink;
  link.mode = 0777;
  link.link = std::string("../a\n\xff", 6);
  Entry device;
  device.type = FileType::kBlockDevice;
  device.size = UINT64_MAX;
  device.attributes = 1;
  device.packaged = true;
  device.owner = UINT32_MAX;
  device.modified = INT64_MIN;
  device.changed = INT64_MAX;
  Entry plain = file("", 9);
  for (const Entry& entry : {link, device, plain}) {
    std::string bytes;
    files::append_record(entry, &bytes);
    std::string_view left = bytes;
    CHECK(files::take_record(&left).value() == entry);
    CHECK(left.empty());
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      std::string_view part = std::string_view(bytes).substr(0, cut);
      CHECK_FALSE(files::take_record(&part));
    }
  }
}

TEST_CASE("a baseline gives its entries back in order and finds one") {
  const files::Seal seal = files::testing_seal();
  const std::vector<Entry> entries = many(3000);
  Stored stored;
  stored.write(entries, seal);
  CHECK(stored.chunks.size() > 1);
  for (const auto& [name, chunk] : stored.chunks) {
    CHECK(chunk.size() <= BaselineWriter::kMostChunk + 5000);
  }
  const auto baseline = stored.open(seal);
  REQUIRE(baseline);
  CHECK(baseline->manifest().entries == 3000);
  CHECK(baseline->manifest().generation == 3);
  CHECK(baseline->manifest().paths == std::vector<std::string>{"/etc", "/\xff"});
  CHECK(baseline->root() == stored.root);
  Baseline::Cursor cursor(*baseline);
  for (const Entry& expected : entries) {
    const auto entry = cursor.peek();
    REQUIRE(entry);
    REQUIRE(*entry != nullptr);
    CHECK(**entry == expected);
    cursor.next();
  }
  CHECK(cursor.peek().value() == nullptr);
  CHECK(baseline->find("/etc/d0017/f001742").value() == entries[1742]);
  CHECK_FALSE(baseline->find("/etc/d0017/f00174").value());
  CHECK_FALSE(baseline->find("/a").value());
  CHECK_FALSE(baseline->find("/z").value());
  REQUIRE(cursor.seek("/etc/d0029"));
  CHECK((*cursor.peek())->path == "/etc/d0029/f002900");
}

TEST_CASE("one other entry changes one chunk") {
  const files::Seal seal = files::testing_seal();
  std::vector<Entry> entries = many(5000);
  Stored stored;
  stored.write(entries, seal);
  stored.writes = 0;
  entries[2500].mode = 0600;
  entries.insert(entries.begin() + 100, file(entries[99].path + "x", 1));
  stored.write(entries, seal);
  CHECK(stored.writes <= 2);
}

TEST_CASE("an empty baseline is one too") {
  const files::Seal seal = files::testing_seal();
  Stored stored;
  stored.write({}, seal);
  const auto baseline = stored.open(seal);
  REQUIRE(baseline);
  Baseline::Cursor cursor(*baseline);
  REQUIRE(cursor.seek("/x"));
  CHECK(cursor.peek().value() == nullptr);
}

TEST_CASE("what is not as it was signed is told") {
  const files::Seal seal = files::testing_seal();
  Stored stored;
  stored.write(many(3000), seal);
  SECTION("under another name") {
    CHECK(stored.open(seal, "other").error().code() == util::ErrorCode::kDenied);
  }
  SECTION("by another key") {
    const auto other = stored.open(files::testing_seal(2));
    CHECK(other.error().message() ==
          "the stored baseline is not what was signed: it is signed by another key");
  }
  SECTION("a chunk") {
    stored.chunks.rbegin()->second[40] ^= 1;
    const auto baseline = stored.open(seal);
    REQUIRE(baseline);
    Baseline::Cursor cursor(*baseline);
    util::Result<const Entry*> entry = cursor.peek();
    for (; entry && *entry != nullptr; entry = cursor.peek()) {
      cursor.next();
    }
    REQUIRE_FALSE(entry);
    CHECK(entry.error().code() == util::ErrorCode::kDenied);
  }
  SECTION("the manifest") {
    auto header = nlohmann::json::parse(stored.header);
    auto manifest = header["manifest"].get<std::string>();
    manifest.replace(manifest.find("\"entries\":3000"), 14, "\"entries\":2999");
    header["manifest"] = manifest;
    stored.header = header.dump();
    CHECK(stored.open(seal).error().message() ==
          "the stored baseline is not what was signed: its hash is another");
  }
  SECTION("a chunk left out") {
    auto header = nlohmann::json::parse(stored.header);
    header["chunks"].erase(1);
    stored.header = header.dump();
    CHECK(stored.open(seal).error().code() == util::ErrorCode::kDenied);
  }
  SECTION("no baseline at all") {
    for (const char* const text : {"", "[]", "{}", "{\"version\":2}", "\xff"}) {
      stored.header = text;
      CHECK(stored.open(seal).error().message() == "the stored baseline is malformed");
    }
  }
}

TEST_CASE("differences are their bytes again") {
  files::Difference changed;
  changed.path = "/a";
  changed.before = file("/a", 1);
  changed.after = file("/a", 2);
  changed.package = "coreutils 9.1-1";
  files::Difference gone;
  gone.path = "/a\xff";
  gone.before = file("/a\xff", 1);
  gone.by = "vi (pid 7, user root)";
  const std::vector<files::Difference> list{changed, gone};
  const std::string text = files::differences_text(list);
  CHECK(files::parse_differences(text).value() == list);
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    const auto parsed = files::parse_differences(std::string_view(text).substr(0, cut));
    CHECK((!parsed || parsed->size() < 2));
  }
  CHECK_FALSE(files::parse_differences(text + text.substr(1)));
}
