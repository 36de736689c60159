#include "storage/parts.h"

#include "crypto/sha256.h"
#include "util/descriptor.h"
#include "util/encoding.h"

#include <fmt/core.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <system_error>
#include <unistd.h>

namespace warder::storage {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::uint64_t kMostParts = 9000;

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

util::Result<std::uint64_t> size_of(const std::filesystem::path& file) {
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(file, error);
  if (error) {
    return Error(ErrorCode::kIo, fmt::format("{}: {}", file.string(), error.message()));
  }
  return size;
}

std::vector<Part> cut(std::uint64_t size, std::uint64_t part_size) {
  const std::uint64_t each = std::max(part_size, size / kMostParts + 1);
  std::vector<Part> parts;
  for (std::uint64_t at = 0; at < size; at += each) {
    parts.push_back({static_cast<int>(parts.size()) + 1, at, std::min(each, size - at)});
  }
  return parts;
}

Progress progress_within(const Part& part, const Progress& progress) {
  if (!progress) {
    return {};
  }
  return [&part, &progress](std::uint64_t done) { return progress(part.offset + done); };
}

util::Result<PartDigests> digests_of(const std::filesystem::path& file, const Part& part) {
  const util::Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) {
    return util::errno_error(file.string(), errno);
  }
  const std::unique_ptr<EVP_MD_CTX, FreeContext> md5(EVP_MD_CTX_new());
  if (!md5 || EVP_DigestInit_ex(md5.get(), EVP_md5(), nullptr) != 1) {
    return Error(ErrorCode::kInternal, "OpenSSL has no MD5 (FIPS mode?), which the service needs");
  }
  crypto::Sha256 sha256;
  util::Bytes buffer(256UL * 1024);
  std::uint64_t done = 0;
  while (done < part.bytes) {
    const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), part.bytes - done);
    const ssize_t got =
        ::pread(fd.get(), buffer.data(), wanted, static_cast<off_t>(part.offset + done));
    if (got <= 0) {
      return got < 0 ? util::errno_error(file.string(), errno)
                     : Error(ErrorCode::kIo, "the file became shorter while it was read");
    }
    const auto count = static_cast<std::size_t>(got);
    sha256.update(util::ByteView(buffer).first(count));
    EVP_DigestUpdate(md5.get(), buffer.data(), count);
    done += count;
  }
  std::uint8_t out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(md5.get(), out, &size);
  const util::ByteView digest(out, size);
  return PartDigests{util::to_hex(sha256.finish()), util::to_hex(digest), util::to_base64(digest)};
}

}  // namespace warder::storage
