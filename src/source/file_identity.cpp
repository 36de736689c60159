#include "source/file_identity.h"

#include "crypto/sha256.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <span>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace warder::source {
namespace {

FactsResult statx_facts(int folder, const char* path, int flags) {
  struct statx info{};
  if (::statx(folder, path, flags, STATX_BASIC_STATS | STATX_BTIME, &info) != 0) {
    return {std::nullopt, errno};
  }
  FileFacts facts;
  facts.identity.device = ::makedev(info.stx_dev_major, info.stx_dev_minor);
  facts.identity.inode = info.stx_ino;
  if ((info.stx_mask & STATX_BTIME) != 0) {
    facts.identity.birth =
        std::int64_t{info.stx_btime.tv_sec} * 1'000'000'000 + info.stx_btime.tv_nsec;
  }
  facts.size = info.stx_size;
  facts.links = info.stx_nlink;
  facts.modified = std::int64_t{info.stx_mtime.tv_sec} * 1'000'000 + info.stx_mtime.tv_nsec / 1000;
  facts.mode = info.stx_mode;
  facts.owner = info.stx_uid;
  return {facts, 0};
}

std::array<std::uint8_t, 16> cut(const crypto::Sha256Digest& digest) {
  std::array<std::uint8_t, 16> result{};
  std::copy_n(digest.begin(), result.size(), result.begin());
  return result;
}

}  // namespace

bool may_be_same(const FileIdentity& a, const FileIdentity& b) {
  if (a.inode != b.inode) {
    return false;
  }
  if (a.birth != 0 && b.birth != 0) {
    return a.birth == b.birth;
  }
  return a.device == b.device;
}

FactsResult facts_of(int fd) { return statx_facts(fd, "", AT_EMPTY_PATH); }

FactsResult facts_of_path(const std::string& path) {
  return statx_facts(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW);
}

Fingerprint fingerprint(std::string_view bytes) {
  if (bytes.empty()) {
    return {};
  }
  return {static_cast<std::uint32_t>(bytes.size()), cut(crypto::sha256(util::as_bytes(bytes)))};
}

std::optional<Fingerprint> fingerprint_at(ByteReader& reader, std::uint64_t offset,
                                          std::uint32_t length) {
  std::array<char, kLongestHead> bytes;
  const ReadResult got = read_fully(reader, offset, std::span(bytes).first(length));
  if (got.error != 0 || got.count != length) {
    return std::nullopt;
  }
  return fingerprint({bytes.data(), length});
}

LogSeed log_seed(std::string_view path, const FileIdentity& first) {
  return cut(crypto::sha256(util::as_bytes(
      fmt::format("warder log 1\n{} {} {}\n{}", first.device, first.inode, first.birth, path))));
}

model::GenerationId generation_id(const LogSeed& seed, std::uint32_t life,
                                  std::string_view first_line) {
  crypto::Sha256 hash;
  hash.update(util::as_bytes(fmt::format("warder generation 1\n{}\n", life)));
  hash.update(seed);
  hash.update(util::as_bytes(first_line));
  return {cut(hash.finish())};
}

}  // namespace warder::source
