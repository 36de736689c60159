#include "filter/regex.h"

#include <re2/re2.h>

namespace warder::filter {

util::Result<std::unique_ptr<re2::RE2>> compile_regex(std::string_view regex, RegexText text) {
  re2::RE2::Options options;
  options.set_encoding(text == RegexText::kUtf8 ? re2::RE2::Options::EncodingUTF8
                                                : re2::RE2::Options::EncodingLatin1);
  options.set_log_errors(false);
  options.set_max_mem(kRegexMemory);
  auto compiled = std::make_unique<re2::RE2>(re2::StringPiece(regex.data(), regex.size()), options);
  if (!compiled->ok()) {
    return util::Error(util::ErrorCode::kInvalid, compiled->error());
  }
  return compiled;
}

}  // namespace warder::filter
