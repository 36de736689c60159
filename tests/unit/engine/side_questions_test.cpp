#include "engine/side_questions.h"

#include "engine/host_names.h"
#include "support/manual_clock.h"
#include "support/temporary_folder.h"
#include "unit/engine/desk.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <thread>

using namespace warder;
using namespace std::chrono_literals;
using testing::TemporaryFolder;

namespace {

struct Asked {
  testing::ManualClock clock;
  testing::Desk desk;
  engine::SideQuestions side{{}, desk.deliver(), clock};

  // `kept`: the answer is known and comes at once.
  std::string ask(const jail::JailOptions& jail, const char* address, bool kept = false) {
    std::string told;
    CHECK(side.ask_command(jail, *net::Prefix::parse(address),
                           [&](const engine::SideQuestions::Ignore& found) {
                             told = found.ignore ? "ignore" : "count";
                             told += found.trouble.empty() ? "" : ": " + found.trouble;
                           }));
    if (!kept) {
      desk.take_one();
    }
    return told;
  }
};

jail::JailOptions jail_with(const TemporaryFolder& folder, const std::string& script) {
  const std::string program = folder.write("ours", "#!/bin/sh\n" + script);
  REQUIRE(::chmod(program.c_str(), 0700) == 0);
  jail::JailOptions options;
  options.name = "app";
  options.ignorecommand = {program, "<ip>", "<name>", (folder / "asked").string()};
  return options;
}

}  // namespace

TEST_CASE("an ignorecommand says by its status whether an address is ignored") {
  const TemporaryFolder folder;
  Asked asked_for;
  const jail::JailOptions jail = jail_with(
      folder,
      "echo \"$1 $2 $(/usr/bin/env | /usr/bin/grep -vc '^PWD=')\" >> \"$3\"\n"
      "case $1 in 192.0.2.1) exit 0;; 192.0.2.2) exit 1;; *) echo odd >&2; exit 3;; esac\n");
  CHECK(asked_for.ask(jail, "192.0.2.1") == "ignore");
  CHECK(asked_for.ask(jail, "192.0.2.2") == "count");
  CHECK(asked_for.ask(jail, "2001:db8::1") ==
        "count: " + jail.ignorecommand.front() + " ended with status 3: odd");
  CHECK(asked_for.ask(jail, "192.0.2.1", true) == "ignore");
  std::ifstream asked(folder / "asked");
  std::string line;
  std::vector<std::string> lines;
  while (std::getline(asked, line)) {
    lines.push_back(line.substr(0, line.rfind(' ')));
  }
  CHECK(lines == std::vector<std::string>{"192.0.2.1 app", "192.0.2.2 app", "2001:db8::1 app"});

  jail::JailOptions gone = jail;
  gone.ignorecommand = {"/nowhere/at/all", "<ip>"};
  CHECK(asked_for.ask(gone, "192.0.2.1").starts_with("count: /nowhere/at/all"));
}

TEST_CASE("the end of the agent ends a program that is being asked") {
  const TemporaryFolder folder;
  {
    Asked asked;
    const jail::JailOptions jail = jail_with(folder, "echo > \"$3\"\nexec sleep 1000\n");
    CHECK(asked.side.ask_command(jail, *net::Prefix::parse("192.0.2.1"),
                                 [](const engine::SideQuestions::Ignore&) {}));
    while (!std::filesystem::exists(folder / "asked")) {
      std::this_thread::yield();
    }
  }
  SUCCEED("it was not waited for");
}

TEST_CASE("what can be the name of a host") {
  for (const char* name : {"a", "www.example.org", "a-b.example.org.", "_x.example", "1.example",
                           "xn--e1afmkfd.example"}) {
    CHECK(engine::is_host_name(name));
  }
  for (const std::string& name :
       {std::string(), std::string("."), std::string("a..b"), std::string(".a"), std::string("-a"),
        std::string("a b"), std::string("a/b"), std::string("a\0b", 3), std::string("\xc3\xa9"),
        std::string(64, 'a'), std::string("a@b"),
        std::string(127, 'a') + "." + std::string(127, 'b')}) {
    CHECK_FALSE(engine::is_host_name(name));
  }
}
