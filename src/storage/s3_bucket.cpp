#include "storage/s3_bucket.h"

#include "crypto/sha256.h"
#include "storage/parts.h"
#include "storage/sigv4.h"
#include "storage/xml.h"
#include "util/encoding.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <system_error>

namespace warder::storage {
namespace {

namespace fs = std::filesystem;
using util::Error;
using util::ErrorCode;

constexpr int kMostPages = 1000;
constexpr int kAttempts = 3;

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// An ETag without its quotes.
std::string unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  return std::string(text);
}

std::string code_of(const TransferAnswer& answer) {
  std::string code;
  if (!read_xml(answer.body, [&](const XmlPart& part) {
        if (part.path == "Error/Code") {
          code = util::printable(part.text, 64);
        }
      })) {
    code.clear();
  }
  return code;
}

// The second is what Versity's gateway says where it has one account alone, with status 404.
bool is_key_unknown(std::string_view code) {
  return code == "InvalidAccessKeyId" || code == "XAdminUserNotFound";
}

// Of the key itself, not of its rights. The token's two come with status 400.
bool is_key_refused(std::string_view code) {
  return code == "ExpiredToken" || code == "InvalidToken" || is_key_unknown(code);
}

util::Error refusal(const TransferAnswer& answer, const std::string& what) {
  const std::string code = code_of(answer);
  const std::string text =
      fmt::format("{}: status {}{}{}", what, answer.status, code.empty() ? "" : " ", code);
  if (answer.status == 404 && !is_key_refused(code)) {
    return Error(ErrorCode::kNotFound,
                 code == "NoSuchBucket" ? text + "; make the bucket or mend its name" : text);
  }
  const bool is_malformed = code == "AuthorizationHeaderMalformed";
  if (answer.status == 401 || answer.status == 403 || is_malformed || is_key_refused(code)) {
    const std::string_view remedy =
        is_malformed                     ? "the bucket lies in another region than region says"
        : code == "RequestTimeTooSkewed" ? "this host's clock is wrong"
        : code == "ExpiredToken" || code == "InvalidToken"
            ? "session_token is over, or of another access_key; let all three come from one path "
              "(vault:/aws/sts/ROLE/...)"
        : is_key_unknown(code)
            ? "the service does not know access_key; a temporary one needs its session_token, too"
            : "look at access_key, secret_key, region and the key's rights";
    return Error(ErrorCode::kDenied, fmt::format("{}; {}", text, remedy));
  }
  if (answer.status == 429 || answer.status >= 500) {
    return Error(ErrorCode::kUnavailable, text + "; try again later");
  }
  return Error(ErrorCode::kInvalid, text);
}

}  // namespace

S3Bucket::S3Bucket(S3Options options, std::unique_ptr<S3KeySource> keys, const util::Clock& clock)
    : options_(std::move(options)),
      keys_(std::move(keys)),
      clock_(clock),
      transfer_({options_.ca_file, true, options_.bandwidth, options_.ca}) {
  std::string_view url = options_.url;
  while (url.ends_with('/')) {
    url.remove_suffix(1);
  }
  const std::size_t begin = url.find("://") + 3;
  const std::size_t slash = url.find('/', begin);
  base_ = std::string(url.substr(0, slash));
  root_ = slash == std::string_view::npos ? "" : std::string(url.substr(slash));
  std::string_view host = std::string_view(base_).substr(begin);
  // libcurl leaves the scheme's own port out of the Host header.
  const std::string_view own = base_.starts_with("https") ? ":443" : ":80";
  if (host.ends_with(own)) {
    host.remove_suffix(own.size());
  }
  host_ = std::string(host);
}

std::string S3Bucket::describe() const {
  return fmt::format("S3 bucket {} at {}", options_.bucket, host_);
}

util::Result<TransferAnswer> S3Bucket::call(const Call& call) {
  SigV4Request request;
  request.method = call.method;
  request.host = host_;
  request.path = fmt::format("{}/{}", root_, encode(options_.bucket, Slash::kEncoded));
  request.path += call.key.empty() ? "" : "/" + encode(call.key, Slash::kKept);
  request.query = call.query;
  request.payload_sha256 = call.part != nullptr
                               ? call.part_sha256
                               : util::to_hex(crypto::sha256(util::as_bytes(call.body)));
  if (!call.content_md5.empty()) {
    request.headers["content-md5"] = call.content_md5;
  }
  if (call.method == "PUT" || call.method == "POST") {
    request.headers["content-type"] = "application/octet-stream";
  }
  const std::string query = encode_query(call.query);
  TransferRequest transfer;
  transfer.method = call.method;
  transfer.url = base_ + request.path + (query.empty() ? "" : "?" + query);
  transfer.body = call.body;
  transfer.part = call.part;
  transfer.sink = call.sink;
  transfer.progress = call.progress;
  // A sink cannot take back what it got; everything else is tried again when the service is busy.
  const int attempts = call.sink == nullptr ? kAttempts : 1;
  bool another_key = false;
  for (int attempt = 1;; ++attempt) {
    WARDER_ASSIGN_OR_RETURN(const S3Key key, keys_->current());
    WARDER_ASSIGN_OR_RETURN(
        transfer.headers,
        sign_v4(request,
                {key.access.view(), key.secret, options_.region, "s3", key.session_token.view()},
                clock_.now()));
    auto answer = transfer_.http(transfer);
    if (!answer) {
      if (attempt < attempts && answer.error().code() == ErrorCode::kUnavailable &&
          answer.error().message() != "stopped") {
        continue;
      }
      return answer.error().with_context(call.what);
    }
    if (answer->status >= 200 && answer->status < 300) {
      return answer;
    }
    if (answer->status >= 500 && attempt < attempts) {
      continue;
    }
    // Once: of a refused request the sink got nothing.
    if (!another_key && is_key_refused(code_of(*answer)) && keys_->refused()) {
      another_key = true;
      continue;
    }
    return refusal(*answer, call.what);
  }
}

util::Result<std::vector<Object>> S3Bucket::list(std::string_view prefix) {
  const std::string before = options_.prefix;
  std::vector<Object> found;
  std::string token;
  for (int page = 0; page < kMostPages; ++page) {
    Call list{.what = "listing the bucket"};
    list.query = {{"list-type", "2"}, {"prefix", before + std::string(prefix)}};
    if (!token.empty()) {
      list.query["continuation-token"] = token;
    }
    WARDER_ASSIGN_OR_RETURN(const TransferAnswer answer, call(list));
    token.clear();
    Object object;
    WARDER_RETURN_IF_ERROR(read_xml(answer.body, [&](const XmlPart& part) {
      if (part.path == "ListBucketResult/Contents/Key") {
        object.name = part.text;
      } else if (part.path == "ListBucketResult/Contents/Size") {
        object.bytes = number(part.text);
      } else if (part.path == "ListBucketResult/Contents" && part.ended) {
        if (object.name.starts_with(before)) {
          object.name.erase(0, before.size());
          if (object.name.starts_with(prefix) && is_valid_object_name(object.name)) {
            found.push_back(object);
          }
        }
        object = {};
      } else if (part.path == "ListBucketResult/NextContinuationToken") {
        token = part.text;
      }
    }));
    if (token.empty()) {
      std::ranges::sort(found, {}, &Object::name);
      return found;
    }
  }
  return Error(ErrorCode::kInvalid, "the bucket's listing does not end");
}

util::Status S3Bucket::put(const fs::path& file, std::string_view name, const Progress& progress) {
  WARDER_RETURN_IF_ERROR(check_object_name(name));
  WARDER_ASSIGN_OR_RETURN(const std::uint64_t size, size_of(file));
  const std::string key = options_.prefix + std::string(name);
  return size <= options_.part_size.value ? put_whole(file, key, size, progress)
                                          : put_parts(file, key, size, progress);
}

util::Status S3Bucket::put_whole(const fs::path& file, const std::string& key, std::uint64_t size,
                                 const Progress& progress) {
  WARDER_ASSIGN_OR_RETURN(const PartDigests digests, digests_of(file, {1, 0, size}));
  const FilePart part{file, 0, size};
  WARDER_ASSIGN_OR_RETURN(const TransferAnswer answer, call({.method = "PUT",
                                                             .key = key,
                                                             .part = &part,
                                                             .part_sha256 = digests.sha256,
                                                             .content_md5 = digests.md5_base64,
                                                             .progress = progress,
                                                             .what = "sending a file"}));
  return {};
}

util::Result<std::string> S3Bucket::upload_id(const std::string& key) {
  WARDER_ASSIGN_OR_RETURN(
      const TransferAnswer open,
      call({.query = {{"uploads", ""}, {"prefix", key}}, .what = "looking for a broken upload"}));
  std::string found;
  std::string name;
  std::string id;
  WARDER_RETURN_IF_ERROR(read_xml(open.body, [&](const XmlPart& part) {
    if (part.path == "ListMultipartUploadsResult/Upload/Key") {
      name = part.text;
    } else if (part.path == "ListMultipartUploadsResult/Upload/UploadId") {
      id = part.text;
    } else if (part.path == "ListMultipartUploadsResult/Upload" && part.ended && name == key) {
      found = id;  // the newest comes last
    }
  }));
  if (!found.empty()) {
    return found;
  }
  WARDER_ASSIGN_OR_RETURN(const TransferAnswer made, call({.method = "POST",
                                                           .key = key,
                                                           .query = {{"uploads", ""}},
                                                           .what = "beginning an upload"}));
  WARDER_RETURN_IF_ERROR(read_xml(made.body, [&](const XmlPart& part) {
    if (part.path == "InitiateMultipartUploadResult/UploadId") {
      found = part.text;
    }
  }));
  if (found.empty()) {
    return Error(ErrorCode::kInvalid, "the service names no upload id");
  }
  return found;
}

util::Result<std::map<int, S3Bucket::There>> S3Bucket::parts_there(const std::string& key,
                                                                   const std::string& id) {
  std::map<int, There> there;
  std::string marker;
  for (int page = 0; page < kMostPages; ++page) {
    Call list{.key = key, .query = {{"uploadId", id}}, .what = "listing parts"};
    if (!marker.empty()) {
      list.query["part-number-marker"] = marker;
    }
    WARDER_ASSIGN_OR_RETURN(const TransferAnswer answer, call(list));
    std::string next;
    bool more = false;
    int part_number = 0;
    There one;
    WARDER_RETURN_IF_ERROR(read_xml(answer.body, [&](const XmlPart& part) {
      if (part.path == "ListPartsResult/Part/PartNumber") {
        part_number = static_cast<int>(std::min<std::uint64_t>(number(part.text), 10'000));
      } else if (part.path == "ListPartsResult/Part/ETag") {
        one.etag = unquoted(part.text);
      } else if (part.path == "ListPartsResult/Part/Size") {
        one.bytes = number(part.text);
      } else if (part.path == "ListPartsResult/Part" && part.ended) {
        there[part_number] = one;
        one = {};
      } else if (part.path == "ListPartsResult/IsTruncated") {
        more = part.text == "true";
      } else if (part.path == "ListPartsResult/NextPartNumberMarker") {
        next = part.text;
      }
    }));
    if (!more || next.empty() || next == marker) {
      return there;
    }
    marker = next;
  }
  return there;
}

util::Status S3Bucket::put_parts(const fs::path& file, const std::string& key, std::uint64_t size,
                                 const Progress& progress) {
  WARDER_ASSIGN_OR_RETURN(const std::string id, upload_id(key));
  WARDER_ASSIGN_OR_RETURN(const auto there, parts_there(key, id));
  std::string commit = "<CompleteMultipartUpload>";
  for (const Part& part : cut(size, options_.part_size.value)) {
    WARDER_ASSIGN_OR_RETURN(const PartDigests digests, digests_of(file, part));
    const auto found = there.find(part.number);
    std::string etag;
    if (found != there.end() && found->second.bytes == part.bytes &&
        found->second.etag == digests.md5) {
      etag = found->second.etag;
    } else {
      const FilePart piece{file, part.offset, part.bytes};
      WARDER_ASSIGN_OR_RETURN(
          const TransferAnswer answer,
          call({.method = "PUT",
                .key = key,
                .query = {{"partNumber", fmt::format("{}", part.number)}, {"uploadId", id}},
                .part = &piece,
                .part_sha256 = digests.sha256,
                .content_md5 = digests.md5_base64,
                .progress = progress_within(part, progress),
                .what = fmt::format("sending part {}", part.number)}));
      const auto header = answer.headers.find("etag");
      if (header == answer.headers.end()) {
        return Error(ErrorCode::kInvalid, "the service names no ETag of a part");
      }
      etag = unquoted(header->second);
    }
    commit += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>&quot;{}&quot;</ETag></Part>",
                          part.number, encode(etag, Slash::kKept));
  }
  commit += "</CompleteMultipartUpload>";
  WARDER_ASSIGN_OR_RETURN(const TransferAnswer done, call({.method = "POST",
                                                           .key = key,
                                                           .query = {{"uploadId", id}},
                                                           .body = commit,
                                                           .what = "ending an upload"}));
  // A failure can come with status 200 here: the service sends the head before it has joined the
  // parts.
  bool whole = false;
  WARDER_RETURN_IF_ERROR(read_xml(done.body, [&](const XmlPart& part) {
    whole = whole || part.path.starts_with("CompleteMultipartUploadResult/");
  }));
  if (!whole) {
    return refusal(done, "ending an upload");
  }
  return {};
}

util::Status S3Bucket::get(std::string_view name, util::ByteSink& sink) {
  WARDER_RETURN_IF_ERROR(check_object_name(name));
  WARDER_ASSIGN_OR_RETURN(
      const TransferAnswer answer,
      call({.key = options_.prefix + std::string(name), .sink = &sink, .what = "reading it"}));
  return {};
}

util::Status S3Bucket::remove(std::string_view name) {
  WARDER_RETURN_IF_ERROR(check_object_name(name));
  const auto answer = call({.method = "DELETE",
                            .key = options_.prefix + std::string(name),
                            .what = fmt::format("removing {}", name)});
  if (!answer && answer.error().code() != ErrorCode::kNotFound) {
    return answer.error();
  }
  return {};
}

util::Result<Protection> S3Bucket::protection() {
  using State = Protection::State;
  const std::string command = fmt::format(
      "aws s3api put-object-lock-configuration --bucket {} --object-lock-configuration "
      "'{{\"ObjectLockEnabled\":\"Enabled\",\"Rule\":{{\"DefaultRetention\":{{\"Mode\":"
      "\"COMPLIANCE\","
      "\"Days\":30}}}}}}'",
      options_.bucket);
  Call ask{.what = "asking for the bucket's object lock"};
  ask.query = {{"object-lock", ""}};
  const auto answer = call(ask);
  if (!answer) {
    if (answer.error().code() != ErrorCode::kNotFound) {
      return answer.error();
    }
    return Protection{State::kNone,
                      "the bucket has no object lock: whoever has this host's key can remove every "
                      "backup",
                      command};
  }
  std::string mode;
  std::string length;
  WARDER_RETURN_IF_ERROR(read_xml(answer->body, [&](const XmlPart& part) {
    constexpr std::string_view kRule = "ObjectLockConfiguration/Rule/DefaultRetention/";
    if (!part.path.starts_with(kRule) || part.ended) {
      return;
    }
    const std::string_view name = part.path.substr(kRule.size());
    if (name == "Mode") {
      mode = util::printable(part.text, 20);
    } else if (name == "Days" || name == "Years") {
      length = util::counted(number(part.text), name == "Days" ? "day" : "year");
    }
  }));
  if (mode.empty()) {
    return Protection{State::kNone,
                      "the bucket knows object lock, but has no default retention: backups are not "
                      "locked",
                      command};
  }
  const bool locked = mode == "COMPLIANCE";
  return Protection{locked ? State::kLocked : State::kUnlocked,
                    fmt::format("object lock for {} in the mode {}{}", length, mode,
                                locked ? "" : ", which a permission can pass over"),
                    locked ? "" : command};
}

}  // namespace warder::storage
