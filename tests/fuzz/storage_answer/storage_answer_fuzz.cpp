// What a storage answers: XML of an S3 service, the listing of an SFTP server.
#include "storage/sftp.h"
#include "storage/xml.h"

#include <cstdint>
#include <cstdlib>

using namespace warder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::size_t seen = 0;
  const auto read = storage::read_xml(text, [&](const storage::XmlPart& part) {
    seen += part.path.size() + part.text.size();
    if (part.path.empty()) {
      std::abort();
    }
  });
  static_cast<void>(read);
  for (const storage::Object& object : storage::read_listing(text)) {
    if (!storage::is_valid_object_name(object.name)) {
      std::abort();
    }
  }
  return 0;
}
