#include "util/strings.h"

#include <catch2/catch.hpp>

#include <array>

using namespace warder::util;

TEST_CASE("text from outside is made harmless") {
  CHECK(printable("plain text") == "plain text");
  CHECK(printable("a\tb\r\nBcc: x\x1b[31m") == "a\\x09b\\x0d\\x0aBcc: x\\x1b[31m");
  CHECK(printable("caf\xC3\xA9") == "caf\xC3\xA9");
  CHECK(printable("\xC3\x28\xFF") == "\\xc3(\\xff");
  // An escape of ours cannot be forged by text that already looks like one.
  CHECK(printable("\\x0a") == "\\\\x0a");
  CHECK(printable("user\xE2\x80\xAEgnp.exe") == "user\\u{202e}gnp.exe");
  CHECK(printable(std::string_view("a\0b", 3)) == "a\\x00b");
  // Overlong "/" and a lone surrogate are no UTF-8.
  CHECK(printable("\xC0\xAF\xED\xA0\x80") == "\\xc0\\xaf\\xed\\xa0\\x80");
}

TEST_CASE("printable text is cut without tearing an escape") {
  CHECK(printable("abcdefghij", 8) == "abcde...");
  CHECK(printable("ab\x01\x02\x03", 8) == "ab...");
  CHECK(printable(std::string(1000000, '\x01'), 16).size() <= 16);
  CHECK(printable(std::string(1000000, '\xFF'), 16) == "\\xff\\xff\\xff...");
}

TEST_CASE("invalid UTF-8 is replaced") {
  CHECK(to_valid_utf8("a\xFF"
                      "b") ==
        "a\xEF\xBF\xBD"
        "b");
  CHECK(to_valid_utf8("\xE2\x82") == "\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST_CASE("words and parts") {
  CHECK(split("a,,b", ',') == std::vector<std::string_view>{"a", "", "b"});
  CHECK(split_words("  a \n b ") == std::vector<std::string_view>{"a", "b"});
  CHECK(split_words("   ").empty());
  CHECK(trim(" \t x \n") == "x");
}

TEST_CASE("did you mean") {
  constexpr std::array<std::string_view, 4> kKeys{"bantime", "findtime", "maxretry", "port"};
  CHECK(edit_distance("bnatime", "bantime") == 1);
  CHECK(nearest("bnatime", kKeys) == "bantime");
  CHECK(nearest("max_retry", kKeys) == "maxretry");
  CHECK_FALSE(nearest("colour", kKeys));
}

TEST_CASE("text made printable once stays what it is") {
  const std::string hostile = "a\\b\x1b[31m \xE2\x80\xAE \xFF \n";
  const std::string once = printable(hostile);
  CHECK(once == "a\\\\b\\x1b[31m \\u{202e} \\xff \\x0a");
  CHECK(printable_again(once) == once);
  CHECK(printable_again(hostile) == "a\\b\\x1b[31m \\u{202e} \\xff \\x0a");
  CHECK(printable_again("0123456789", 8) == "01234...");
}
