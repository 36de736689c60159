#include "storage/oci_bucket.h"

#include "oci/answer.h"
#include "oci/signature.h"
#include "storage/parts.h"
#include "storage/sigv4.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <system_error>

namespace warder::storage {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using util::Error;
using util::ErrorCode;

constexpr int kMostPages = 1000;

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t number_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

util::Error senseless(const std::string& what) {
  return Error(ErrorCode::kInvalid, fmt::format("{}: the answer makes no sense", what));
}

std::size_t path_begin(const std::string& base) {
  return std::min(base.find('/', base.find("://") + 3), base.size());
}

std::string header_of(const TransferAnswer& answer, const std::string& name) {
  const auto found = answer.headers.find(name);
  return found == answer.headers.end() ? std::string() : found->second;
}

// A rule without a duration holds for ever; one is locked from a time on, which may lie ahead.
Protection protection_of(const json& rule, util::WallTime now) {
  using State = Protection::State;
  std::string length = "without an end";
  if (rule.is_object() && rule.contains("duration") && rule["duration"].is_object()) {
    const json& duration = rule["duration"];
    length = "of " + util::counted(number_of(duration, "timeAmount"),
                                   text_of(duration, "timeUnit") == "YEARS" ? "year" : "day");
  }
  const std::string since = rule.is_object() ? text_of(rule, "timeRuleLocked") : std::string();
  const auto locked = util::parse_rfc3339(since);
  if (!locked) {
    return {
        State::kUnlocked,
        fmt::format("a retention rule {}, not locked: whoever manages the bucket can take it away",
                    length),
        ""};
  }
  return {*locked <= now ? State::kLocked : State::kUnlocked,
          fmt::format("a retention rule {}, {} {}", length,
                      *locked <= now ? "locked since" : "to be locked from",
                      util::format_rfc3339(*locked)),
          ""};
}

}  // namespace

OciBucket::OciBucket(OciBucketOptions options, std::unique_ptr<oci::Credentials> credentials,
                     oci::Endpoints endpoints, const http::ClientOptions& http,
                     const util::Clock& clock)
    : options_(std::move(options)),
      credentials_(std::move(credentials)),
      base_(endpoints.base(oci::Service::kObjectStorage)
                .substr(0, path_begin(endpoints.base(oci::Service::kObjectStorage)))),
      root_(endpoints.base(oci::Service::kObjectStorage)
                .substr(path_begin(endpoints.base(oci::Service::kObjectStorage)))),
      clock_(clock),
      transfer_({http.ca_file, http.verify == http::Verify::kYes, options_.bandwidth}) {
  host_ = base_.substr(base_.find("://") + 3);
}

std::string OciBucket::describe() const {
  return fmt::format("OCI bucket {} at {}", options_.bucket, host_);
}

util::Result<TransferAnswer> OciBucket::attempt(const Call& call, const std::string& target) {
  WARDER_ASSIGN_OR_RETURN(const oci::Identity identity, credentials_->current());
  oci::Request request;
  request.method = call.method;
  request.target = target;
  request.host = host_;
  request.body = call.body;
  request.signed_set = call.part != nullptr ? oci::SignedSet::kObject : oci::SignedSet::kUsual;
  WARDER_ASSIGN_OR_RETURN(const auto headers,
                          oci::sign(request, identity.key_id, *identity.key, clock_.now()));
  TransferRequest transfer;
  transfer.method = call.method;
  transfer.url = base_ + target;
  for (const auto& [name, value] : headers) {
    transfer.headers.push_back(fmt::format("{}: {}", name, value));
  }
  if (call.part != nullptr) {
    transfer.headers.emplace_back("content-type: application/octet-stream");
    transfer.headers.push_back(fmt::format("content-md5: {}", call.content_md5));
  }
  transfer.body = call.body;
  transfer.part = call.part;
  transfer.sink = call.sink;
  transfer.progress = call.progress;
  return transfer_.http(transfer);
}

util::Result<TransferAnswer> OciBucket::call(const Call& call) {
  std::string target = root_;
  if (call.path.starts_with("/n")) {
    target += call.path;
  } else {
    WARDER_RETURN_IF_ERROR(find_namespace());
    target += fmt::format("/n/{}/b/{}{}", encode(options_.object_namespace, Slash::kEncoded),
                          encode(options_.bucket, Slash::kEncoded), call.path);
  }
  if (!call.query.empty()) {
    target += '?' + encode_query(call.query);
  }
  for (int attempt_number = 1;; ++attempt_number) {
    auto answer = attempt(call, target);
    if (!answer) {
      return answer.error().with_context(call.what);
    }
    if (answer->status >= 200 && answer->status < 300) {
      return answer;
    }
    const oci::Meaning meaning =
        oci::describe({answer->status, answer->body, header_of(*answer, "date"),
                       header_of(*answer, "opc-request-id")},
                      call.what, credentials_->kind(), clock_.now());
    if (meaning.advice == oci::Advice::kRenew && attempt_number == 1) {
      WARDER_ASSIGN_OR_RETURN(const bool renewed, credentials_->renew());
      if (renewed) {
        continue;
      }
    }
    return meaning.error;
  }
}

util::Status OciBucket::find_namespace() {
  if (!options_.object_namespace.empty()) {
    return {};
  }
  const std::string what = "asking for the namespace";
  WARDER_ASSIGN_OR_RETURN(const TransferAnswer answer, call({.path = "/n", .what = what}));
  const json name = json::parse(answer.body, nullptr, false);
  if (!name.is_string() || name.get_ref<const std::string&>().empty()) {
    return senseless(what);
  }
  options_.object_namespace = name.get<std::string>();
  return {};
}

util::Result<std::vector<Object>> OciBucket::list(std::string_view prefix) {
  const std::string what = "listing the bucket";
  std::vector<Object> found;
  std::string start;
  for (int page = 0; page < kMostPages; ++page) {
    Call list{.path = "/o", .what = what};
    list.query = {{"prefix", options_.prefix + std::string(prefix)}, {"fields", "name,size"}};
    if (!start.empty()) {
      list.query["start"] = start;
    }
    WARDER_ASSIGN_OR_RETURN(const TransferAnswer answer, call(list));
    const json document = json::parse(answer.body, nullptr, false);
    if (!document.is_object() || !document.contains("objects") || !document["objects"].is_array()) {
      return senseless(what);
    }
    for (const json& one : document["objects"]) {
      if (!one.is_object()) {
        return senseless(what);
      }
      std::string name = text_of(one, "name");
      if (!name.starts_with(options_.prefix)) {
        continue;
      }
      name.erase(0, options_.prefix.size());
      if (name.starts_with(prefix) && is_valid_object_name(name)) {
        found.push_back({std::move(name), number_of(one, "size")});
      }
    }
    start = text_of(document, "nextStartWith");
    if (start.empty()) {
      std::ranges::sort(found, {}, &Object::name);
      return found;
    }
  }
  return Error(ErrorCode::kInvalid, "the bucket's listing does not end");
}

util::Status OciBucket::put(const fs::path& file, std::string_view name, const Progress& progress) {
  WARDER_RETURN_IF_ERROR(check_object_name(name));
  WARDER_ASSIGN_OR_RETURN(const std::uint64_t size, size_of(file));
  const std::string key = options_.prefix + std::string(name);
  if (size > options_.part_size.value) {
    return put_parts(file, key, size, progress);
  }
  WARDER_ASSIGN_OR_RETURN(const PartDigests digests, digests_of(file, {1, 0, size}));
  const FilePart part{file, 0, size};
  WARDER_ASSIGN_OR_RETURN(const TransferAnswer answer,
                          call({.method = "PUT",
                                .path = "/o/" + encode(key, Slash::kEncoded),
                                .part = &part,
                                .content_md5 = digests.md5_base64,
                                .progress = progress,
                                .what = "sending a file"}));
  return {};
}

util::Result<std::string> OciBucket::upload_id(const std::string& key) {
  std::string page;
  for (int number = 0; number < kMostPages; ++number) {
    Call list{.path = "/u", .what = "looking for a broken upload"};
    if (!page.empty()) {
      list.query["page"] = page;
    }
    WARDER_ASSIGN_OR_RETURN(const TransferAnswer answer, call(list));
    const json uploads = json::parse(answer.body, nullptr, false);
    if (!uploads.is_array()) {
      return senseless(list.what);
    }
    for (const json& one : uploads) {
      if (one.is_object() && text_of(one, "object") == key && !text_of(one, "uploadId").empty()) {
        return text_of(one, "uploadId");
      }
    }
    page = header_of(answer, "opc-next-page");
    if (page.empty()) {
      break;
    }
  }
  const std::string what = "beginning an upload";
  const std::string body = json{{"object", key}}.dump();
  WARDER_ASSIGN_OR_RETURN(const TransferAnswer made,
                          call({.method = "POST", .path = "/u", .body = body, .what = what}));
  const json document = json::parse(made.body, nullptr, false);
  if (!document.is_object() || text_of(document, "uploadId").empty()) {
    return senseless(what);
  }
  return text_of(document, "uploadId");
}

util::Result<std::map<int, OciBucket::There>> OciBucket::parts_there(const std::string& key,
                                                                     const std::string& id) {
  std::map<int, There> there;
  std::string page;
  for (int number = 0; number < kMostPages; ++number) {
    Call list{.path = "/u/" + encode(key, Slash::kEncoded),
              .query = {{"uploadId", id}},
              .what = "listing parts"};
    if (!page.empty()) {
      list.query["page"] = page;
    }
    WARDER_ASSIGN_OR_RETURN(const TransferAnswer answer, call(list));
    const json parts = json::parse(answer.body, nullptr, false);
    if (!parts.is_array()) {
      return senseless(list.what);
    }
    for (const json& one : parts) {
      if (one.is_object()) {
        there[static_cast<int>(std::min<std::uint64_t>(number_of(one, "partNumber"), 10'000))] = {
            number_of(one, "size"), text_of(one, "etag"), text_of(one, "md5")};
      }
    }
    page = header_of(answer, "opc-next-page");
    if (page.empty()) {
      break;
    }
  }
  return there;
}

util::Status OciBucket::put_parts(const fs::path& file, const std::string& key, std::uint64_t size,
                                  const Progress& progress) {
  WARDER_ASSIGN_OR_RETURN(const std::string id, upload_id(key));
  WARDER_ASSIGN_OR_RETURN(const auto there, parts_there(key, id));
  const std::string path = "/u/" + encode(key, Slash::kEncoded);
  json commit{{"partsToCommit", json::array()}};
  for (const Part& part : cut(size, options_.part_size.value)) {
    WARDER_ASSIGN_OR_RETURN(const PartDigests digests, digests_of(file, part));
    const auto found = there.find(part.number);
    std::string etag;
    if (found != there.end() && found->second.bytes == part.bytes &&
        found->second.md5 == digests.md5_base64) {
      etag = found->second.etag;
    } else {
      const FilePart piece{file, part.offset, part.bytes};
      WARDER_ASSIGN_OR_RETURN(
          const TransferAnswer answer,
          call({.method = "PUT",
                .path = path,
                .query = {{"uploadId", id}, {"uploadPartNum", fmt::format("{}", part.number)}},
                .part = &piece,
                .content_md5 = digests.md5_base64,
                .progress = progress_within(part, progress),
                .what = fmt::format("sending part {}", part.number)}));
      etag = header_of(answer, "etag");
      if (etag.empty()) {
        return senseless(fmt::format("sending part {}", part.number));
      }
    }
    commit["partsToCommit"].push_back({{"partNum", part.number}, {"etag", etag}});
  }
  const std::string body = commit.dump();
  WARDER_ASSIGN_OR_RETURN(const TransferAnswer done, call({.method = "POST",
                                                           .path = path,
                                                           .query = {{"uploadId", id}},
                                                           .body = body,
                                                           .what = "ending an upload"}));
  return {};
}

util::Status OciBucket::get(std::string_view name, util::ByteSink& sink) {
  WARDER_RETURN_IF_ERROR(check_object_name(name));
  WARDER_ASSIGN_OR_RETURN(
      const TransferAnswer answer,
      call({.path = "/o/" + encode(options_.prefix + std::string(name), Slash::kEncoded),
            .sink = &sink,
            .what = "reading it"}));
  return {};
}

util::Status OciBucket::remove(std::string_view name) {
  WARDER_RETURN_IF_ERROR(check_object_name(name));
  const auto answer =
      call({.method = "DELETE",
            .path = "/o/" + encode(options_.prefix + std::string(name), Slash::kEncoded),
            .what = fmt::format("removing {}", name)});
  if (!answer && answer.error().code() != ErrorCode::kNotFound) {
    return answer.error();
  }
  return {};
}

util::Result<Protection> OciBucket::protection() {
  const std::string what = "asking for the bucket's retention rules";
  Protection best;
  std::string page;
  for (int number = 0; number < kMostPages; ++number) {
    Call list{.path = "/retentionRules", .what = what};
    if (!page.empty()) {
      list.query["page"] = page;
    }
    WARDER_ASSIGN_OR_RETURN(const TransferAnswer answer, call(list));
    const json document = json::parse(answer.body, nullptr, false);
    if (!document.is_object() || !document.contains("items") || !document["items"].is_array()) {
      return senseless(what);
    }
    for (const json& rule : document["items"]) {
      Protection found = protection_of(rule, clock_.now());
      if (best.text.empty() || found.state > best.state) {
        best = std::move(found);
      }
    }
    page = header_of(answer, "opc-next-page");
    if (page.empty()) {
      break;
    }
  }
  if (best.text.empty()) {
    best.text =
        "the bucket has no retention rule: whoever has this host's key can remove every backup";
  }
  if (best.state != Protection::State::kLocked) {
    // A lock takes effect 14 days after it is set at the earliest, and cannot be taken back then.
    best.command = fmt::format(
        "oci os retention-rule create --bucket-name {} --display-name warder --time-amount 30 "
        "--time-unit days --time-rule-locked {}",
        options_.bucket,
        util::format_rfc3339(std::chrono::floor<std::chrono::days>(clock_.now()) +
                             std::chrono::days(15)));
  }
  return best;
}

}  // namespace warder::storage
