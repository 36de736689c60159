#include "config/diagnostics.h"

#include <catch2/catch.hpp>

using namespace warder::config;

TEST_CASE("one line tells place, key, value, problem, allowed and suggestion") {
  Diagnostic diagnostic{.place = {"jails/sshd.conf", 14},
                        .section = "sshd",
                        .key = "bantime",
                        .value = "10x",
                        .problem = "'10x' is no time",
                        .allowed = "a time",
                        .suggestion = "did you mean 10m?"};
  CHECK(diagnostic.to_text() ==
        "jails/sshd.conf:14: [sshd] bantime = \"10x\": '10x' is no time; allowed: a time; did you "
        "mean 10m?");
  diagnostic.severity = Severity::kWarning;
  diagnostic.section.clear();
  diagnostic.value.reset();
  CHECK(diagnostic.to_text() ==
        "jails/sshd.conf:14: warning: bantime: '10x' is no time; allowed: a time; did you mean "
        "10m?");
}

TEST_CASE("text from outside cannot forge a line") {
  const Diagnostic diagnostic{.place = {"a\nb", 1},
                              .section = "x\x1b[31m",
                              .key = "k\n",
                              .value = std::string("v\0\n", 3) + std::string(200, 'x'),
                              .problem = "is\x1b wrong \\x0a"};
  CHECK(diagnostic.to_text() == "a\\x0ab:1: [x\\x1b[31m] k\\x0a = \"v\\x00\\x0a" +
                                    std::string(108, 'x') + "...\": is\\x1b wrong \\x0a");
}

TEST_CASE("repetitions are dropped, the number is bounded") {
  Diagnostics diagnostics;
  for (int i = 0; i < 3; ++i) {
    diagnostics.error({"a", 1}, "same");
  }
  CHECK(diagnostics.errors() == 1);
  for (std::size_t i = 0; i < 1500; ++i) {
    diagnostics.warning({"a", i}, "differs");
  }
  CHECK(diagnostics.warnings() == 1500);
  CHECK(diagnostics.list().size() == 1000);
  CHECK(diagnostics.to_text().ends_with("a:998: warning: differs\nand 501 more\n"));
}

TEST_CASE("the same parts for a program") {
  Diagnostics diagnostics;
  CHECK(diagnostics.to_json() == R"({"errors":0,"warnings":0,"diagnostics":[]})");
  CHECK_FALSE(diagnostics.has_errors());
  diagnostics.add({.place = {"j.conf", 2},
                   .section = "x",
                   .key = "k",
                   .value = "\xFF",
                   .problem = "p",
                   .allowed = "a",
                   .suggestion = "s"});
  diagnostics.warning({"vault jails", 0}, "p");
  CHECK(diagnostics.has_errors());
  CHECK(diagnostics.to_json() ==
        R"({"errors":1,"warnings":1,"diagnostics":[)"
        R"({"severity":"error","source":"j.conf","line":2,"section":"x","key":"k",)"
        R"("value":"\\xff","problem":"p","allowed":"a","suggestion":"s"},)"
        R"({"severity":"warning","source":"vault jails","problem":"p"}]})");
}
