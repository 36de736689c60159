#include "config/definition.h"

#include "config/ini.h"

#include <catch2/catch.hpp>

using namespace warder;
using namespace warder::config;

namespace {

Document document(std::initializer_list<std::string_view> files) {
  Document result;
  Diagnostics diagnostics;
  for (const std::string_view file : files) {
    result.add(parse_ini(file, "x.conf", diagnostics));
  }
  REQUIRE(diagnostics.to_text() == "");
  return result;
}

std::string get(const Document& from, std::string_view option, const Parameters& parameters = {},
                const Parameters& automatic = {}) {
  const auto value = Definition(from, parameters, Place{"jail.conf", 7}, automatic).get(option);
  if (!value) {
    return value.error().message();
  }
  return value->has_value() ? (*value)->text : "(unset)";
}

std::string substitute(std::string_view text, const Parameters& tags) {
  const auto result = substitute_tags(
      text, "self", [&](std::string_view tag) -> util::Result<std::optional<std::string>> {
        const auto found = tags.find(tag);
        return found == tags.end() ? std::optional<std::string>() : found->second;
      });
  return result ? *result : result.error().message();
}

}  // namespace

TEST_CASE("tags are replaced inside out until nothing changes") {
  CHECK(substitute("<a>-<b>-<HOST>", {{"a", "1"}, {"b", "<a>2"}}) == "1-12-<HOST>");
  CHECK(substitute("<mdre-<mode>-other>", {{"mode", "normal"}, {"mdre-normal-other", "x"}}) == "x");
  CHECK(substitute("(?P<x>a) < a> <a <b>> <>", {{"a", "1"}, {"b", "2"}}) ==
        "(?P<x>a) < a> <a 2> <>");
  CHECK(substitute("<a", {{"a", "1"}}) == "<a");
  CHECK(substitute("<a><a><a>", {{"a", "1"}}) == "111");
}

TEST_CASE("substitution ends whatever the tags say") {
  CHECK(substitute("<self>", {{"self", "x"}}) == "<self> refers to itself");
  CHECK(substitute("<a>", {{"a", "<b>"}, {"b", "<a>"}}) == "<a> refers to itself");
  CHECK(substitute("<a>", {{"a", "<<a>"}}) == "<a> refers to itself");
  CHECK(substitute("<a>", {{"a", "<b><b>"}, {"b", std::string(200000, 'x')}}) ==
        "<b> makes the value grow beyond 262144 bytes");
}

TEST_CASE("parameters beat Init, Init beats Definition") {
  const Document filter = document(
      {"[Definition]\nmode=d\nother=o\nfailregex=<mode> <other> <more>\n[Init]\nmode=i\nmore=m\n"});
  CHECK(get(filter, "failregex") == "i o m");
  CHECK(get(filter, "failregex", {{"mode", "p"}}) == "p o m");
  CHECK(get(filter, "mode", {{"mode", "p"}}) == "p");
  CHECK(get(filter, "mode") == "i");
  CHECK(get(filter, "nosuch") == "(unset)");
  const auto value = Definition(filter, {{"mode", "p"}}, Place{"jail.conf", 7}).get("mode");
  CHECK((*value)->place == Place{"jail.conf", 7});
}

TEST_CASE("a parameter reaches interpolation and tags") {
  const Document filter = document({"[DEFAULT]\n_daemon=\\S*\n__prefix=<_daemon>:\n",
                                    "[Definition]\n_daemon=sshd\nfailregex=^%(__prefix)s x$\n"});
  CHECK(get(filter, "failregex") == "^sshd: x$");
  CHECK(get(filter, "failregex", {{"_daemon", "dropbear"}}) == "^dropbear: x$");
}

TEST_CASE("a tag may name sections, defaults and what was known") {
  const Document filter = document(
      {"[DEFAULT]\nd=D\n[lt_file]\nline=F%(own)s\nown=1\n[lt_journal]\nline=J\n[Definition]\n"
       "d=DD\nk=1\nprefix=<lt_<logtype>/line>\nall=<d> <D> <default/d> <known/k> <known/i>\n"
       "none=<nosec/x> <lt_file/none>\n[Init]\ni=I\n",
       "[Definition]\nk=2\n"});
  CHECK(get(filter, "prefix", {}, {{"logtype", "file"}}) == "F1");
  CHECK(get(filter, "prefix", {{"logtype", "journal"}}, {{"logtype", "file"}}) == "J");
  CHECK(get(filter, "all") == "DD DD D 1 I");
  CHECK(get(filter, "all", {{"i", "P"}}) == "DD DD D 1 I");
  CHECK(get(filter, "none") == "<nosec/x> <lt_file/none>");
}

TEST_CASE("what the program knows itself gives way to what the filter sets") {
  const std::string_view file = "[Definition]\nx=<logtype>\n";
  const Parameters automatic{{"logtype", "file"}};
  CHECK(get(document({file}), "x", {}, automatic) == "file");
  CHECK(get(document({file, "[Definition]\nlogtype=short\n"}), "x", {}, automatic) == "short");
  CHECK(get(document({file, "[Init]\nlogtype=init\n"}), "x", {}, automatic) == "init");
  CHECK(get(document({file, "[DEFAULT]\nlogtype=rfc5424\n"}), "x", {}, automatic) == "file");
}

TEST_CASE("an option named like a regular expression tag takes it") {
  CHECK(get(document({"[Definition]\nfailregex=^<HOST>$\nhost=\\w+\n"}), "failregex") == "^\\w+$");
}

TEST_CASE("errors of a definition have a place") {
  const Document filter = document({"[Definition]\na=<b>\nb=<a>\nc=<c>\nd=%(no)s\ne=<d>\n"});
  CHECK(get(filter, "a") == "x.conf:2: a: <a> refers to itself");
  CHECK(get(filter, "c") == "x.conf:4: c: <c> refers to itself");
  CHECK(get(filter, "d") == "x.conf:5: [Definition] d: %(no)s is set nowhere");
  CHECK(get(filter, "e") == "x.conf:6: e: x.conf:5: [Definition] d: %(no)s is set nowhere");
}

TEST_CASE("a definition is a section for the key tables") {
  const Document filter = document({"[DEFAULT]\nd=1\n[Definition]\na=<p>\n[Init]\ni=%(d)s\n"});
  const Section section = Definition(filter, {{"p", "P"}}, Place{"jail.conf", 7}).section();
  CHECK(section.name == "Definition");
  CHECK(section.place == Place{"x.conf", 3});
  REQUIRE(section.options.size() == 4);
  CHECK(section.find("a")->text == "P");
  CHECK_FALSE(section.find("d")->own);
  CHECK(section.find("i")->text == "1");
  CHECK(section.find("p")->place == Place{"jail.conf", 7});
}
