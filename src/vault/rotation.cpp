#include "vault/rotation.h"

#include "crypto/random.h"
#include "util/duration.h"
#include "util/strings.h"
#include "vault/secret_json.h"

#include <fmt/core.h>

#include <array>
#include <utility>

namespace warder::vault {
namespace {

using crypto::SecretString;
using nlohmann::json;
using util::Error;
using util::ErrorCode;

constexpr std::size_t kShortest = 16;
constexpr std::size_t kLongestSecret = 512;
constexpr auto kLongestTime = std::chrono::hours(24 * 3660);

std::optional<std::chrono::seconds> duration_of(const json& plan, std::string_view name) {
  const auto parsed = util::parse_duration(text_member(plan, name));
  if (!parsed || *parsed < std::chrono::seconds(0) || *parsed > kLongestTime) {
    return std::nullopt;
  }
  return std::chrono::duration_cast<std::chrono::seconds>(*parsed);
}

// Empty: no plan.
std::optional<RotationPlan> plan_of(const json& value) {
  if (!value.is_object()) {
    return std::nullopt;
  }
  RotationPlan plan;
  if (value.contains("every")) {
    plan.every = duration_of(value, "every");
    if (!plan.every || plan.every->count() == 0) {
      return std::nullopt;
    }
  }
  if (value.contains("overlap")) {
    const auto overlap = duration_of(value, "overlap");
    if (!overlap) {
      return std::nullopt;
    }
    plan.overlap = *overlap;
  }
  if (value.contains("length")) {
    plan.length = number_member(value, "length");
  }
  if (value.contains("last")) {
    plan.last = util::parse_rfc3339(text_member(value, "last"));
    if (!plan.last) {
      return std::nullopt;
    }
  }
  if (plan.length < kShortest || plan.length > kLongestSecret) {
    return std::nullopt;
  }
  return plan;
}

// A document read for a change of some members.
struct Opened {
  SecretJson content;
  std::uint64_t version = 0;
};

util::Result<Opened> open_document(Provider& provider, std::string_view name) {
  WARDER_ASSIGN_OR_RETURN(const Document document, provider.get(name));
  auto content = SecretJson::parse(document.content.view());
  if (!content || !content->value().is_object()) {
    return Error(ErrorCode::kInvalid, fmt::format("{}: is no JSON object", name));
  }
  return Opened{std::move(*content), document.version};
}

util::Result<std::uint64_t> write_back(Provider& provider, std::string_view name, json content,
                                       std::uint64_t version, std::string_view author,
                                       std::string comment) {
  const SecretJson whole(std::move(content));
  PutOptions options;
  options.expected_version = version;
  options.author = std::string(author);
  options.comment = std::move(comment);
  return provider.put(name, whole.dump(), options);
}

}  // namespace

util::Result<std::vector<RotationEntry>> parse_rotation(std::string_view text) {
  WARDER_ASSIGN_OR_RETURN(const SecretJson parsed, SecretJson::parse(text));
  if (!parsed.value().is_object()) {
    return Error(ErrorCode::kInvalid, "is no JSON object");
  }
  std::vector<RotationEntry> entries;
  std::string problems;
  for (const auto& [name, value] : parsed.value().items()) {
    const std::size_t slash = name.rfind('/');
    const auto plan = plan_of(value);
    if (slash == std::string::npos || slash + 1 == name.size() ||
        !check_name(std::string_view(name).substr(0, slash)) || !plan) {
      problems += fmt::format(
          "{}'{}' is no rotation: the name must be DOCUMENT/KEY, every and overlap times such as "
          "30d, length a number from {} to {}, last a time",
          problems.empty() ? "" : "\n", util::printable(name, 80), kShortest, kLongestSecret);
      continue;
    }
    entries.push_back({name.substr(0, slash), name.substr(slash + 1), *plan});
  }
  if (!problems.empty()) {
    return Error(ErrorCode::kInvalid, problems);
  }
  return entries;
}

std::string rotation_text(const std::vector<RotationEntry>& entries) {
  json whole = json::object();
  for (const RotationEntry& entry : entries) {
    json plan = {{"overlap", util::format_duration(entry.plan.overlap)},
                 {"length", entry.plan.length}};
    if (entry.plan.every) {
      plan["every"] = util::format_duration(*entry.plan.every);
    }
    if (entry.plan.last) {
      plan["last"] = util::format_rfc3339(*entry.plan.last);
    }
    whole[entry.name()] = std::move(plan);
  }
  return whole.dump();
}

util::Result<std::uint64_t> rotate(Provider& provider, const RotationEntry& entry,
                                   std::string_view author, util::WallTime now) {
  WARDER_ASSIGN_OR_RETURN(const Opened opened, open_document(provider, entry.document));
  json content = opened.content.value();
  const json& old = member(content, entry.key);
  if (!old.is_null() && !old.is_string()) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("{}: is no string, so it is not replaced by one", entry.name()));
  }
  WARDER_ASSIGN_OR_RETURN(const SecretString fresh, generate_secret(entry.plan.length));
  if (old.is_string() && entry.plan.overlap.count() != 0) {
    content[entry.key + "_previous"] = old.get<std::string>();
    content[entry.key + "_previous_until"] = util::format_rfc3339(now + entry.plan.overlap);
  }
  content[entry.key] = std::string(fresh.view());
  return write_back(provider, entry.document, std::move(content), opened.version, author,
                    fmt::format("rotated {}", entry.key));
}

util::Result<std::optional<std::uint64_t>> end_overlap(Provider& provider,
                                                       const RotationEntry& entry,
                                                       std::string_view author,
                                                       util::WallTime now) {
  WARDER_ASSIGN_OR_RETURN(const Opened opened, open_document(provider, entry.document));
  json content = opened.content.value();
  const std::string until_name = entry.key + "_previous_until";
  if (!content.contains(until_name)) {
    return std::optional<std::uint64_t>();
  }
  const auto until = util::parse_rfc3339(text_member(content, until_name));
  if (until && *until > now) {
    return std::optional<std::uint64_t>();
  }
  content.erase(until_name);
  content.erase(entry.key + "_previous");
  WARDER_ASSIGN_OR_RETURN(const std::uint64_t version,
                          write_back(provider, entry.document, std::move(content), opened.version,
                                     author, fmt::format("took the previous {} away", entry.key)));
  return std::optional<std::uint64_t>(version);
}

util::Result<std::optional<util::WallTime>> overlap_end(Provider& provider,
                                                        const RotationEntry& entry) {
  WARDER_ASSIGN_OR_RETURN(const Opened opened, open_document(provider, entry.document));
  return util::parse_rfc3339(text_member(opened.content.value(), entry.key + "_previous_until"));
}

util::Result<SecretString> generate_secret(std::size_t length) {
  static constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  // The largest multiple of the alphabet's size in a byte: what lies above is thrown again.
  constexpr unsigned kFair = 256 / kAlphabet.size() * kAlphabet.size();
  SecretString secret = SecretString::of_size(length);
  SecretString random = SecretString::of_size(64);
  std::size_t used = random.size();
  for (std::uint8_t& byte : secret.mutable_bytes()) {
    unsigned thrown = 256;
    while (thrown >= kFair) {
      if (used == random.size()) {
        WARDER_RETURN_IF_ERROR(crypto::random_bytes(random.mutable_bytes()));
        used = 0;
      }
      thrown = random.bytes()[used++];
    }
    byte = static_cast<std::uint8_t>(kAlphabet[thrown % kAlphabet.size()]);
  }
  return secret;
}

}  // namespace warder::vault
