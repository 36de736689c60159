#include "filter/line_decoder.h"

#include <catch2/catch.hpp>

using warder::filter::Encoding;
using warder::filter::LineDecoder;

namespace {

std::string decoded(std::string_view encoding, std::string_view line) {
  const auto made = LineDecoder::create(Encoding::parse(encoding).value().value()).value();
  return std::string(made->decode(line));
}

}  // namespace

TEST_CASE("logs in UTF-8 need no decoder") {
  for (const char* name : {"auto", "AUTO", "utf-8", "UTF8", "utf_8", "ascii", "us-ascii"}) {
    INFO(name);
    CHECK_FALSE(Encoding::parse(name).value());
  }
}

TEST_CASE("other encodings become UTF-8") {
  CHECK(decoded("latin-1", "M\xfcller") == "M\xc3\xbcller");
  CHECK(decoded("latin1", "\xe9") == "\xc3\xa9");
  CHECK(decoded("ISO-8859-15", "\xa4") == "\xe2\x82\xac");
  CHECK(decoded("CP1251", "\xc0\xe1") == "\xd0\x90\xd0\xb1");
  CHECK(decoded("koi8-r", "\xc1") == "\xd0\xb0");
  CHECK(decoded("EUC-JP", "a\xa4\xa2z") == "a\xe3\x81\x82z");
  // Longer than what is converted at a time.
  std::string expected;
  for (int i = 0; i < 5000; ++i) {
    expected += "\xc3\xa9";
  }
  CHECK(decoded("latin-1", std::string(5000, '\xe9')) == expected);
}

TEST_CASE("what is no text is replaced and counted by lines") {
  const auto decoder = LineDecoder::create(Encoding::parse("EUC-JP").value().value()).value();
  CHECK(decoder->decode("a\xff\xffz") == "a\xef\xbf\xbd\xef\xbf\xbdz");
  CHECK(decoder->decode("a\xa4") == "a\xef\xbf\xbd");
  CHECK(decoder->decode("a\xa4\xa2z") == "a\xe3\x81\x82z");
  CHECK(decoder->undecodable() == 2);
}

TEST_CASE("a line of ASCII is not copied") {
  const auto decoder = LineDecoder::create(Encoding::parse("latin-1").value().value()).value();
  const std::string line = "Jul 31 21:59:59 host sshd[1]: x";
  CHECK(decoder->decode(line).data() == line.data());
}

TEST_CASE("encodings that are refused") {
  CHECK(
      Encoding::parse("latin-99").error().message() ==
      "'latin-99' is no encoding that iconv knows; allowed are auto, utf-8, latin-1 and the names "
      "that `iconv -l` prints");
  CHECK(
      Encoding::parse("latin1//IGNORE").error().message() ==
      "'latin1//IGNORE' is no encoding that iconv knows; allowed are auto, utf-8, latin-1 and the "
      "names that `iconv -l` prints");
  for (const char* name : {"UTF-16", "UTF-16LE", "UTF-32", "IBM037", "ISO-2022-JP", "UTF-7"}) {
    INFO(name);
    const auto refused = Encoding::parse(name);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message().find("does not stand for itself") != std::string::npos);
  }
  CHECK_FALSE(Encoding::parse(""));
}
