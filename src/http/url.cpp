#include "http/url.h"

#include "http/client.h"
#include "http/library.h"
#include "util/strings.h"

#include <memory>

namespace warder::http {
namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { library()->url_cleanup(url); }
};

std::optional<std::string> part(CURLU* url, CURLUPart which) {
  char* text = nullptr;
  if (library()->url_get(url, which, &text, 0) != CURLUE_OK) {
    return std::nullopt;
  }
  std::string copy(text);
  library()->free(text);
  return copy;
}

}  // namespace

std::string Target::to_string() const {
  std::string text = scheme + "://";
  text += host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (!port.empty()) {
    text += ":" + port;
  }
  return util::printable(text, 300);
}

std::optional<Target> parse_target(std::string_view url) {
  const std::unique_ptr<CURLU, FreeUrl> parsed(library() != nullptr ? library()->url() : nullptr);
  // A NUL would end the text early for libcurl.
  if (!parsed || url.size() > 8192 || url.find('\0') != std::string_view::npos ||
      library()->url_set(parsed.get(), CURLUPART_URL, std::string(url).c_str(), 0) != CURLUE_OK) {
    return std::nullopt;
  }
  auto scheme = part(parsed.get(), CURLUPART_SCHEME);
  auto host = part(parsed.get(), CURLUPART_HOST);
  if (!scheme || !host || (*scheme != "http" && *scheme != "https") || host->empty() ||
      part(parsed.get(), CURLUPART_USER) || part(parsed.get(), CURLUPART_PASSWORD)) {
    return std::nullopt;
  }
  Target target;
  target.scheme = *scheme;
  target.host = util::to_lower(*host);
  if (target.host.size() > 2 && target.host.front() == '[') {
    target.host = target.host.substr(1, target.host.size() - 2);
  }
  target.port = part(parsed.get(), CURLUPART_PORT).value_or("");
  return target;
}

std::string masked_url(std::string_view url) {
  const auto target = parse_target(url);
  return target ? target->to_string() + "/..." : "(unreadable address)";
}

std::string percent_encode(std::string_view text, Slashes slashes) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
        c == '.' || c == '_' || c == '~' || (c == '/' && slashes == Slashes::kKept)) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kDigits[byte >> 4U];
      encoded += kDigits[byte & 15U];
    }
  }
  return encoded;
}

}  // namespace warder::http
