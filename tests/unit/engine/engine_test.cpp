// The engine as a whole: a log file, the shipped sshd filter, a store on disk, its own thread. Only
// the kernel is played.
#include "engine/engine.h"

#include "filter/filter.h"
#include "firewall/recording_firewall.h"
#include "unit/engine/engine_support.h"
#include "util/duration.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

using namespace warder;
using namespace std::chrono_literals;
using engine::CompiledJail;
using engine::JailSet;
using model::EventKind;
using nlohmann::json;
using testing::kLongEnough;
using testing::prefix;

namespace {

using Lines = std::vector<std::string>;

std::shared_ptr<const filter::Filter> sshd_filter() {
  static const auto loaded = [] {
    filter::FilterRequest request;
    request.name = "sshd";
    request.folders = {std::string(WARDER_SOURCE_DIR) + "/filters"};
    auto filter = filter::load_filter(request);
    REQUIRE(filter);
    return *filter;
  }();
  return loaded;
}

// One agent over one folder; may be stopped and started again.
class EngineFixture : public testing::StoreFixture {
 public:
  EngineFixture() {
    folder.write("auth.log", "");
    sshd.options.name = "sshd";
    sshd.options.enabled = true;
    sshd.options.filter = "sshd";
    sshd.options.logpath = {(folder / "auth.log").string()};
    sshd.options.maxretry = 3;
    sshd.options.ignoreself = false;
    sshd.filter = sshd_filter();
    hooks.durable = [this](store::Ticket through) {
      pass_gate();
      const std::lock_guard lock(engine_mutex_);
      if (engine) {
        engine->on_durable(through);
      }
    };
  }
  ~EngineFixture() {
    open_gate();
    if (thread_.joinable()) {
      stop();
    }
  }

  std::shared_ptr<const JailSet> jails(bool with_sshd = true) const {
    auto set = std::make_shared<JailSet>();
    CompiledJail manual;
    manual.options.name = engine::kManualJail;
    manual.options.enabled = true;
    manual.options.bantime = 1h;
    set->jails.push_back(manual);
    if (with_sshd) {
      set->jails.push_back(sshd);
    }
    set->files.start_at = source::StartAt::kHead;
    return set;
  }

  void start(bool with_sshd = true) {
    open();
    engine::EngineParts parts;
    parts.clock = &clock;
    parts.store = store.get();
    parts.database = options.path;
    parts.firewall = &kernel;
    parts.routes = &routes;
    parts.outbox_ready = [] {};
    parts.look_up = look_up;
    auto made = engine::Engine::create(std::move(parts));
    REQUIRE(made);
    {
      const std::lock_guard lock(engine_mutex_);
      engine = std::move(*made);
    }
    const util::Status started = engine->start(jails(with_sshd));
    if (!started) {
      FAIL(started.error().message());
    }
    thread_ = std::thread([this] { engine->run(); });
    wait_until([](const json& status) { return !status["catching_up"]; });
  }
  // As the service does it: the loop ends, the store is closed. The kernel keeps what it holds.
  void stop() {
    engine->stop();
    thread_.join();
    {
      const std::lock_guard lock(engine_mutex_);
      engine.reset();
    }
    close();
  }

  void log_failure(const std::string& address, const std::string& user = "root") {
    ++lines_written_;
    folder.append("auth.log",
                  fmt::format("{} web sshd[{}]: Failed password for {} from {} port 40022 ssh2\n",
                              util::format_rfc3339(clock.now()), lines_written_, user, address));
  }
  void log_failures(const std::string& address, int count) {
    for (int i = 0; i < count; ++i) {
      log_failure(address);
    }
  }

  json status() {
    const auto text = engine->status();
    REQUIRE(text);
    return json::parse(*text);
  }
  json explain(const char* address) {
    const auto text = engine->explain(prefix(address));
    REQUIRE(text);
    return json::parse(*text);
  }
  template <typename Condition>
  json wait_until(Condition condition) {
    const auto limit = std::chrono::steady_clock::now() + kLongEnough;
    while (true) {
      json now = status();
      if (condition(now)) {
        return now;
      }
      if (std::chrono::steady_clock::now() > limit) {
        FAIL("waited in vain: " << now.dump(1));
      }
      std::this_thread::sleep_for(1ms);
    }
  }
  static const json& jail_of(const json& status, const std::string& name = "sshd") {
    for (const json& jail : status["jails"]) {
      if (jail["name"] == name) {
        return jail;
      }
    }
    FAIL("no jail " << name);
    return status;
  }
  json wait_for_findings(int count) {
    return wait_until([&](const json& now) { return jail_of(now)["findings"] == count; });
  }

  // Everything told so far, but findings.
  Lines history() {
    status();  // answered behind the step that went before
    REQUIRE(store->flush(kLongEnough));
    Lines lines;
    for (const store::StoredEvent& stored : events()) {
      if (stored.event.kind != EventKind::kFinding) {
        lines.push_back(testing::told(stored.event));
      }
    }
    return lines;
  }
  void wait_for_event(const std::string& part) {
    const auto limit = std::chrono::steady_clock::now() + kLongEnough;
    while (true) {
      const Lines lines = history();
      if (std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
            return line.find(part) != std::string::npos;
          })) {
        return;
      }
      if (std::chrono::steady_clock::now() > limit) {
        FAIL("waited in vain for: " << part);
      }
      std::this_thread::sleep_for(1ms);
    }
  }
  std::size_t findings() {
    status();
    REQUIRE(store->flush(kLongEnough));
    return events({.kind = EventKind::kFinding}).size();
  }
  std::string stored_position() const {
    auto open_reader = reader();
    const auto found = open_reader.position("file", (folder / "auth.log").string());
    REQUIRE(found);
    return *found ? (*found)->record : "none";
  }

  // The store's thread stands still after its next commit until the gate is opened.
  void close_gate() {
    const std::lock_guard lock(gate_mutex_);
    gate_closed_ = true;
  }
  void wait_until_held() {
    std::unique_lock lock(gate_mutex_);
    REQUIRE(gate_changed_.wait_for(lock, kLongEnough, [&] { return held_; }));
  }
  void open_gate() {
    const std::lock_guard lock(gate_mutex_);
    gate_closed_ = false;
    gate_changed_.notify_all();
  }

  CompiledJail sshd;
  engine::SideQuestions::LookUp look_up;
  firewall::RecordingFirewall kernel{clock};
  engine::Routes routes;
  std::unique_ptr<engine::Engine> engine;

 private:
  void pass_gate() {
    std::unique_lock lock(gate_mutex_);
    held_ = gate_closed_;
    gate_changed_.notify_all();
    gate_changed_.wait(lock, [&] { return !gate_closed_; });
    held_ = false;
  }

  std::mutex engine_mutex_;
  std::thread thread_;
  int lines_written_ = 0;
  std::mutex gate_mutex_;
  std::condition_variable gate_changed_;
  bool gate_closed_ = false;
  bool held_ = false;
};

}  // namespace

TEST_CASE("three failures ban in the kernel and are kept with all they tell") {
  EngineFixture fixture;
  fixture.start();
  fixture.log_failures("192.0.2.7", 2);
  fixture.wait_for_findings(2);
  CHECK(fixture.status()["bans"] == 0);
  fixture.log_failure("192.0.2.7");
  const json status = fixture.wait_until([](const json& now) { return now["bans"] == 1; });
  CHECK(status["firewall"] == json{{"state", "enforcing"}, {"reason", ""}, {"repairs", 0}});
  CHECK(status["lines"] == 3);
  const json& jail = EngineFixture::jail_of(status);
  CHECK(jail["counted"] == 2);  // the third is the ban
  CHECK(jail["bans"] == 1);
  CHECK(jail["active"] == 1);
  CHECK(jail["bantime"] == "10m");

  CHECK(fixture.history() ==
        Lines{"ban warning [sshd] banned 192.0.2.7 for 10m: 3 findings in 10m"});
  const auto events = fixture.events();
  REQUIRE(events.size() == 4);
  const json detail = json::parse(events[3].event.detail);
  CHECK(detail["in_effect"] == true);
  CHECK(detail["count"] == 1);
  CHECK(events[0].event.line ==
        model::LineFacts{
            .log = (fixture.folder / "auth.log").string(), .at = 0, .pattern = 2, .user = "root"});

  const json explained = fixture.explain("192.0.2.7");
  CHECK(explained["bans"].size() == 1);
  CHECK(explained["bans"][0]["in_kernel"] == true);
  CHECK(explained["bans"][0]["end"] == "2026-11-02T12:10:00Z");
  CHECK(explained["findings_total"] == 3);
  CHECK(explained["recorded_bans"][0]["reason"] == "3 findings in 10m");
  fixture.stop();
  CHECK(fixture.kernel.journal() == Lines{"add all 192.0.2.7 until 2026-11-02T12:10:00Z"});
}

TEST_CASE("in observe mode it is decided and told, and nobody is banned") {
  EngineFixture fixture;
  fixture.sshd.options.observe = true;
  fixture.start();
  fixture.log_failures("192.0.2.7", 3);
  fixture.wait_for_findings(3);
  CHECK(fixture.history() ==
        Lines{"would-ban notice [sshd] would ban 192.0.2.7 for 10m: 3 findings in 10m"});
  CHECK(fixture.reader().figures()->active_bans == 0);
  fixture.stop();
  CHECK(fixture.kernel.journal().empty());
}

TEST_CASE("counts outlive a restart, and no line counts twice") {
  EngineFixture fixture;
  fixture.start();
  fixture.log_failures("192.0.2.7", 2);
  fixture.wait_for_findings(2);
  fixture.stop();
  fixture.start();
  CHECK(fixture.explain("192.0.2.7")["counting"] == json::array({json{{"jail", "sshd"},
                                                                      {"counted_as", "192.0.2.7"},
                                                                      {"count", 2},
                                                                      {"limit", 3},
                                                                      {"findtime", "10m"}}}));
  CHECK(fixture.status()["lines"] == 0);
  fixture.log_failure("192.0.2.7");
  fixture.wait_until([](const json& now) { return now["bans"] == 1; });
  CHECK(fixture.findings() == 3);
}

TEST_CASE("lines written while the agent was away are judged at start") {
  EngineFixture fixture;
  fixture.start();
  fixture.stop();
  fixture.log_failures("192.0.2.7", 3);
  fixture.clock.advance(2min);
  fixture.start();
  CHECK(fixture.status()["bans"] == 1);
  CHECK(fixture.findings() == 3);
  fixture.stop();
  CHECK(fixture.kernel.journal() == Lines{"add all 192.0.2.7 until 2026-11-02T12:10:00Z"});
}

TEST_CASE("bans go on over a restart; those that ended meanwhile are recorded as ended then") {
  EngineFixture fixture;
  fixture.start();
  fixture.log_failures("192.0.2.7", 3);
  fixture.wait_until([](const json& now) { return now["bans"] == 1; });
  REQUIRE(fixture.engine->ban("", prefix("192.0.2.8"), {}));
  fixture.stop();
  fixture.clock.advance(11min);
  fixture.start();
  CHECK(fixture.status()["bans"] == 1);
  CHECK(fixture.history() == Lines{"ban warning [sshd] banned 192.0.2.7 for 10m: 3 findings in 10m",
                                   "ban warning [manual] banned 192.0.2.8 for 1h: by an operator",
                                   "restore info 1 ban taken over from before the start",
                                   "unban info [sshd] unbanned 192.0.2.7: its time is over"});
  const auto events = fixture.events({.kind = EventKind::kUnban});
  REQUIRE(events.size() == 1);
  CHECK(events[0].event.time == fixture.clock.now() - 1min);
  const json past = fixture.explain("192.0.2.7")["past_bans"];
  REQUIRE(past.size() == 1);
  CHECK(past[0]["ended"] == "2026-11-02T12:10:00Z");
  CHECK(past[0]["how"] == "expired");
  CHECK(fixture.explain("192.0.2.8")["bans"][0]["in_kernel"] == true);
}

TEST_CASE("bans keep their time when the clock is set by a year, over a restart, too") {
  for (const std::chrono::hours by : {24h * 365, -24h * 365}) {
    EngineFixture fixture;
    fixture.start();
    REQUIRE(fixture.engine->ban("", prefix("192.0.2.8"), {}));
    fixture.clock.set_wall(fixture.clock.now() + by);
    fixture.wait_for_event("the clock was set");
    fixture.clock.advance(30min);
    fixture.stop();
    fixture.start();
    CHECK(fixture.status()["bans"] == 1);
    CHECK(fixture.explain("192.0.2.8")["bans"][0]["end"] ==
          util::format_rfc3339(fixture.clock.now() + 30min));
    fixture.clock.advance(30min);
    fixture.wait_until([](const json& now) { return now["bans"] == 0; });
    fixture.stop();
  }
}

TEST_CASE(
    "a ban made right after the clock was set, by an agent that had nothing to do, is no year "
    "longer") {
  EngineFixture fixture;
  fixture.start();
  fixture.clock.set_wall(fixture.clock.now() + 24h * 365);
  fixture.log_failures("192.0.2.7", 3);
  fixture.wait_until([](const json& now) { return now["bans"] == 1; });
  fixture.clock.advance(10min);
  fixture.wait_until([](const json& now) { return now["bans"] == 0; });
}

TEST_CASE("a host whose clock begins in 1970 with each boot keeps what its bans have left") {
  EngineFixture fixture;
  fixture.start();
  fixture.log_failures("192.0.2.7", 2);
  fixture.wait_for_findings(2);
  REQUIRE(fixture.engine->ban("", prefix("192.0.2.8"), {}));
  fixture.stop();
  const auto before = fixture.clock.now();
  fixture.clock.set_wall(util::WallTime(std::chrono::seconds(20)));
  fixture.start();
  CHECK(fixture.explain("192.0.2.8")["bans"][0]["end"] == "1970-01-01T01:00:20Z");
  fixture.clock.advance(1min);
  fixture.clock.set_wall(before + 10min);  // a time server is reached
  fixture.wait_for_event("the clock was set");
  // What was counted is a minute old.
  fixture.log_failure("192.0.2.7");
  fixture.wait_until([](const json& now) { return now["bans"] == 2; });
  CHECK(fixture.explain("192.0.2.8")["bans"][0]["end"] ==
        util::format_rfc3339(before + 10min + 59min));
  fixture.stop();
  fixture.start();
  CHECK(fixture.explain("192.0.2.8")["bans"][0]["end"] ==
        util::format_rfc3339(before + 10min + 59min));
}

TEST_CASE("a ban whose jail is gone at the next start is lifted") {
  EngineFixture fixture;
  fixture.start();
  fixture.log_failures("192.0.2.7", 3);
  fixture.wait_until([](const json& now) { return now["bans"] == 1; });
  fixture.stop();
  fixture.start(false);
  CHECK(fixture.status()["bans"] == 0);
  CHECK(fixture.history().back() ==
        "unban info [sshd] unbanned 192.0.2.7: its jail is no longer enabled");
  fixture.stop();
  CHECK(fixture.kernel.size() == 0);
}

TEST_CASE("a reload keeps counts and bans; a jail that goes takes its bans along") {
  EngineFixture fixture;
  fixture.start();
  fixture.log_failures("192.0.2.7", 3);
  fixture.log_failures("192.0.2.8", 2);
  fixture.wait_for_findings(5);
  fixture.sshd.options.findtime = 20min;
  fixture.sshd.options.bantime = 30min;
  REQUIRE(fixture.engine->use(fixture.jails()));
  json status = fixture.wait_until([](const json& now) { return !now["catching_up"]; });
  CHECK(status["bans"] == 1);
  CHECK(EngineFixture::jail_of(status)["findings"] == 5);
  CHECK(EngineFixture::jail_of(status)["bantime"] == "30m");
  fixture.log_failure("192.0.2.8");
  fixture.wait_until([](const json& now) { return now["bans"] == 2; });
  CHECK(fixture.findings() == 6);

  REQUIRE(fixture.engine->use(fixture.jails(false)));
  status = fixture.status();
  CHECK(status["bans"] == 0);
  CHECK(status["jails"].size() == 1);
  Lines history = fixture.history();
  std::sort(history.begin(), history.end());
  CHECK(history == Lines{"ban warning [sshd] banned 192.0.2.7 for 10m: 3 findings in 10m",
                         "ban warning [sshd] banned 192.0.2.8 for 30m: 3 findings in 20m",
                         "unban info [sshd] unbanned 192.0.2.7: its jail is no longer enabled",
                         "unban info [sshd] unbanned 192.0.2.8: its jail is no longer enabled"});
  CHECK(fixture.reader().figures()->active_bans == 0);
  fixture.stop();
  CHECK(fixture.kernel.size() == 0);
}

TEST_CASE("a jail set that cannot run leaves the running one") {
  EngineFixture fixture;
  fixture.start();
  fixture.sshd.options.maxretry = 0;
  const util::Status refused = fixture.engine->use(fixture.jails());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == util::ErrorCode::kInvalid);
  CHECK(EngineFixture::jail_of(fixture.status())["maxretry"] == 3);
  fixture.log_failures("192.0.2.7", 3);
  fixture.wait_until([](const json& now) { return now["bans"] == 1; });
}

TEST_CASE("jails that cannot have their input leave the running ones at work") {
  EngineFixture fixture;
  fixture.start();
  fixture.log_failures("192.0.2.7", 2);
  fixture.wait_for_findings(2);
  fixture.sshd.options.maxretry = 2;
  fixture.sshd.options.increment.enabled = true;  // its history of bans is read, too
  fixture.sshd.options.logpath = {"-"};
  rlimit usual{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &usual) == 0);
  // As many as there are; poll(2) takes no more than the limit either.
  const int first_free = ::dup(STDIN_FILENO);
  REQUIRE(::close(first_free) == 0);
  const rlimit none_left{static_cast<rlim_t>(first_free), usual.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none_left) == 0);
  const util::Status refused = fixture.engine->use(fixture.jails());
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &usual) == 0);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message() ==
        "standard input cannot be opened for the logpath '-': Too many open files");
  fixture.sshd.options.logpath = {"logs/auth.log"};
  CHECK_FALSE(fixture.engine->use(fixture.jails()));

  const json status = fixture.status();
  CHECK(EngineFixture::jail_of(status)["maxretry"] == 3);
  REQUIRE(status["sources"].size() == 1);
  CHECK(status["sources"][0]["name"] == "file");
  CHECK(status["bans"] == 0);
  fixture.log_failure("192.0.2.7");
  fixture.wait_until([](const json& now) { return now["bans"] == 1; });
  CHECK(fixture.findings() == 3);
}

TEST_CASE("operators ban and unban by hand") {
  EngineFixture fixture;
  fixture.start();
  REQUIRE(fixture.engine->ban("", prefix("192.0.2.7"), 90s));
  REQUIRE(fixture.engine->ban("sshd", prefix("198.51.100.0/24"), -1s));
  CHECK(fixture.status()["bans"] == 2);
  const auto unknown = fixture.engine->ban("nosuch", prefix("192.0.2.7"), {});
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code() == util::ErrorCode::kNotFound);
  CHECK(unknown.error().message() == "no jail is named 'nosuch'; warder status lists them");
  CHECK(fixture.engine->check_jail("sshd"));
  CHECK(fixture.engine->check_jail("nosuch").error().message() == unknown.error().message());

  CHECK(*fixture.engine->unban("manual", prefix("198.51.100.9")) == 0);
  CHECK(*fixture.engine->unban("", prefix("198.51.100.9")) == 1);  // what covers it
  CHECK(*fixture.engine->unban("", prefix("192.0.2.0/24")) == 1);  // what lies in it
  CHECK(fixture.history() ==
        Lines{"ban warning [manual] banned 192.0.2.7 for 1m30s: by an operator",
              "ban warning [sshd] banned 198.51.100.0/24 for ever: by an operator",
              "unban info [sshd] unbanned 198.51.100.0/24: lifted by an operator",
              "unban info [manual] unbanned 192.0.2.7: lifted by an operator"});
  fixture.stop();
  CHECK(fixture.kernel.size() == 0);
}

TEST_CASE("nobody bans this host by hand, whether the firewall is there or not") {
  EngineFixture fixture;
  fixture.start();
  fixture.kernel.fail_with(util::Error(util::ErrorCode::kUnavailable, "the helper is away"));
  for (const char* address : {"127.0.0.1", "127.0.0.0/8", "::1"}) {
    const auto refused = fixture.engine->ban("", prefix(address), {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == util::ErrorCode::kDenied);
    CHECK(refused.error().message() ==
          fmt::format("{} is not banned: it is no address that a ban can mean (loopback, "
                      "link-local, multicast or reserved)",
                      address));
  }
  CHECK(fixture.status()["bans"] == 0);
}

TEST_CASE("a ban by hand says whether it is in effect") {
  EngineFixture fixture;
  fixture.start();
  CHECK(fixture.engine->ban("", prefix("192.0.2.7"), {}).value());
  fixture.kernel.fail_with(util::Error(util::ErrorCode::kUnavailable, "the helper is away"));
  CHECK_FALSE(fixture.engine->ban("", prefix("192.0.2.8"), {}).value());
  CHECK(fixture.status()["bans"] == 2);
}

TEST_CASE("a ban by hand that is shorter than the running one changes nothing") {
  EngineFixture fixture;
  fixture.start();
  REQUIRE(fixture.engine->ban("", prefix("192.0.2.7"), -1s));
  REQUIRE(fixture.engine->ban("", prefix("192.0.2.7"), 60s));
  fixture.stop();
  fixture.clock.advance(2min);
  fixture.start();
  CHECK(fixture.status()["bans"] == 1);
  CHECK(fixture.explain("192.0.2.7")["bans"][0]["end"].is_null());
  CHECK(fixture.explain("192.0.2.7")["recorded_bans"][0]["end"].is_null());
}

TEST_CASE("what the firewall refuses is told and not kept as a ban") {
  EngineFixture fixture;
  fixture.kernel.refuse(prefix("192.0.2.7"), firewall::Reason::kSshPeer);
  fixture.start();
  fixture.log_failures("192.0.2.7", 3);
  fixture.wait_for_findings(3);
  const std::string refusal =
      "192.0.2.7 is not banned: it is where an administrator is logged in from";
  CHECK(fixture.history() == Lines{"firewall warning jail sshd: " + refusal});
  CHECK(fixture.status()["bans"] == 0);
  const auto refused = fixture.engine->ban("", prefix("192.0.2.7"), {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == util::ErrorCode::kDenied);
  CHECK(refused.error().message() == refusal);
  CHECK(fixture.reader().figures()->active_bans == 0);
}

TEST_CASE("a ban ends by itself and is recorded") {
  EngineFixture fixture;
  fixture.start();
  REQUIRE(fixture.engine->ban("", prefix("192.0.2.7"), 60s));
  fixture.wait_until([&fixture](const json& now) {
    fixture.clock.advance(1s);
    return now["bans"] == 0;
  });
  CHECK(fixture.history() == Lines{"ban warning [manual] banned 192.0.2.7 for 1m: by an operator",
                                   "unban info [manual] unbanned 192.0.2.7: its time is over"});
}

TEST_CASE("other parts put their events into the history") {
  EngineFixture fixture;
  fixture.start();
  REQUIRE(
      fixture.engine->record(EventKind::kVault, model::Severity::kWarning, "the vault is away"));
  CHECK(fixture.history() == Lines{"vault warning the vault is away"});
}

TEST_CASE("a stopped engine answers instead of hanging") {
  EngineFixture fixture;
  fixture.start();
  fixture.engine->stop();
  const auto limit = std::chrono::steady_clock::now() + kLongEnough;
  auto answer = fixture.engine->status();
  while (answer && std::chrono::steady_clock::now() < limit) {
    answer = fixture.engine->status();
  }
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code() == util::ErrorCode::kUnavailable);
  CHECK(answer.error().message() == "the agent is stopping");
}

TEST_CASE("when the store falls behind, bans go on, and later everything is on record once") {
  EngineFixture fixture;
  fixture.options.queue_limit = util::kibibytes(8);
  fixture.sshd.options.maxretry = 5;
  fixture.start();
  // 192.0.2.8 has two findings on record, and one that will not be.
  fixture.log_failures("192.0.2.8", 2);
  fixture.wait_for_findings(2);
  REQUIRE(fixture.store->flush(kLongEnough));

  // The store is held first: what it had taken before would make room again.
  fixture.close_gate();
  int findings = 2;
  fixture.log_failure("198.51.100.1");
  fixture.wait_for_findings(++findings);
  fixture.wait_until_held();
  while (!fixture.status()["store"]["overloaded"]) {
    REQUIRE(findings < 200);
    fixture.log_failure(fmt::format("198.51.100.{}", findings));
    fixture.wait_for_findings(++findings);
  }
  const std::string standing = fixture.stored_position();
  fixture.log_failure("192.0.2.8");
  fixture.log_failures("192.0.2.7", 5);
  findings += 6;
  fixture.wait_for_findings(findings);
  json status = fixture.wait_until([](const json& now) { return now["bans"] == 1; });
  CHECK(status["store"]["overloaded"] == true);
  CHECK(fixture.explain("192.0.2.7")["bans"][0]["in_kernel"] == true);
  REQUIRE(fixture.engine->ban("", prefix("203.0.113.1"), {}));  // no line will bring it back
  REQUIRE(fixture.engine->record(EventKind::kVault, model::Severity::kWarning, "away"));
  CHECK(fixture.stored_position() == standing);

  fixture.open_gate();
  status = fixture.wait_until(
      [](const json& now) { return !now["store"]["overloaded"] && !now["catching_up"]; });
  const std::uint64_t unrecorded = status["store"]["unrecorded"];
  CHECK(unrecorded > 6);
  CHECK(status["bans"] == 2);
  CHECK(fixture.findings() == static_cast<std::size_t>(findings));
  // Counted once, though it was judged twice.
  const json counting = fixture.explain("192.0.2.8")["counting"];
  REQUIRE(counting.size() == 1);
  CHECK(counting[0]["count"] == 3);
  Lines history = fixture.history();
  std::sort(history.begin(), history.end());
  CHECK(history ==
        Lines{"ban warning [manual] banned 203.0.113.1 for 1h: by an operator",
              "ban warning [sshd] banned 192.0.2.7 for 10m: 5 findings in 10m",
              "restore info 1 ban taken over from before the start",
              fmt::format("store warning the store was slower than the logs; {} events were not "
                          "recorded at first, their lines are judged again now",
                          unrecorded),
              "vault warning away"});
  CHECK(fixture.stored_position() != standing);
  fixture.stop();
  CHECK(fixture.kernel.size() == 2);
}

TEST_CASE(
    "bans of a database that was set aside are recorded anew, also when the store is behind") {
  std::atomic<bool> read_back{false};
  EngineFixture fixture;
  fixture.options.queue_limit = util::kibibytes(8);
  fixture.hooks.set_aside = [&fixture, &read_back](const std::filesystem::path&,
                                                   const std::string&) {
    read_back = static_cast<bool>(fixture.engine->read_back_bans());  // on the store's thread
  };
  fixture.start();
  REQUIRE(fixture.engine->ban("", prefix("192.0.2.7"), -1s));
  REQUIRE(fixture.store->flush(kLongEnough));

  fixture.close_gate();
  int findings = 0;
  while (!fixture.status()["store"]["overloaded"]) {
    REQUIRE(findings < 200);
    fixture.log_failure(fmt::format("198.51.100.{}", findings));
    fixture.wait_for_findings(++findings);
  }
  fixture.store->set_aside("a test says so");
  fixture.open_gate();
  fixture.wait_until(
      [](const json& now) { return !now["store"]["overloaded"] && !now["catching_up"]; });
  CHECK(read_back);
  CHECK(fixture.status()["bans"] == 1);
  REQUIRE(fixture.store->flush(kLongEnough));
  CHECK(fixture.reader().figures()->active_bans == 1);
  fixture.stop();
  CHECK(fixture.kernel.size() == 1);
}

namespace {

std::shared_ptr<const filter::Filter> naming_filter(const testing::TemporaryFolder& folder,
                                                    filter::UseDns usedns) {
  folder.write("naming.conf", "[Definition]\nfailregex = ^\\s*x bad <HOST>$\n");
  filter::FilterRequest request;
  request.name = "naming";
  request.folders = {folder.path()};
  request.samples = filter::SamplePolicy::kAllowNone;
  request.text.usedns = usedns;
  auto filter = filter::load_filter(request);
  REQUIRE(filter);
  return *filter;
}

// A name server that answers when it is let; owned by the resolver's thread, too.
struct NameServer {
  std::mutex mutex;
  std::condition_variable changed;
  bool answers = false;
  std::string stop_at;  // the one name that gets no answer; guarded by mutex
  int asked = 0;

  void stop(const std::string& name) {
    const std::lock_guard lock(mutex);
    stop_at = name;
  }
  void let_answer() {
    const std::lock_guard lock(mutex);
    answers = true;
    changed.notify_all();
  }
  util::Result<std::vector<net::IpAddress>> look_up(const std::string& name) {
    std::unique_lock lock(mutex);
    ++asked;
    changed.wait(lock, [&] { return answers && name != stop_at; });
    if (name != "bad.example.org") {
      return util::Error(util::ErrorCode::kNotFound, "no such name");
    }
    return std::vector{*net::IpAddress::parse("192.0.2.1"), *net::IpAddress::parse("2001:db8::1")};
  }
};

class NamingFixture : public EngineFixture {
 public:
  explicit NamingFixture(filter::UseDns usedns, jail::UseNames names) {
    sshd.filter = naming_filter(folder, usedns);
    sshd.options.names = names;
    sshd.options.ipv6_prefix = 128;
    look_up = [server = server](const std::string& name) { return server->look_up(name); };
  }
  void bad(const std::string& who, int count) {
    for (int i = 0; i < count; ++i) {
      folder.append("auth.log",
                    fmt::format("{} x bad {}\n", util::format_rfc3339(clock.now()), who));
    }
  }
  std::shared_ptr<NameServer> server = std::make_shared<NameServer>();
};

}  // namespace

TEST_CASE("names are looked up beside the lines, and all their addresses count") {
  NamingFixture fixture(filter::UseDns::kLookUp, jail::UseNames::kLookUp);
  fixture.start();
  fixture.bad("Bad.example.org", 3);
  fixture.bad("none.example.org", 1);
  fixture.bad("no-name-.-.example", 1);
  fixture.bad("192.0.2.7", 3);
  // The resolver has not answered, and lines are judged all the same.
  const json meanwhile = fixture.wait_until([](const json& now) { return now["bans"] == 1; });
  CHECK(meanwhile["side"]["names_waiting"] == 4);
  fixture.server->let_answer();
  fixture.wait_until(
      [](const json& now) { return now["bans"] == 3 && now["side"]["names_waiting"] == 0; });
  CHECK(fixture.server->asked == 2);
  CHECK(fixture.findings() == 9);  // three lines, twice
  Lines bans;
  for (const std::string& line : fixture.history()) {
    if (line.starts_with("ban")) {
      bans.push_back(line);
    }
  }
  CHECK(bans == Lines{"ban warning [sshd] banned 192.0.2.7 for 10m: 3 findings in 10m",
                      "ban warning [sshd] banned 192.0.2.1 for 10m: 3 findings in 10m",
                      "ban warning [sshd] banned 2001:db8::1 for 10m: 3 findings in 10m"});
  CHECK(fixture.explain("2001:db8::1")["recorded_bans"].size() == 1);
}

TEST_CASE("a name server that never answers does not hold up the end, and nothing is lost") {
  NamingFixture fixture(filter::UseDns::kLookUp, jail::UseNames::kLookUp);
  fixture.start();
  fixture.bad("192.0.2.7", 1);
  fixture.bad("bad.example.org", 3);
  fixture.bad("192.0.2.7", 1);
  fixture.wait_until([](const json& now) { return now["side"]["names_waiting"] == 3; });
  fixture.wait_for_findings(2);
  fixture.stop();
  fixture.server->let_answer();
  // Their lines come again; those that the history holds already do not count again.
  fixture.start();
  fixture.wait_until(
      [](const json& now) { return now["bans"] == 2 && now["side"]["names_waiting"] == 0; });
  CHECK(fixture.findings() == 8);
  fixture.bad("192.0.2.7", 1);
  fixture.wait_until([](const json& now) { return now["bans"] == 3; });
  CHECK(fixture.findings() == 9);
}

TEST_CASE("a crash while a name is looked up loses no finding and counts none twice") {
  NamingFixture fixture(filter::UseDns::kLookUp, jail::UseNames::kLookUp);
  fixture.start();
  fixture.bad("192.0.2.7", 1);
  fixture.wait_for_findings(1);
  CHECK(fixture.findings() == 1);
  const std::string before = fixture.stored_position();
  fixture.bad("bad.example.org", 3);
  fixture.bad("192.0.2.7", 1);
  fixture.wait_for_findings(2);
  REQUIRE(fixture.store->flush(kLongEnough));
  CHECK(fixture.findings() == 2);  // what is decided is on disk, the position is not
  CHECK(fixture.stored_position() == before);
  // What a crash at this moment would leave.
  const testing::TemporaryFolder crashed;
  for (const auto& entry :
       std::filesystem::directory_iterator(fixture.options.path.parent_path())) {
    if (entry.path().filename().string().starts_with(fixture.options.path.filename().string())) {
      std::filesystem::copy_file(entry.path(), crashed.path() / entry.path().filename());
    }
  }
  fixture.server->let_answer();
  fixture.wait_until([](const json& now) { return now["side"]["names_waiting"] == 0; });
  fixture.stop();
  fixture.options.path = crashed.path() / fixture.options.path.filename();
  fixture.start();
  fixture.wait_until(
      [](const json& now) { return now["bans"] == 2 && now["side"]["names_waiting"] == 0; });
  CHECK(fixture.findings() == 8);
}

TEST_CASE("positions go on while there is always a name to look up") {
  NamingFixture fixture(filter::UseDns::kLookUp, jail::UseNames::kLookUp);
  fixture.start();
  fixture.bad("bad.example.org", 1);
  fixture.bad("192.0.2.7", 1);
  fixture.wait_until([](const json& now) { return now["side"]["names_waiting"] == 1; });
  fixture.wait_for_findings(1);
  CHECK(fixture.findings() == 1);
  const std::string before = fixture.stored_position();
  // A second one is asked about before the first is answered, and keeps waiting.
  fixture.server->stop("slow.example.org");
  fixture.bad("slow.example.org", 1);
  fixture.wait_until([](const json& now) { return now["side"]["names_waiting"] == 2; });
  fixture.server->let_answer();
  fixture.wait_until([](const json& now) { return now["side"]["names_waiting"] == 1; });
  fixture.wait_for_findings(3);
  CHECK(fixture.findings() == 3);
  CHECK(fixture.stored_position() != before);
  fixture.server->stop({});
  fixture.server->let_answer();
}

TEST_CASE("what is no address with usedns = raw bans nobody and is told") {
  NamingFixture fixture(filter::UseDns::kRaw, jail::UseNames::kRaw);
  fixture.start();
  fixture.bad("bob", 5);
  fixture.bad("192.0.2.7", 3);
  fixture.wait_until([](const json& now) { return now["bans"] == 1; });
  CHECK(fixture.history() ==
        Lines{"source warning [sshd] a line names 'bob', which is no address: nobody is banned for "
              "it (usedns = raw)",
              "ban warning [sshd] banned 192.0.2.7 for 10m: 3 findings in 10m"});
}

TEST_CASE("an ignorecommand is asked beside the lines, once for each address") {
  EngineFixture fixture;
  const std::string program =
      fixture.folder.write("ours", "#!/bin/sh\necho $1 >> \"$2\"\ntest \"$1\" = 192.0.2.1\n");
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  fixture.sshd.options.ignorecommand = {program, "<ip>", (fixture.folder / "asked").string()};
  fixture.start();
  fixture.log_failures("192.0.2.1", 3);
  fixture.log_failures("192.0.2.2", 3);
  const json status = fixture.wait_until(
      [](const json& now) { return now["bans"] == 1 && now["side"]["ignored_by_command"] == 3; });
  CHECK(EngineFixture::jail_of(status)["findings"] == 3);
  CHECK(fixture.history() ==
        Lines{"ban warning [sshd] banned 192.0.2.2 for 10m: 3 findings in 10m"});
  std::ifstream asked(fixture.folder / "asked");
  const std::string text{std::istreambuf_iterator<char>(asked), {}};
  CHECK(text == "192.0.2.1\n192.0.2.2\n");
}
