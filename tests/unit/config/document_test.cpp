#include "config/document.h"

#include "config/ini.h"
#include "config/json_layer.h"

#include <catch2/catch.hpp>

#include <initializer_list>

using namespace warder::config;

namespace {

Document document(std::initializer_list<std::string_view> files) {
  Document result;
  Diagnostics diagnostics;
  char name = 'a';
  for (const std::string_view file : files) {
    result.add(parse_ini(file, std::string(1, name++) + ".conf", diagnostics));
  }
  REQUIRE(diagnostics.to_text() == "");
  return result;
}

// The text, "(unset)", or the message of the error.
std::string get(const Document& from, std::string_view section, std::string_view option,
                const Context& context = {}) {
  const auto value = from.get(section, option, context);
  if (!value) {
    return value.error().message();
  }
  return value->has_value() ? (*value)->text : "(unset)";
}

}  // namespace

TEST_CASE("later layers override per option") {
  const Document from = document({"[DEFAULT]\na=1\n[x]\nb=%(a)s\nc=C\n", "[DEFAULT]\na=2\n[y]\n"});
  CHECK(get(from, "x", "b") == "2");
  CHECK(get(from, "x", "c") == "C");
  CHECK(get(from, "y", "a") == "2");
  CHECK(get(from, "x", "d") == "(unset)");
  CHECK(get(from, "nosuch", "b") == "(unset)");
  CHECK(from.sections() == std::vector<std::string>{"x", "y"});
  CHECK((*from.get("x", "a"))->place == Place{"b.conf", 2});
  CHECK((*from.get("x", "c"))->place == Place{"a.conf", 5});
}

TEST_CASE("known is what the option was below") {
  CHECK(get(document({"[DEFAULT]\na=1\n[x]\nb=1\n", "[x]\na=%(known/a)s2\n"}), "x", "a") == "12");
  CHECK(get(document({"[x]\nb=B\n", "[x]\nb=BL\n", "[x]\na=A\n", "[x]\nb=C%(known/b)s\n"}), "x",
            "b") == "CBL");
  // Deviation from the reference, which fails at the second override.
  CHECK(get(document({"[x]\na=1\n", "[x]\na=%(known/a)s2\n", "[x]\na=%(known/a)s3\n"}), "x", "a") ==
        "123");
  CHECK(get(document({"[DEFAULT]\na=1\n", "[DEFAULT]\na=%(known/a)s2\n", "[x]\na=%(known/a)s3\n"}),
            "x", "a") == "123");
  CHECK(get(document({"[x]\na=%(known/a)s\n"}), "x", "a") ==
        "a.conf:2: [x] a: %(known/a)s is set nowhere");
}

TEST_CASE("known reaches the options of a jail's filter below all files") {
  const Document jails = document({"[sshd]\nfailregex = %(known/failregex)s\n  ^mine\n",
                                   "[sshd]\nfailregex = %(known/failregex)s\n  ^too\n"});
  Context context;
  context.known["failregex"] = "^stock 100%";
  CHECK(get(jails, "sshd", "failregex", context) == "^stock 100%\n^mine\n^too");
}

TEST_CASE("fifty overrides may build on each other") {
  Document from;
  Diagnostics diagnostics;
  std::string expected;
  for (int i = 0; i < 50; ++i) {
    from.add(parse_ini(i == 0 ? "[x]\na=.\n" : "[x]\na=%(known/a)s.\n", "a", diagnostics));
    expected += '.';
  }
  CHECK(get(from, "x", "a") == expected);
}

TEST_CASE("another section's value is read in the context of the one that asks") {
  CHECK(get(document({"[x]\nown=X\na=%(y/b)s\n[y]\nb=%(own)s\nown=Y\n"}), "x", "a") == "X");
  const Document from = document(
      {"[y]\nd=Yd\n[DEFAULT]\nd=D\ne=E\n[x]\nd=Xd\n1=%(y/d)s\n2=%(default/d)s\n3=%(DEFAULT/d)s\n"
       "4=%(nosec/d)s\n5=%(y/e)s\n[Z]\nd=Zd\n[w]\n6=%(Z/d)s\n"});
  CHECK(get(from, "x", "1") == "Yd");
  CHECK(get(from, "x", "2") == "D");
  CHECK(get(from, "x", "3") ==
        "a.conf:10: [x] 3: %(DEFAULT/d)s is set nowhere; write default/ in lower case");
  CHECK(get(from, "x", "4") == "a.conf:11: [x] 4: %(nosec/d)s is set nowhere");
  CHECK(get(from, "x", "5") == "E");
  CHECK(get(from, "w", "6").starts_with("a.conf:16: [w] 6: %(Z/d)s is set nowhere"));
}

TEST_CASE("parameters beat options, variables are beaten by them") {
  Document from =
      document({"[x]\n_daemon=d\na=%(_daemon)s %(__name__)s %(folder)s %(n)s\nn=own\n"});
  from.set_variable("folder", "/etc/warder");
  from.set_variable("n", "variable");
  CHECK(get(from, "x", "a") == "d x /etc/warder own");
  Context context;
  context.parameters["_daemon"] = "100%(x)";
  CHECK(get(from, "x", "a", context) == "100%(x) x /etc/warder own");
}

TEST_CASE("interpolation has a limit of ten levels") {
  std::string chain = "[x]\na12=end\n";
  for (int i = 1; i < 12; ++i) {
    chain += "a" + std::to_string(i) + "=%(a" + std::to_string(i + 1) + ")s\n";
  }
  const Document from = document({chain});
  CHECK(get(from, "x", "a2") == "end");
  CHECK(get(from, "x", "a1") ==
        "a.conf:3: [x] a1: %(...)s nested deeper than 10 levels (at a.conf:13)");
  CHECK(get(document({"[x]\na=%(a)s\n"}), "x", "a") ==
        "a.conf:2: [x] a: %(...)s nested deeper than 10 levels");
}

TEST_CASE("what multiplies without end is stopped") {
  std::string wide = "[x]\na0=\n";
  for (int i = 1; i < 10; ++i) {
    wide += "a" + std::to_string(i) + "=";
    for (int j = 0; j < 20; ++j) {
      wide += "%(a" + std::to_string(i - 1) + ")s";
    }
    wide += "\n";
  }
  CHECK(get(document({wide}), "x", "a9") ==
        "a.conf:11: [x] a9: too many %(...)s to resolve (at a.conf:3)");
  const std::string big = "[x]\na=" + std::string(200000, 'x') + "\nb=%(a)s%(a)s\n";
  CHECK(get(document({big}), "x", "b") == "a.conf:3: [x] b: the value grows beyond 262144 bytes");
}

TEST_CASE("a lone percent sign is an error of the option that is asked for") {
  const Document from =
      document({"[x]\na=50%\nb=%(c\nc=%%(c)s\nd=%(c)d\ne=%(bantme)s\nbantime=1\n"});
  const std::string lone = "a '%' begins no %(name)s; write %% for the character itself";
  CHECK(get(from, "x", "a") == "a.conf:2: [x] a: " + lone);
  CHECK(get(from, "x", "b") == "a.conf:3: [x] b: " + lone);
  CHECK(get(from, "x", "c") == "%(c)s");
  CHECK(get(from, "x", "d") == "a.conf:5: [x] d: " + lone);
  CHECK(get(from, "x", "e") ==
        "a.conf:6: [x] e: %(bantme)s is set nowhere; did you mean %(bantime)s?");
}

TEST_CASE("a section is a plain value of its own options and those of DEFAULT") {
  const Document from =
      document({"[DEFAULT]\nmta=sendmail\nbantime=1h\n[x]\naction=%(mta)s\nbad=%(no)s\n_own=1\n"});
  const Section section = from.section("x");
  CHECK(section.name == "x");
  CHECK(section.place == Place{"a.conf", 4});
  REQUIRE(section.options.size() == 5);
  CHECK(section.find("action")->text == "sendmail");
  CHECK(section.find("action")->own);
  CHECK_FALSE(section.find("action")->variable);
  CHECK(section.find("bad")->problem == "%(no)s is set nowhere");
  CHECK(section.find("_own")->variable);
  CHECK(section.find("mta")->variable);
  CHECK_FALSE(section.find("mta")->own);
  CHECK_FALSE(section.find("bantime")->variable);
  CHECK(section.find("no") == nullptr);
}

TEST_CASE("a vault document lies over files and is literal") {
  Document from = document({"[x]\nmaxretry=5\nbantime=10m\na=%(maxretry)s\n"});
  Diagnostics diagnostics;
  from.add(parse_json(R"({"x": {"maxretry": 3, "b": "100%(c)s"}})", "jails", diagnostics));
  CHECK(diagnostics.to_text() == "");
  CHECK(get(from, "x", "maxretry") == "3");
  CHECK((*from.get("x", "maxretry"))->place.to_string() == "vault jails#/x/maxretry");
  CHECK((*from.get("x", "bantime"))->place.to_string() == "a.conf:3");
  CHECK(get(from, "x", "a") == "3");
  CHECK(get(from, "x", "b") == "100%(c)s");
}
