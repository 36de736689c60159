#pragma once

#include "util/result.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace warder::filter {

// The encoding of a log that is not UTF-8: a plain value.
class Encoding {
 public:
  // What `logencoding` says. Empty for "auto" and the names of UTF-8: such lines are judged as the
  // bytes they are. kInvalid for a name that iconv does not know, and for encodings in which ASCII
  // does not stand for itself (UTF-16, EBCDIC, ISO-2022): line ends could not be found in them.
  static util::Result<std::optional<Encoding>> parse(std::string_view text);

  const std::string& name() const { return name_; }
  friend bool operator==(const Encoding&, const Encoding&) = default;

 private:
  explicit Encoding(std::string name) : name_(std::move(name)) {}
  std::string name_;
};

// Makes UTF-8 of the lines of a log in another encoding. One thread at a time.
class LineDecoder {
 public:
  // kInternal when iconv fails for an encoding that it knew.
  static util::Result<std::unique_ptr<LineDecoder>> create(const Encoding& encoding);
  ~LineDecoder();
  LineDecoder(const LineDecoder&) = delete;
  LineDecoder& operator=(const LineDecoder&) = delete;

  // The line as UTF-8: itself where it is ASCII, else in a buffer that the next call reuses. A byte
  // that is no text becomes U+FFFD.
  std::string_view decode(std::string_view line);
  // Lines with such bytes so far.
  std::uint64_t undecodable() const { return undecodable_; }

 private:
  explicit LineDecoder(void* converter) : converter_(converter) {}
  void* converter_;  // iconv_t
  std::string buffer_;
  std::uint64_t undecodable_ = 0;
};

}  // namespace warder::filter
