#include "ship/command.h"

#include "ship/command_words.h"
#include "support/temporary_folder.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <thread>

using namespace warder;
using ship::Outcome;
using testing::TemporaryFolder;

namespace {

ship::Message message(std::string text = "five; $(reboot) `x` \"\n") {
  ship::Message one;
  one.key = "ops-1";
  one.items = {1};
  model::Event event;
  event.kind = model::EventKind::kBan;
  event.jail = "sshd";
  event.address = *net::Prefix::parse("192.0.2.1");
  event.message = std::move(text);
  one.what = std::move(event);
  return one;
}

std::string script(const TemporaryFolder& folder, const std::string& body, mode_t mode = 0700) {
  const std::string path = folder.write("program", "#!/bin/sh\n" + body);
  REQUIRE(::chmod(path.c_str(), mode) == 0);
  return path;
}

Outcome run(const std::vector<std::string>& argv, std::chrono::milliseconds timeout = {},
            const ship::Message& one = message()) {
  ship::CommandOptions options{"ops", "host.example", argv};
  if (timeout.count() > 0) {
    options.timeout = timeout;
  } else {
    options.timeout = std::chrono::minutes(1);
  }
  const auto destination = ship::make_command(options);
  const auto outcomes = destination->deliver(std::span(&one, 1));
  REQUIRE(outcomes.size() == 1);
  return outcomes.front();
}

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("a program gets the event on standard input, and nothing else") {
  const TemporaryFolder folder;
  ::setenv("WARDER_TEST_SECRET", "x", 1);
  const std::string program = script(folder,
                                     "cat > \"$1\"\n(/usr/bin/env; pwd; ls /proc/self/fd | tr "
                                     "'\\n' ' '; echo; echo \"$2\") > \"$3\"\n");
  const Outcome outcome =
      run({program, folder / "stdin", "an argument; $(with) `no` meaning", folder / "state"});
  ::unsetenv("WARDER_TEST_SECRET");
  CHECK(outcome.reason == "");
  CHECK(outcome.kind == Outcome::Kind::kDelivered);
  const auto json = nlohmann::json::parse(content(folder / "stdin"));
  CHECK(json["key"] == "ops-1");
  CHECK(json["address"] == "192.0.2.1");
  CHECK(json["host"] == "host.example");
  const std::string state = content(folder / "state");
  CHECK(state.find("WARDER") == std::string::npos);
  CHECK(state.find("\n/\n") != std::string::npos);
  CHECK(state.find("\n0 1 2 3 \n") != std::string::npos);  // 3 is ls's own
  CHECK(state.find("an argument; $(with) `no` meaning\n") != std::string::npos);
}

TEST_CASE("the exit status says what becomes of the event") {
  const TemporaryFolder folder;
  CHECK(run({script(folder, "exit 0\n")}).kind == Outcome::Kind::kDelivered);
  const Outcome refused = run({script(folder, "echo 'not mine' >&2; exit 65\n")});
  CHECK(refused.kind == Outcome::Kind::kRefused);
  const Outcome failed = run({script(folder, "echo 'no route' >&2; exit 3\n")});
  CHECK(failed.kind == Outcome::Kind::kRetry);
  CHECK(failed.reason == (folder / "program").string() + " ended with status 3: no route");
  CHECK(run({script(folder, "kill -9 $$\n")}).reason.find("was ended by signal 9") !=
        std::string::npos);
}

TEST_CASE("a program that reads nothing and one that says much do no harm") {
  const TemporaryFolder folder;
  const ship::Message large = message(std::string(1000, 'x'));
  CHECK(run({script(folder, "exec 0<&-\nexit 0\n")}, {}, large).kind == Outcome::Kind::kDelivered);
  const Outcome loud =
      run({script(folder, "head -c 1000000 /dev/zero | tr '\\0' y >&2; exit 1\n")});
  CHECK(loud.kind == Outcome::Kind::kRetry);
  CHECK(loud.reason.size() < 1000);
}

TEST_CASE("a program that does not end is ended, with what it started") {
  const TemporaryFolder folder;
  const std::string program = script(folder, "sleep 1000 &\necho $! > \"$1\"\nwait\n");
  const Outcome outcome = run({program, folder / "pid"}, std::chrono::milliseconds(300));
  CHECK(outcome.kind == Outcome::Kind::kRetry);
  CHECK(outcome.reason.find("did not end within 300 ms") != std::string::npos);
  std::string pid = content(folder / "pid");
  if (!pid.empty()) {  // it got that far
    pid.pop_back();
    // Gone, or a zombie that somebody else is to reap; a kill takes effect when the kernel gets to
    // it.
    const auto gone = [&pid] {
      const std::string stat = content("/proc/" + pid + "/stat");
      return stat.empty() || stat.find(") Z ") != std::string::npos;
    };
    const auto hopeless = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!gone() && std::chrono::steady_clock::now() < hopeless) {
      std::this_thread::yield();
    }
    CHECK(gone());
  }
}

TEST_CASE("cancel ends a running program") {
  const TemporaryFolder folder;
  const auto destination = ship::make_command(
      {"ops", "host", {script(folder, "exec sleep 1000\n")}, std::chrono::minutes(10)});
  const ship::Message one = message();
  std::vector<Outcome> outcomes;
  std::thread thread([&] { outcomes = destination->deliver(std::span(&one, 1)); });
  destination->cancel();
  thread.join();
  REQUIRE(outcomes.size() == 1);
  CHECK(outcomes.front().kind == Outcome::Kind::kRetry);
}

TEST_CASE("a program that others may write, or that is not there, is not run") {
  const TemporaryFolder folder;
  const Outcome writable = run({script(folder, "exit 0\n", 0777)});
  CHECK(writable.kind == Outcome::Kind::kRetry);
  CHECK(writable.reason.find("nobody else may write") != std::string::npos);
  CHECK(run({folder / "none"}).reason.find("No such file") != std::string::npos);
  CHECK(run({folder.path().string()}).kind == Outcome::Kind::kRetry);
}

TEST_CASE("words in the arguments are filled with addresses, numbers and jail names alone") {
  const TemporaryFolder folder;
  const std::string program = script(folder, "printf '%s|' \"$@\" > \"$1\"\n");
  ship::Message ban = message();
  ban.event()->time = util::WallTime(std::chrono::seconds(1'790'000'000));
  ban.event()->detail = R"({"count":3,"end":1790000600000000,"in_effect":true,"findings":5})";
  const std::string out = folder / "out";
  CHECK(run({program, out, "<ip>", "--jail=<name>", "<bantime>/<bancount>/<failures>/<family>",
             "<kind>", "<time>", "a < b > c", "<IP> <>"},
            {}, ban)
            .reason == "");
  CHECK(content(out) ==
        out + "|192.0.2.1|--jail=sshd|600/3/5/inet4|ban|1790000000|a < b > c|<IP> <>|");

  ban.event()->address = *net::Prefix::parse("2001:db8::/64");
  ban.event()->detail = R"({"count":1})";
  CHECK(run({program, out, "<ip>", "<family>", "<bantime>"}, {}, ban).reason == "");
  CHECK(content(out) == out + "|2001:db8::/64|inet6|-1|");

  ban.event()->detail = "";
  const Outcome outcome = run({program, out, "<bantime>"}, {}, ban);
  CHECK(outcome.kind == Outcome::Kind::kRefused);
  CHECK(outcome.reason == "an event of kind ban has nothing for <bantime>");
}

TEST_CASE("an unban has arguments of its own when they are given") {
  const TemporaryFolder folder;
  const std::string program = script(folder, "echo \"$2 $3\" > \"$1\"\n");
  const std::string out = folder / "out";
  ship::CommandOptions options{"ops",
                               "host.example",
                               {program, out, "add", "<ip>"},
                               std::chrono::minutes(1),
                               {program, out, "del", "<ip>"}};
  const auto destination = ship::make_command(options);
  ship::Message one = message();
  CHECK(destination->deliver(std::span(&one, 1)).front().reason == "");
  CHECK(content(out) == "add 192.0.2.1\n");
  one.event()->kind = model::EventKind::kUnban;
  CHECK(destination->deliver(std::span(&one, 1)).front().reason == "");
  CHECK(content(out) == "del 192.0.2.1\n");
}

TEST_CASE("an argument with a word that is none is told with those there are") {
  CHECK(ship::check_command_words({"/bin/x", "<ip>", "<name><kind>", "a<1>", "<"}));
  CHECK_FALSE(ship::has_command_words({"/bin/x", "a<1>", "<", "<IP>"}));
  CHECK(ship::has_command_words({"/bin/x", "<<ip>"}));
  const util::Status wrong = ship::check_command_words({"/bin/x", "<matches>"});
  REQUIRE_FALSE(wrong);
  CHECK(
      wrong.error().message().starts_with("<matches> is no word for an argument; there are <ip>"));
}
