#include "backup/raft_snapshot.h"

#include "backup/gzip.h"
#include "backup/streams.h"
#include "backup/tar.h"
#include "util/encoding.h"
#include "util/file.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <sys/stat.h>
#include <system_error>

namespace warder::backup {
namespace {

namespace fs = std::filesystem;
using util::Error;
using util::ErrorCode;

constexpr std::string_view kSums = "SHA256SUMS";
constexpr std::string_view kSealedSums = "SHA256SUMS.sealed";
constexpr std::size_t kHexDigits = 64;
constexpr std::size_t kMostFiles = 16;  // there are four

Error damaged(const std::string& what) {
  return Error(ErrorCode::kInvalid, "it is no whole raft snapshot: " + what);
}

struct FolderRemover {
  fs::path path;
  ~FolderRemover() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

util::Status compare(const fs::path& folder,
                     const std::map<std::string, crypto::Sha256Digest>& sums) {
  for (const auto& [name, sum] : sums) {
    auto digest = digest_of_file(folder / name);
    if (!digest) {
      return damaged(fmt::format("{} names {}, which is not in it", kSums, util::printable(name)));
    }
    if (digest->sha256 != sum) {
      return damaged(fmt::format("{} is not what {} says", util::printable(name), kSums));
    }
  }
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name != kSums && name != kSealedSums && !sums.contains(name)) {
      return damaged(fmt::format("{} is in it, but not in {}", util::printable(name), kSums));
    }
  }
  for (const std::string_view needed : {"meta.json", "state.bin"}) {
    if (!sums.contains(std::string(needed))) {
      return damaged(fmt::format("{} does not name {}", kSums, needed));
    }
  }
  return {};
}

}  // namespace

util::Result<std::map<std::string, crypto::Sha256Digest>> parse_sha256sums(std::string_view text) {
  std::map<std::string, crypto::Sha256Digest> sums;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const bool long_enough = line.size() > kHexDigits + 2;
    const auto digest = util::from_hex(line.substr(0, kHexDigits));
    const std::string_view name = long_enough ? line.substr(kHexDigits + 2) : std::string_view();
    if (!long_enough || line.substr(kHexDigits, 2) != "  " || !digest ||
        name.find('/') != std::string_view::npos || name == "." || name == ".." ||
        name.find('\0') != std::string_view::npos || sums.size() == kMostFiles) {
      return damaged(fmt::format("{} has the line \"{}\"", kSums,
                                 util::printable(line.substr(0, 2 * kHexDigits))));
    }
    crypto::Sha256Digest sum{};
    std::ranges::copy(*digest, sum.begin());
    if (!sums.emplace(name, sum).second) {
      return damaged(fmt::format("{} names {} twice", kSums, util::printable(name)));
    }
  }
  return sums;
}

util::Result<RaftMark> check_raft_snapshot(const fs::path& file, const fs::path& work,
                                           util::ByteCount limit) {
  if (::mkdir(work.c_str(), 0700) != 0) {
    return util::errno_error(work.string(), errno);
  }
  const FolderRemover remover{work};
  WARDER_ASSIGN_OR_RETURN(FileSource source, FileSource::open(file));
  GunzipSource gunzip(source);
  LimitSource limited(gunzip, limit);
  if (const auto unpacked = read_tar(limited, work, {.limit = limit}); !unpacked) {
    return unpacked.error().code() == ErrorCode::kInvalid ? damaged(unpacked.error().message())
                                                          : unpacked.error();
  }
  const auto text = util::read_file(work / kSums, util::kibibytes(64));
  if (!text) {
    return damaged(fmt::format("{} is not in it", kSums));
  }
  WARDER_ASSIGN_OR_RETURN(const auto sums, parse_sha256sums(*text));
  WARDER_RETURN_IF_ERROR(compare(work, sums));
  WARDER_ASSIGN_OR_RETURN(const std::string meta,
                          util::read_file(work / "meta.json", util::mebibytes(1)));
  const auto json = nlohmann::json::parse(meta, nullptr, false);
  const auto number = [&json](const char* name) -> std::uint64_t {
    const auto found = json.is_object() ? json.find(name) : json.end();
    return found != json.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
  };
  return RaftMark{number("Index"), number("Term")};
}

}  // namespace warder::backup
