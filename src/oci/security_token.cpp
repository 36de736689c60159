#include "oci/security_token.h"

#include "crypto/secret.h"
#include "util/file.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace warder::oci {
namespace {

using util::Error;
using util::ErrorCode;

constexpr auto kTokenLimit = util::kibibytes(64);
constexpr std::chrono::seconds kRetry{30};

}  // namespace

util::Result<std::unique_ptr<SecurityToken>> SecurityToken::create(Profile profile, Refresh refresh,
                                                                   const util::Clock& clock) {
  std::unique_ptr<SecurityToken> result(
      new SecurityToken(std::move(profile), std::move(refresh), clock));
  const std::lock_guard lock(result->mutex_);
  WARDER_RETURN_IF_ERROR(result->load());
  return result;
}

SecurityToken::Stamp SecurityToken::stamp() const {
  Stamp stamp{};
  auto next = stamp.begin();
  for (const auto& path : {profile_.security_token_file, profile_.key_file}) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) {
      info = {};
    }
    *next++ = static_cast<std::int64_t>(info.st_ino);
    *next++ = info.st_size;
    *next++ = info.st_mtim.tv_sec;
    *next++ = info.st_mtim.tv_nsec;
  }
  return stamp;
}

util::Status SecurityToken::load() {
  // Token and key are two files: read the token twice, so that a rewrite in between shows.
  for (int attempt = 0; attempt < 3; ++attempt) {
    const Stamp stamp = this->stamp();
    WARDER_ASSIGN_OR_RETURN(const std::string before,
                            util::read_file(profile_.security_token_file, kTokenLimit));
    WARDER_ASSIGN_OR_RETURN(crypto::RsaPrivateKey key,
                            load_private_key(profile_.key_file, profile_.passphrase));
    WARDER_ASSIGN_OR_RETURN(const std::string after,
                            util::read_file(profile_.security_token_file, kTokenLimit));
    if (before != after) {
      continue;
    }
    const util::Result<TokenClaims> claims = read_token(util::trim(after));
    if (!claims) {
      return claims.error().with_context(profile_.security_token_file.string());
    }
    read_ = stamp;
    if (std::string_view(token_) == util::trim(after)) {
      return {};
    }
    // One that was exchanged here already and could not be put into the file stays.
    const bool same_key = identity_.key && identity_.key->public_key_der() == key.public_key_der();
    if (same_key && claims->ends < ends_) {
      return {};
    }
    identity_.key = std::make_shared<const crypto::RsaPrivateKey>(std::move(key));
    return use(util::trim(after));
  }
  return Error(ErrorCode::kUnavailable, fmt::format("{} is being rewritten all the time",
                                                    profile_.security_token_file.string()));
}

util::Status SecurityToken::use(std::string_view token) {
  WARDER_ASSIGN_OR_RETURN(const TokenClaims claims, read_token(token));
  token_ = token;
  identity_.key_id = fmt::format("ST${}", token);
  ends_ = claims.ends;
  renew_at_ = renewal_time(claims);
  trouble_.clear();
  return {};
}

util::Status SecurityToken::exchange() {
  const util::WallTime now = clock_.now();
  auto newer = refresh_(identity_, token_);
  const auto claims = newer ? read_token(*newer) : util::Result<TokenClaims>(newer.error());
  if (!claims || claims->ends <= ends_) {
    const Error error =
        claims ? Error(ErrorCode::kInvalid, "the token service gave a token that ends no later")
               : claims.error();
    trouble_ = error.message();
    // The old one still holds; asking again with each call would only add to the trouble.
    renew_at_ = error.code() == ErrorCode::kDenied ? ends_ : std::min(ends_, now + kRetry);
    return error;
  }
  const std::string old_token = token_;
  WARDER_RETURN_IF_ERROR(use(*newer));
  keep(old_token);
  return {};
}

// A failure leaves the newer token in memory alone, where it serves as long as it is renewed.
void SecurityToken::keep(std::string_view old_token) {
  struct stat info{};
  const auto& path = profile_.security_token_file;
  if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != ::geteuid()) {
    return;
  }
  const auto now_there = util::read_file(path, kTokenLimit);
  if (now_there && util::trim(*now_there) == old_token &&
      util::write_file_atomically(path, token_, 0600)) {
    read_ = stamp();
  }
}

util::Result<Identity> SecurityToken::current() {
  const std::lock_guard lock(mutex_);
  if (stamp() != read_) {
    // While it is being replaced the token in hand may do.
    if (const util::Status loaded = load(); !loaded && clock_.now() >= ends_) {
      return loaded.error();
    }
  }
  if (clock_.now() >= renew_at_ && clock_.now() < ends_) {
    (void)exchange();  // told when there is no token left
  }
  if (clock_.now() >= ends_) {
    return Error(ErrorCode::kDenied,
                 fmt::format("the security token in {} ended at {}{}{}; begin a new session with: "
                             "oci session authenticate",
                             profile_.security_token_file.string(), util::format_rfc3339(ends_),
                             trouble_.empty() ? "" : ", and no newer one was given: ", trouble_));
  }
  return identity_;
}

util::Result<bool> SecurityToken::renew() {
  const std::lock_guard lock(mutex_);
  const std::string before = identity_.key_id;
  WARDER_RETURN_IF_ERROR(load());
  if (identity_.key_id == before && clock_.now() < ends_) {
    WARDER_RETURN_IF_ERROR(exchange());
  }
  return identity_.key_id != before;
}

}  // namespace warder::oci
