#include "config/ini.h"

#include <catch2/catch.hpp>

using namespace warder::config;

namespace {

// "name=value" a line with '\n' in values written out, so that whole files compare at a glance.
std::string shown(const Layer& layer) {
  std::string text;
  for (const RawSection& section : layer.sections) {
    text += "[" + section.name + "]";
    for (const RawOption& option : section.options) {
      std::string value;
      for (const char c : option.value) {
        value += c == '\n' ? std::string("\\n") : std::string(1, c);
      }
      text += " " + option.name + "=" + value + "@" + std::to_string(option.place.line);
    }
    text += "\n";
  }
  return text;
}

std::string read(std::string_view text) {
  Diagnostics diagnostics;
  const Layer layer = parse_ini(text, "a.conf", diagnostics);
  CHECK(diagnostics.to_text() == "");
  return shown(layer);
}

std::string errors(std::string_view text) {
  Diagnostics diagnostics;
  parse_ini(text, "a.conf", diagnostics);
  return diagnostics.to_text();
}

}  // namespace

TEST_CASE("values go on in deeper indented lines") {
  CHECK(read("[x]\na=1\n 2\n\n 3\n#c\n 4\n  ;c\n 5 ; c\n") == "[x] a=1\\n2\\n\\n3\\n4\\n5@2\n");
  CHECK(read("[x]\n  a=1\n  b=2\n   c=3\n") == "[x] a=1@2 b=2\\nc=3@3\n");
  CHECK(read("[x]\nfailregex = ^a\n ^b ;c d\n ^e\\;f ; g\n # h\n ^i #j\n") ==
        "[x] failregex=^a\\n^b\\n^e\\;f\\n^i #j@2\n");
  CHECK(read("[x]\na =\n\tb\n\t\tc\n\n\n") == "[x] a=\\nb\\nc@2\n");
  CHECK(read("[x]\na = 1\n\n\nb = 2\n") == "[x] a=1@2 b=2@5\n");
}

TEST_CASE("the first delimiter parts name and value") {
  CHECK(read("[x]\na: 1=2\nb = 1:2\n") == "[x] a=1=2@2 b=1:2@3\n");
  CHECK(read("[x]\na:b = 1\n") == "[x] a=b = 1@2\n");
  CHECK(read("[x]\nBanTime.Factor =\n") == "[x] bantime.factor=@2\n");
  CHECK(read("[x]\r\na = 1\r\n b\r\n") == "[x] a=1\\nb@2\n");
  CHECK(read("[x]\nk?family=inet6 = v\n") == "[x] k?family=inet6 = v@2\n");
}

TEST_CASE("comments") {
  CHECK(read("# c\n[x] ; c\n ; c\na = 1 ; c\nb = 1;c\nc = 1 # c\nd = ;x\n") ==
        "[x] a=1@4 b=1;c@5 c=1 # c@6 d=@7\n");
}

TEST_CASE("section headers are taken up to the last bracket") {
  CHECK(read("[ x ]\n[z]junk\n[y] ; c\n[a]b]\n") == "[ x ]\n[z]\n[y]\n[a]b]\n");
  CHECK(read("[DEFAULT]\na=1\n[x]\n[DEFAULT]\nb=2\n") == "[DEFAULT] a=1@2\n[x]\n[DEFAULT] b=2@5\n");
}

TEST_CASE("a conditional section names the options of the plain one") {
  CHECK(read("[Init]\na=4\n[Init?family=inet6]\na=6\n") ==
        "[Init] a=4@2\n[Init] a?family=inet6=6@4\n");
  CHECK(read("[a b?c]\nd=1\n") == "[a b?c] d=1@2\n");
}

TEST_CASE("everything wrong in a file is told at once, with its line") {
  CHECK(errors("a = 1\nb = 2\n[x]\nlonely\n  more of it\nc = 1\nC = 2\n[y]\n[x]\n= "
               "3\nd=\x01\ne=\xFF\n") ==
        "a.conf:1: text before the first section; begin with a line like [DEFAULT]\n"
        "a.conf:4: the line is no option; write name = value, or indent the line to continue the "
        "value above\n"
        "a.conf:7: [x] c stands twice, first at line 6; keep one of them\n"
        "a.conf:9: the section [x] stands twice, first at line 3; join the two\n"
        "a.conf:10: the line is no option; write name = value, or indent the line to continue the "
        "value above\n"
        "a.conf:11: the line holds a control character; remove it\n"
        "a.conf:12: the line is not valid UTF-8; save the file as UTF-8\n");
  CHECK(errors("\xEF\xBB\xBF[x]\n") ==
        "a.conf:1: the file begins with a byte order mark; save it as UTF-8 without one\n");
  CHECK(errors("[DEFAULT]\na=1\n[DEFAULT]\na=2\n") ==
        "a.conf:4: [DEFAULT] a stands twice, first at line 2; keep one of them\n");
  CHECK(errors("[]\n") ==
        "a.conf:1: text before the first section; begin with a line like [DEFAULT]\n");
}

TEST_CASE("a regular expression cut by a comment is told") {
  CHECK(errors("[Definition]\nfailregex = ^a ;(b|c)$\n") ==
        "a.conf:2: warning: [Definition] failregex: ';(b|c)$' is a comment, not part of the "
        "expression; write [;] where a semicolon is meant\n");
}
