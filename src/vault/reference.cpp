#include "vault/reference.h"

#include "log/log.h"
#include "util/strings.h"
#include "vault/key.h"
#include "vault/private_file.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <optional>

namespace warder::vault {
namespace {

using util::Error;
using util::ErrorCode;

constexpr util::ByteCount kLargestSecretFile = util::kibibytes(64);
// Deeper documents are refused: they are no document of ours.
constexpr unsigned kDeepest = 64;

// Walks through a JSON text and keeps nothing but the one member asked for.
class MemberFinder : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit MemberFinder(std::string_view key) : key_(key) {}

  bool null() override { return other(); }
  bool boolean(bool /*value*/) override { return other(); }
  bool number_integer(number_integer_t /*value*/) override { return other(); }
  bool number_unsigned(number_unsigned_t /*value*/) override { return other(); }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return other(); }
  bool binary(binary_t& /*value*/) override { return other(); }
  bool string(string_t& value) override {
    if (depth_ == 0) {
      return other();
    }
    if (wanted_) {
      found_ = crypto::SecretString::take(std::move(value));
      wanted_ = false;
    } else {
      // Another secret of the same document.
      crypto::wipe(&value);
    }
    return true;
  }
  bool start_object(std::size_t /*members*/) override { return enter(true); }
  bool end_object() override { return leave(); }
  bool start_array(std::size_t /*elements*/) override { return enter(false); }
  bool end_array() override { return leave(); }
  bool key(string_t& name) override {
    if (depth_ == 1 && name == key_) {
      if (seen_) {
        problem = "has the member twice";
        return false;
      }
      seen_ = true;
      wanted_ = true;
    }
    return true;
  }
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    // The exception's text quotes the document.
    problem = "is no valid JSON";
    return false;
  }

  std::optional<crypto::SecretString> take_found() { return std::move(found_); }

  std::string_view problem;

 private:
  bool other() {
    if (depth_ == 0) {
      problem = "is no JSON object";
      return false;
    }
    return wrong_type();
  }
  bool wrong_type() {
    if (wanted_) {
      problem = "has the member, but it is no string";
      return false;
    }
    return true;
  }
  bool enter(bool object) {
    if (depth_ == 0 && !object) {
      problem = "is no JSON object";
      return false;
    }
    if (++depth_ > kDeepest) {
      problem = "is nested too deep";
      return false;
    }
    return wrong_type();
  }
  bool leave() {
    --depth_;
    return true;
  }

  std::string_view key_;
  unsigned depth_ = 0;
  bool seen_ = false;
  bool wanted_ = false;
  std::optional<crypto::SecretString> found_;
};

// Files made by hand end with a line end that is not part of the secret.
crypto::SecretString without_line_end(const crypto::SecretString& content) {
  std::string_view text = content.view();
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  return crypto::SecretString(text);
}

util::Result<crypto::SecretString> fetch(const config::SecretReference& reference,
                                         const DocumentSource& documents) {
  switch (reference.kind) {
    case config::SecretReference::Kind::kVault: {
      if (!documents) {
        return Error(ErrorCode::kUnavailable,
                     "no vault is set up; see [vault], or use a file: or credential: reference");
      }
      WARDER_ASSIGN_OR_RETURN(const Document document, documents(reference.document));
      return document_member(document.content, reference.name);
    }
    case config::SecretReference::Kind::kFile: {
      WARDER_ASSIGN_OR_RETURN(
          const PrivateFile file,
          read_private_file(reference.name, "the secret", kNobodyElseReads, kLargestSecretFile));
      return without_line_end(file.content);
    }
    case config::SecretReference::Kind::kCredential: {
      WARDER_ASSIGN_OR_RETURN(const crypto::SecretString content, read_credential(reference.name));
      return without_line_end(content);
    }
  }
  return Error(ErrorCode::kInternal, "unknown kind of secret reference");
}

}  // namespace

util::Result<crypto::SecretString> document_member(const crypto::SecretString& document,
                                                   std::string_view key) {
  MemberFinder finder(key);
  const std::string_view text = document.view();
  const bool whole = nlohmann::json::sax_parse(text.begin(), text.end(), &finder);
  if (!whole || !finder.problem.empty()) {
    return Error(ErrorCode::kInvalid, fmt::format("member '{}': the document {}",
                                                  util::printable(key, 64), finder.problem));
  }
  auto found = finder.take_found();
  if (!found) {
    return Error(ErrorCode::kNotFound,
                 fmt::format("the document has no member '{}'", util::printable(key, 64)));
  }
  return std::move(*found);
}

util::Result<crypto::SecretString> resolve(const config::SecretReference& reference,
                                           const DocumentSource& documents) {
  auto secret = fetch(reference, documents);
  if (!secret) {
    return secret.error().with_context(reference.to_string());
  }
  if (secret->empty()) {
    return Error(ErrorCode::kInvalid, reference.to_string() + ": the secret is empty");
  }
  log::register_secret(secret->view());
  return secret;
}

}  // namespace warder::vault
