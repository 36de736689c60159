// A manifest or report as it may lie in a folder or a storage.
#include "backup/manifest.h"
#include "backup/report.h"
#include "fuzz/require.h"

#include <nlohmann/json.hpp>

#include <cstdint>

using namespace warder;
using warder::testing::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto read = backup::read_manifest(text)) {
    for (const backup::BackupFile& file : read->manifest.files) {
      require(file.name.find('/') == std::string::npos && !file.name.starts_with('.'));
    }
    const auto written = backup::write_manifest(read->manifest, nullptr);
    require(written.has_value());
    const auto again = backup::read_manifest(*written);
    require(again.has_value() && again->manifest == read->manifest);
  }
  if (const auto report = backup::read_report(text)) {
    require(backup::read_report(backup::to_json(*report).dump(
                                    -1, ' ', false, nlohmann::json::error_handler_t::replace))
                .has_value());
    const model::Event event = backup::event_of(*report);
    require(event.message.size() <= model::Event::kLongestMessage &&
            event.detail.size() <= model::Event::kLongestDetail);
  }
  if (const auto stamp = backup::parse_stamp(text)) {
    require(stamp->to_string() == text);
  }
  if (const auto parts = backup::parse_file_name(text)) {
    require(backup::file_name(parts->name, parts->stamp, parts->format, parts->encryption) == text);
  }
  return 0;
}
