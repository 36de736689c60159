// The section [Samples] of a filter file: whatever stands there is read or refused with its place,
// and what is accepted holds.
#include "config/file_reader.h"
#include "filter/filter.h"
#include "fuzz/require.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using namespace warder;
using warder::testing::require;
using namespace warder::filter;

namespace {

class OneFile : public config::FileReader {
 public:
  explicit OneFile(std::string text) : text_(std::move(text)) {}
  util::Result<std::string> read(const std::string& path, util::ByteCount) override {
    if (path != "filters/x.conf") {
      return util::Error(util::ErrorCode::kNotFound, path);
    }
    return text_;
  }
  util::Result<std::vector<std::string>> list(const std::string& folder) override {
    if (folder != "filters") {
      return util::Error(util::ErrorCode::kNotFound, folder);
    }
    return std::vector<std::string>{"x.conf"};
  }

 private:
  std::string text_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  OneFile file("[Definition]\nmode = a\nfailregex = ^ fail (?P<user>.*) <HOST>$\n[Samples]\n" +
               std::string(text));
  FilterRequest request;
  request.name = "x";
  request.folders = {"filters"};
  const auto filter = load_filter(request, file);
  if (!filter) {
    require(!filter.error().message().empty());
    return 0;
  }
  bool match = false;
  bool reject = false;
  for (const Sample& sample : (*filter)->samples()) {
    require(!sample.lines.empty());
    require(sample.must_match == !sample.address.empty());
    match |= sample.must_match;
    reject |= !sample.must_match;
  }
  require(match && reject);
  return 0;
}
