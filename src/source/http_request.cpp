#include "source/http_request.h"

#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace warder::source {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kGood = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

// The value of the one field of that name; empty where there is none, nothing where there are two.
std::optional<std::string_view> field(std::string_view head, std::string_view name) {
  std::string_view value;
  bool found = false;
  for (const std::string_view line : util::split(head, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || util::to_lower(line.substr(0, colon)) != name) {
      continue;
    }
    if (found) {
      return std::nullopt;
    }
    found = true;
    value = util::trim(line.substr(colon + 1));
  }
  return value;
}

}  // namespace

std::string_view HttpRequestReader::judge_head(std::string_view head) {
  const std::string_view request = head.substr(0, head.find("\r\n"));
  const std::size_t method_end = request.find(' ');
  const std::size_t path_end = request.rfind(' ');
  if (method_end == std::string_view::npos || path_end <= method_end ||
      request.substr(path_end + 1) != "HTTP/1.1") {
    return "400 Bad Request";
  }
  if (request.substr(method_end + 1, path_end - method_end - 1) != limits_->path) {
    return "404 Not Found";
  }
  if (request.substr(0, method_end) != "POST") {
    return "405 Method Not Allowed";
  }
  const auto coding = field(head, "transfer-encoding");
  const auto length = field(head, "content-length");
  if (!coding || !coding->empty() || !length || length->empty()) {
    return "411 Length Required";
  }
  const auto [end, error] = std::from_chars(length->data(), length->data() + length->size(), left_);
  if (error != std::errc() || end != length->data() + length->size()) {
    return "400 Bad Request";
  }
  return left_ > limits_->longest_body ? "413 Content Too Large" : "";
}

bool HttpRequestReader::feed(std::string_view bytes, std::string& answers) {
  while (!bytes.empty()) {
    if (in_body_) {
      const std::string_view part =
          bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
      lines_.feed(part);
      bytes.remove_prefix(part.size());
      left_ -= part.size();
    } else {
      // The end of a head may lie across two reads.
      const std::size_t before = head_.size();
      const std::size_t room = kLongestHead - std::min(before, kLongestHead);
      head_ += bytes.substr(0, room);
      const std::size_t end = head_.find(kHeadEnd, before < 3 ? 0 : before - 3);
      if (end == std::string::npos) {
        if (head_.size() >= kLongestHead) {
          answers +=
              "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\n"
              "Connection: close\r\n\r\n";
          return false;
        }
        return true;
      }
      bytes.remove_prefix(end + kHeadEnd.size() - before);
      head_.resize(end);
      if (const std::string_view refusal = judge_head(head_); !refusal.empty()) {
        answers +=
            fmt::format("HTTP/1.1 {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", refusal);
        return false;
      }
      if (const auto expects = field(head_, "expect"); expects && !expects->empty()) {
        answers += "HTTP/1.1 100 Continue\r\n\r\n";
      }
      head_.clear();
      in_body_ = true;
    }
    if (in_body_ && left_ == 0) {
      lines_.end_line();  // a last line without its end
      in_body_ = false;
      answers += kGood;
    }
  }
  return true;
}

}  // namespace warder::source
