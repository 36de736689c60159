#pragma once

#include "engine/ban_keeper.h"
#include "engine/diagnosis.h"
#include "engine/inputs.h"
#include "engine/jail_set.h"
#include "engine/jails.h"
#include "engine/log_positions.h"
#include "engine/notices.h"
#include "engine/own_addresses.h"
#include "engine/pipeline.h"
#include "engine/recorder.h"
#include "engine/remote_input.h"
#include "engine/routes.h"
#include "engine/side_questions.h"
#include "firewall/firewall.h"
#include "store/reader.h"
#include "store/store.h"
#include "util/clock.h"
#include "util/descriptor.h"
#include "util/result.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace warder::engine {

struct EngineParts {
  const util::Clock* clock = nullptr;
  store::Store* store = nullptr;
  std::filesystem::path database;  // of the store, for reading
  firewall::Firewall* firewall = nullptr;
  const Routes* routes = nullptr;
  // The history was set aside before the start: running bans are read back from the kernel.
  bool history_is_lost = false;
  // `firewall` says yes to everything and keeps nobody out ([firewall] backend = none).
  bool dry_run = false;
  jail::HashKey key;
  // A jail with outcome = reread found something: the vault's documents changed. On this thread,
  // must not wait.
  std::function<void()> reread;
  // Whether logs of which jails tell the silence should have lines: does the vault answer?
  std::function<bool()> lines_expected;
  // Called when events for destinations are on disk; on this thread or the store's.
  std::function<void()> outbox_ready;
  // Without one there are no logs elsewhere.
  OpenRemote open_remote = {};
  // How the name of a host in a log is looked up; look_up_host() when there is none.
  SideQuestions::LookUp look_up = {};
  // Called about this often while the loop is alive (systemd's watchdog); none when zero.
  std::chrono::milliseconds heartbeat_interval{0};
  std::function<void()> heartbeat;
};

// The pipeline and the loop that drives it: sources, ticks, the firewall's news, questions from
// other threads. One thread runs run(); all other functions are thread safe unless said otherwise.
//
// Idle, with nothing counted and nothing banned, the loop does not wake up by itself (but for the
// heartbeat, if there is one).
class Engine {
 public:
  // Everything in `parts` must outlive the engine.
  static util::Result<std::unique_ptr<Engine>> create(EngineParts parts);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Puts the first jail set to work, takes over what the store knows and opens the sources. Before
  // run(), on its thread.
  util::Status start(std::shared_ptr<const JailSet> set);
  // Until stop(): then what was read is recorded and positions are stored. Bans stay in the kernel.
  void run();
  // Safe in a signal handler.
  void stop();

  // Swaps the jail set; kInvalid leaves the running one.
  util::Status use(std::shared_ptr<const JailSet> set);
  // Whether the ban is in effect: ban_by_hand().
  util::Result<bool> ban(std::string jail, net::Prefix address,
                         std::optional<std::chrono::seconds> duration);
  util::Result<std::size_t> unban(std::string jail, net::Prefix address);
  // Puts an event of another part of the agent into the history. Does not wait.
  util::Status record(model::EventKind kind, model::Severity severity, std::string message);
  // The same with an event that another part made; it gets its id here.
  util::Status record(model::Event event);
  // The same with what is to be remembered once the events are in the history, together with them.
  util::Status record(std::vector<model::Event> events, std::vector<store::Kept> kept);
  // Somebody knows of an incident (store/incident.h). Waits until that is on disk.
  util::Status acknowledge(model::Event event, store::Acknowledgement given);
  // The store was set aside and begins anew: every running ban is recorded again, and how far the
  // logs were judged. Does not wait.
  util::Status read_back_bans();

  // Answers in JSON; README.md of this folder lists the members.
  util::Result<std::string> status();
  util::Result<std::string> explain(const net::Prefix& address);
  // What is known of a key by which jails that alert count ("role web-1").
  util::Result<std::string> explain_key(std::string key);

  // kNotFound when no running jail has the name.
  util::Status check_jail(std::string jail);

  // For `warder doctor`. What is known of one jail, or of all (but the manual one) when the name is
  // empty; kNotFound for an unknown one.
  util::Result<std::vector<JailFacts>> facts(std::string jail);
  // Puts a ban of an address for documentation (192.0.2.254 or one below it, RFC 5737) that nobody
  // holds through the kernel and takes it out again; the address used.
  util::Result<net::Prefix> probe_firewall(std::string jail);
  // Has an event written and waits until it is on disk.
  util::Status probe_store();

  struct RunningBan {
    std::string jail;
    net::Prefix address;
    std::optional<util::WallTime> end;  // empty: for ever
  };
  // All bans in effect, while the history does not hold each of them because the store cannot write
  // or is behind; empty while it does.
  util::Result<std::optional<std::vector<RunningBan>>> bans_beyond_history();

  // Called by the store's hook: everything up to this ticket is on disk.
  void on_durable(store::Ticket through);

 private:
  Engine(EngineParts parts, store::Reader reader);

  static constexpr std::chrono::seconds kCallLimit{30};

  // Has `task` run on the loop's thread. kUnavailable when the loop has ended.
  util::Status enqueue(std::function<void()> task);
  // The same, and waits for its Result; kTimeout. A task that is given up may still run, so it must
  // own what it uses.
  template <typename Task>
  auto call(Task task) -> decltype(task()) {
    auto promise = std::make_shared<std::promise<decltype(task())>>();
    auto answer = promise->get_future();
    WARDER_RETURN_IF_ERROR(
        enqueue([task = std::move(task), promise]() mutable { promise->set_value(task()); }));
    if (answer.wait_for(kCallLimit) != std::future_status::ready) {
      return util::Error(util::ErrorCode::kTimeout, "the agent is busy; try again");
    }
    return answer.get();
  }
  void run_tasks();
  void open_sources(Inputs::Ready inputs);
  // Replaces what is counted and banned by what the store knows.
  util::Status load(bool first);
  void pump(std::size_t index);
  void end_step();
  void go_back_when_possible();
  void caught_up();
  void give_back_memory(util::MonotonicTime now);
  std::optional<util::MonotonicTime> next_deadline() const;
  // LogPositions::take() of what the sources moved.
  bool take_positions(bool judged = true);
  std::function<void(std::vector<model::Position>&)> position_taker();
  // Answers of the side questions, as a step of the loop.
  SideQuestions::Deliver answer_taker();
  std::string status_json();
  // Has the store write what was decided a moment ago; false when it does not get that far within a
  // second. On the asking thread.
  bool history_caught_up();
  std::string explain_json(const net::Prefix& address, const store::AddressHistory& history);

  EngineParts parts_;
  const util::Clock& clock_;
  store::Reader reader_;  // the loop's own
  LogPositions positions_;
  Recorder recorder_;
  Notices notices_;
  Jails jails_;
  BanKeeper keeper_;
  SideQuestions side_;
  Pipeline pipeline_;
  Inputs inputs_;
  std::optional<AddressWatch> address_watch_;
  util::Descriptor wake_;
  bool catching_up_ = true;
  std::optional<util::MonotonicTime> memory_due_;
  std::optional<util::MonotonicTime> tick_due_;
  std::optional<util::MonotonicTime> heartbeat_due_;
  util::WallTime started_{};
  std::atomic<bool> stopping_{false};
  std::atomic<store::Ticket> outbox_ticket_{0};  // the last batch with something for a destination
  std::atomic<store::Ticket> outbox_told_{0};    // up to where shippers were told

  struct Tasks {
    std::mutex mutex;
    std::deque<std::function<void()>> queue;  // guarded by mutex
    bool closed = false;                      // guarded by mutex
  };
  Tasks tasks_;
};

}  // namespace warder::engine
