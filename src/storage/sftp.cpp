#include "storage/sftp.h"

#include "storage/parts.h"
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

constexpr std::size_t kMostListing = std::size_t{8} << 20U;
constexpr std::size_t kSizeField = 4;
constexpr std::size_t kFields = 9;

class TextSink : public util::ByteSink {
 public:
  util::Status write(util::ByteView bytes) override {
    if (text.size() + bytes.size() > kMostListing) {
      return Error(ErrorCode::kInvalid, "the folder has too many files");
    }
    text += util::as_text(bytes);
    return {};
  }
  std::string text;
};

// An argument of a command of libcurl's, in double quotes.
std::string in_quotes(std::string_view path) {
  std::string text = "\"";
  for (const char c : path) {
    if (c == '"' || c == '\\') {
      text += '\\';
    }
    text += c;
  }
  return text + '"';
}

}  // namespace

std::vector<Object> read_listing(std::string_view text) {
  std::vector<Object> found;
  for (const std::string_view line : util::split(text, '\n')) {
    const std::vector<std::string_view> words = util::split_words(line);
    // A file whose name begins with '.' or holds a blank is none of ours.
    if (words.size() != kFields || !words[0].starts_with('-') ||
        !is_valid_object_name(words.back())) {
      continue;
    }
    const std::string_view size = words[kSizeField];
    Object object{std::string(words.back()), 0};
    const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), object.bytes);
    if (error == std::errc() && end == size.data() + size.size()) {
      found.push_back(std::move(object));
    }
  }
  std::ranges::sort(found, {}, &Object::name);
  return found;
}

Sftp::Sftp(SftpOptions options)
    : options_(std::move(options)), url_(options_.url), transfer_({{}, true, options_.bandwidth}) {
  if (!url_.ends_with('/')) {
    url_ += '/';
  }
  const std::size_t host = url_.find("://");
  const std::size_t path = host == std::string::npos ? host : url_.find('/', host + 3);
  folder_ = path == std::string::npos ? "/" : url_.substr(path);
  // libcurl's own form for the home folder, which commands do not understand.
  if (folder_.starts_with("/~/")) {
    folder_ = folder_.substr(3);
  }
}

std::string Sftp::describe() const {
  const std::size_t at = url_.find('@');
  return fmt::format("sftp://{}", at == std::string::npos ? url_.substr(7) : url_.substr(at + 1));
}

util::Result<std::vector<Object>> Sftp::list_all() {
  TextSink listing;
  WARDER_RETURN_IF_ERROR(transfer_.sftp_download(url_, options_.login, listing));
  return read_listing(listing.text);
}

util::Result<std::vector<Object>> Sftp::list(std::string_view prefix) {
  WARDER_ASSIGN_OR_RETURN(std::vector<Object> all, list_all());
  std::erase_if(all, [&](const Object& object) { return !object.name.starts_with(prefix); });
  return all;
}

util::Status Sftp::put(const fs::path& file, std::string_view name, const Progress& progress) {
  WARDER_RETURN_IF_ERROR(check_object_name(name));
  WARDER_ASSIGN_OR_RETURN(const std::uint64_t size, size_of(file));
  // "part-" and not ".part-": servers list hidden files or not as they like.
  const std::string part = fmt::format("part-{}", name);
  std::uint64_t there = 0;
  WARDER_ASSIGN_OR_RETURN(const std::vector<Object> all, list_all());
  for (const Object& object : all) {
    if (object.name == part && object.bytes < size) {
      there = object.bytes;
    }
  }
  const std::string target = folder_ + std::string(name);
  const std::string temporary = folder_ + part;
  // A rename does not replace in SFTP version 3; a leading '*' lets a command fail.
  return transfer_.sftp_upload(
      url_ + part, options_.login, {file, there, size - there},
      {"*rm " + in_quotes(target),
       fmt::format("rename {} {}", in_quotes(temporary), in_quotes(target))},
      progress);
}

util::Status Sftp::get(std::string_view name, util::ByteSink& sink) {
  WARDER_RETURN_IF_ERROR(check_object_name(name));
  return transfer_.sftp_download(url_ + std::string(name), options_.login, sink);
}

util::Status Sftp::remove(std::string_view name) {
  WARDER_RETURN_IF_ERROR(check_object_name(name));
  WARDER_ASSIGN_OR_RETURN(const std::vector<Object> all, list_all());
  if (std::ranges::find(all, name, &Object::name) == all.end()) {
    return {};
  }
  return transfer_.sftp_commands(url_, options_.login,
                                 {"rm " + in_quotes(folder_ + std::string(name))});
}

}  // namespace warder::storage
