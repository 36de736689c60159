// What comes out of a backup that is not encrypted: gzip, in it a tar archive or SQL. Nothing may
// be written outside the folder, nor more than the limit.
#include "backup/gzip.h"
#include "backup/sql_dump.h"
#include "backup/streams.h"
#include "backup/tar.h"
#include "support/temporary_folder.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>

using namespace warder;

namespace {

class Memory : public util::ByteSource {
 public:
  Memory(const std::uint8_t* data, std::size_t size) : bytes_(data, size) {}
  util::Result<std::size_t> read(std::span<std::uint8_t> out) override {
    const std::size_t count = std::min(out.size(), bytes_.size());
    std::memcpy(out.data(), bytes_.data(), count);
    bytes_ = bytes_.subspan(count);
    return count;
  }

 private:
  util::ByteView bytes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const testing::TemporaryFolder folder;
  const std::filesystem::path inside = folder / "inside";
  std::filesystem::create_directory(inside);
  constexpr util::ByteCount kLimit = util::mebibytes(1);
  Memory memory(data + 1, size - 1);
  backup::GunzipSource gunzip(memory);
  util::ByteSource* from = &memory;
  if ((data[0] & 1U) != 0) {
    from = &gunzip;
  }
  backup::LimitSource limited(*from, kLimit);
  if ((data[0] & 2U) != 0) {
    static_cast<void>(backup::execute_sql_dump(limited, inside / "database"));
  } else {
    static_cast<void>(backup::read_tar(limited, inside, {kLimit, false}));
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    if (entry.path() != inside) {
      std::abort();
    }
  }
  return 0;
}
