#include "engine/engine.h"

#include "engine/event_ids.h"
#include "engine/history.h"
#include "engine/host_names.h"
#include "engine/operators.h"
#include "engine/stored_state.h"
#include "log/log.h"
#include "util/duration.h"
#include "util/program_pages.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <malloc.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace warder::engine {
namespace {

// A step: small enough that bans, commands and other logs wait for milliseconds at most.
constexpr util::ByteCount kStep = util::kibibytes(256);
constexpr std::chrono::seconds kOverloadCheck{1};
// A clock that is this far behind the history was set back: less may be a correction.
constexpr std::chrono::hours kClockSetBack{1};
// After lines were read, memory that they needed for a while is given back this much later.
constexpr std::chrono::minutes kMemoryAfter{1};

constexpr std::chrono::seconds kFirstFlush{2};

// Beside the database (line_mark.h).
constexpr const char* kLineMarkFile = "judging";

}  // namespace

util::Result<std::unique_ptr<Engine>> Engine::create(EngineParts parts) {
  WARDER_ASSIGN_OR_RETURN(store::Reader reader, store::Reader::open(parts.database));
  std::unique_ptr<Engine> engine(new Engine(std::move(parts), std::move(reader)));
  engine->wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!engine->wake_) {
    return util::errno_error("eventfd", errno);
  }
  engine->pipeline_.on_reread(engine->parts_.reread);
  engine->pipeline_.expect_lines(engine->parts_.lines_expected);
  const std::filesystem::path state = engine->parts_.database.parent_path();
  if (auto mark = LineMark::open(state / kLineMarkFile)) {
    engine->pipeline_.use_mark(std::move(*mark));
  } else {
    log::warning("a line that ends the agent cannot be told from others: {}",
                 mark.error().message());
  }
  return engine;
}

Engine::Engine(EngineParts parts, store::Reader reader)
    : parts_(std::move(parts)),
      clock_(*parts_.clock),
      reader_(std::move(reader)),
      positions_(reader_),
      recorder_(*parts_.store, *parts_.routes, clock_),
      notices_(recorder_, clock_),
      jails_(parts_.key),
      keeper_(jails_, *parts_.firewall, recorder_, notices_, clock_,
              parts_.dry_run ? BanKeeper::Purpose::kDryRun : BanKeeper::Purpose::kEnforce),
      side_(parts_.look_up ? parts_.look_up : look_up_host, answer_taker(), clock_),
      pipeline_(jails_, keeper_, recorder_, notices_, side_, clock_),
      inputs_(jails_, positions_, notices_, parts_.open_remote, clock_) {}

Engine::~Engine() = default;

SideQuestions::Deliver Engine::answer_taker() {
  return [this](std::function<void()> task) {
    // When the loop has ended nobody wants the answer any more.
    (void)enqueue([this, task = std::move(task)] {
      task();
      keeper_.flush();
      end_step();
    });
  };
}

util::Status Engine::start(std::shared_ptr<const JailSet> set) {
  started_ = clock_.now();
  auto watch = AddressWatch::open();
  if (watch) {
    address_watch_ = std::move(*watch);
  } else {
    notices_.plain(model::EventKind::kAgent, model::Severity::kWarning, watch.error().message());
  }
  WARDER_ASSIGN_OR_RETURN(std::vector<net::Prefix> own, own_addresses());
  jails_.set_own_addresses(std::move(own));
  WARDER_RETURN_IF_ERROR(pipeline_.use(std::move(set)));
  WARDER_RETURN_IF_ERROR(load(true));
  if (reader_.is_open_incident(FirewallControl::kIncident)) {
    keeper_.firewall().failed_before();
  }
  if (keeper_.firewall().bring_up() && parts_.history_is_lost) {
    keeper_.adopt_kernel_bans();
  }
  WARDER_ASSIGN_OR_RETURN(Inputs::Ready inputs, inputs_.prepare(jails_.set()));
  open_sources(std::move(inputs));
  if (parts_.heartbeat_interval.count() > 0) {
    heartbeat_due_ = clock_.monotonic();
  }
  end_step();
  return {};
}

util::Status Engine::load(bool first) {
  pipeline_.watch_clock();
  // A host without a battery for its clock begins anew with each boot. What is stored is taken in
  // as of its own time and then moves to this clock's, and back when that is set right.
  util::WallTime now = clock_.now();
  std::chrono::microseconds set_back{0};
  if (first) {
    WARDER_ASSIGN_OR_RETURN(const auto written, reader_.last_written());
    set_back = written && *written - now > kClockSetBack ? *written - now : set_back;
  }
  WARDER_ASSIGN_OR_RETURN(const LoadReport report,
                          load_state(reader_, jails_, keeper_, now + set_back));
  if (set_back.count() > 0) {
    jails_.clock_stepped(-set_back);
    notices_.clock_set(
        -set_back, fmt::format("the clock is {} behind the newest event of the history; counts and "
                               "bans go on from there, and move when it is set right",
                               util::format_duration(set_back)));
  }
  if (report.running > 0) {
    notices_.plain(
        model::EventKind::kRestore, model::Severity::kInfo,
        fmt::format("{} taken over from before the start", util::counted(report.running, "ban")));
  }
  if (report.orphans > 0) {
    log::notice("{} lifted whose jail is no longer enabled", util::counted(report.orphans, "ban"));
  }
  WARDER_ASSIGN_OR_RETURN(const bool behind, positions_.read_behind());
  if (behind) {
    pipeline_.skip_recorded([this](const model::EventId& id) {
      const auto known = reader_.has_event(id);
      return known && *known;
    });
  }
  return {};
}

void Engine::open_sources(Inputs::Ready inputs) {
  pipeline_.forget_logs();
  catching_up_ = true;
  memory_due_ = clock_.monotonic();  // once caught up
  pipeline_.set_reading(filter::Reading::kCatchUp);
  inputs_.open(std::move(inputs));
}

void Engine::run() {
  while (!stopping_) {
    std::vector<pollfd> waiting{{wake_.get(), POLLIN, 0},
                                {keeper_.firewall().watch_descriptor(), POLLIN, 0},
                                {address_watch_ ? address_watch_->descriptor() : -1, POLLIN, 0}};
    constexpr std::size_t kFirstInput = 3;
    int limit = -1;
    if (const auto deadline = next_deadline()) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(*deadline - clock_.monotonic());
      limit = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
    }
    if (keeper_.firewall().is_busy()) {
      limit = 0;
    }
    for (const Inputs::Input& input : inputs_.all()) {
      if (input.more) {
        limit = 0;
      }
      waiting.push_back({input.finished ? -1 : input.source->poll_fd(), POLLIN, 0});
    }
    if (::poll(waiting.data(), waiting.size(), limit) < 0 && errno != EINTR) {
      log::error("poll: {}; the agent stops", util::errno_error("poll", errno).message());
      break;
    }
    pipeline_.watch_clock();
    if (waiting[1].revents != 0) {
      keeper_.firewall().on_watch();
    }
    if (waiting[2].revents != 0) {
      address_watch_->take();
      if (auto own = own_addresses()) {
        jails_.set_own_addresses(std::move(*own));
      }
    }
    const util::MonotonicTime now = clock_.monotonic();
    for (std::size_t i = 0; i < inputs_.all().size(); ++i) {
      const Inputs::Input& input = inputs_.all()[i];
      const auto wake = input.source->wake_at();
      if (!input.finished &&
          (input.more || waiting[kFirstInput + i].revents != 0 || (wake && *wake <= now))) {
        pump(i);
      }
    }
    caught_up();
    if (tick_due_ && *tick_due_ <= now) {
      tick_due_.reset();
      pipeline_.tick();
    }
    if (const auto interval = pipeline_.tick_interval(); interval.count() > 0) {
      tick_due_ = std::min(tick_due_.value_or(now + interval), now + interval);
    }
    keeper_.firewall().retry();
    keeper_.firewall().step();
    give_back_memory(now);
    end_step();
    go_back_when_possible();
    if (heartbeat_due_ && *heartbeat_due_ <= now) {
      heartbeat_due_ = now + parts_.heartbeat_interval;
      parts_.heartbeat();
    }
    if (waiting[0].revents != 0) {
      std::uint64_t drained = 0;
      [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &drained, sizeof drained);
      run_tasks();
    }
  }
  pipeline_.finish();
  keeper_.flush();
  recorder_.flush(position_taker());
  {
    const std::lock_guard lock(tasks_.mutex);
    tasks_.closed = true;
  }
  run_tasks();
  if (!recorder_.hand_in_held() && !recorder_.hand_in_held()) {
    log::error("the store has no room: what operators did since it fell behind is not recorded");
  }
}

void Engine::pump(std::size_t index) {
  Inputs::Input& input = inputs_.all()[index];
  pipeline_.begin(index, *input.source);
  const source::Pumped pumped = input.source->pump(pipeline_, kStep);
  input.more = pumped.more;
  input.finished = pumped.finished;
  if (pumped.lines > 0) {
    recorder_.position_moved();
    memory_due_ = memory_due_.value_or(clock_.monotonic() + kMemoryAfter);
  }
  // Each source's decisions take effect before the next one is read.
  keeper_.flush();
  if (take_positions(pumped.lines > 0)) {
    // A log that was never seen: where reading began must be known after a crash, or a log that is
    // read from its end would be read from a later end.
    recorder_.flush(position_taker());
  }
  end_step();
}

void Engine::end_step() {
  recorder_.end_step(position_taker());
  const store::Ticket ticket = recorder_.outbox_ticket();
  if (outbox_ticket_.exchange(ticket) != ticket) {
    // It may have been committed before it was known to be waited for.
    on_durable(parts_.store->durable_through());
  }
}

void Engine::on_durable(store::Ticket through) {
  const store::Ticket wanted = outbox_ticket_.load();
  store::Ticket told = outbox_told_.load();
  if (through < wanted || wanted <= told) {
    return;
  }
  outbox_told_.compare_exchange_strong(told, wanted);
  parts_.outbox_ready();
}

bool Engine::take_positions(bool judged) {
  return positions_.take(inputs_.take_positions(), judged);
}

std::function<void(std::vector<model::Position>&)> Engine::position_taker() {
  return [this](std::vector<model::Position>& positions) {
    take_positions();
    positions_.append_storable(pipeline_.open_cases(), &positions);
  };
}

void Engine::caught_up() {
  if (!catching_up_ || inputs_.any_more()) {
    return;
  }
  catching_up_ = false;
  // Where reading began is on disk before the first new line is judged, or a crash right now would
  // have the next start begin at a later end. The only wait for the disk on this thread.
  recorder_.flush(position_taker());
  if (const util::Status stored = parts_.store->flush(kFirstFlush); !stored) {
    log::warning("the first positions are not on disk yet: {}", stored.error().message());
  }
  pipeline_.set_reading(filter::Reading::kLive);
  pipeline_.skip_recorded({});
  keeper_.firewall().settle();
}

// Loading the history, compiling filters and floods of findings leave holes that the heap never
// gives back by itself. Wakes nobody up: with findings there are ticks.
void Engine::give_back_memory(util::MonotonicTime now) {
  if (!catching_up_ && !keeper_.firewall().is_busy() && memory_due_ && *memory_due_ <= now) {
    memory_due_.reset();
    reader_.give_back_memory();
    ::malloc_trim(0);
    util::give_back_program_pages();
  }
}

void Engine::go_back_when_possible() {
  if (!recorder_.overloaded()) {
    return;
  }
  const store::Health health = parts_.store->health();
  if (health.state != store::State::kRunning || health.queued_batches > 0) {
    return;
  }
  // That the database was set aside is told before its queue is empty: the bans have to be recorded
  // anew before they are read back.
  run_tasks();
  if (!recorder_.hand_in_held()) {
    return;  // it is read back, so it has to be on disk first
  }
  const std::uint64_t unrecorded = recorder_.unrecorded();
  positions_.forget();
  pipeline_.open_cases().forget();  // their lines are read again
  recorder_.resume();
  if (const util::Status loaded = load(false); !loaded) {
    log::error("going back to the stored positions: {}", loaded.error().message());
  }
  keeper_.firewall().bring_up();
  if (auto inputs = inputs_.prepare(jails_.set())) {
    open_sources(std::move(*inputs));
  } else {
    log::error("going back to the stored positions: {}", inputs.error().message());
  }
  notices_.plain(model::EventKind::kStore, model::Severity::kWarning,
                 fmt::format("the store was slower than the logs; {} events were not recorded at "
                             "first, their lines are judged again now",
                             unrecorded));
}

std::optional<util::MonotonicTime> Engine::next_deadline() const {
  std::optional<util::MonotonicTime> next;
  const auto consider = [&next](std::optional<util::MonotonicTime> time) {
    if (time && (!next || *time < *next)) {
      next = time;
    }
  };
  for (const Inputs::Input& input : inputs_.all()) {
    consider(input.source->wake_at());
  }
  consider(recorder_.due());
  consider(keeper_.firewall().retry_at());
  consider(heartbeat_due_);
  if (recorder_.overloaded()) {
    consider(clock_.monotonic() + kOverloadCheck);
  }
  consider(tick_due_);
  return next;
}

void Engine::stop() {
  stopping_ = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t woken = ::write(wake_.get(), &one, sizeof one);
}

util::Status Engine::enqueue(std::function<void()> task) {
  {
    const std::lock_guard lock(tasks_.mutex);
    if (tasks_.closed) {
      return util::Error(util::ErrorCode::kUnavailable, "the agent is stopping");
    }
    tasks_.queue.push_back(std::move(task));
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t woken = ::write(wake_.get(), &one, sizeof one);
  return {};
}

void Engine::run_tasks() {
  while (true) {
    std::function<void()> task;
    {
      const std::lock_guard lock(tasks_.mutex);
      if (tasks_.queue.empty()) {
        return;
      }
      task = std::move(tasks_.queue.front());
      tasks_.queue.pop_front();
    }
    task();
    end_step();
  }
}

util::Status Engine::use(std::shared_ptr<const JailSet> set) {
  return call([this, set = std::move(set)]() -> util::Status {
    recorder_.flush(position_taker());
    // What fails leaves everything as it was: all of it comes before the jails change.
    WARDER_ASSIGN_OR_RETURN(Inputs::Ready inputs, inputs_.prepare(*set));
    const bool counted_offenders = jails_.count_offenders();
    util::Status used = counted_offenders ? util::Status() : load_offenders(reader_, *set, jails_);
    if (used) {
      used = pipeline_.use(set);
    }
    if (!used) {
      if (!counted_offenders) {
        jails_.forget_offenders();
      }
      return used;
    }
    keeper_.firewall().follow_scopes();
    open_sources(std::move(inputs));
    return {};
  });
}

util::Status Engine::check_jail(std::string jail) {
  return call([this, jail = std::move(jail)] { return engine::check_jail(jails_, jail); });
}

util::Result<bool> Engine::ban(std::string jail, net::Prefix address,
                               std::optional<std::chrono::seconds> duration) {
  return call([this, jail = std::move(jail), address, duration]() -> util::Result<bool> {
    return ban_by_hand(jails_, keeper_, clock_, jail, address, duration);
  });
}

util::Result<std::size_t> Engine::unban(std::string jail, net::Prefix address) {
  return call([this, jail = std::move(jail), address] {
    return unban_by_hand(jails_, keeper_, jail, address);
  });
}

util::Status Engine::record(model::EventKind kind, model::Severity severity, std::string message) {
  return enqueue([this, kind, severity, message = std::move(message)] {
    notices_.plain(kind, severity, message);
  });
}

util::Status Engine::record(model::Event event) {
  event.id = random_event_id();
  return enqueue([this, event = std::move(event)]() mutable {
    recorder_.event(std::move(event), Recorder::WhenFull::kHold);
  });
}

util::Status Engine::record(std::vector<model::Event> events, std::vector<store::Kept> kept) {
  for (model::Event& event : events) {
    event.id = random_event_id();
  }
  return enqueue([this, events = std::move(events), kept = std::move(kept)]() mutable {
    for (model::Event& event : events) {
      recorder_.event(std::move(event), Recorder::WhenFull::kHold);
    }
    recorder_.keep(std::move(kept));
  });
}

util::Status Engine::acknowledge(model::Event event, store::Acknowledgement given) {
  event.id = random_event_id();
  WARDER_ASSIGN_OR_RETURN(
      const store::Ticket ticket,
      call([this, event = std::move(event),
            given = std::move(given)]() mutable -> util::Result<store::Ticket> {
        recorder_.acknowledge(std::move(event), std::move(given));
        end_step();
        if (recorder_.overloaded()) {
          return util::Error(util::ErrorCode::kUnavailable,
                             "the history cannot be written at the moment; it will be acknowledged "
                             "when it can");
        }
        return recorder_.last_ticket();
      }));
  return parts_.store->wait(ticket, kCallLimit);
}

util::Status Engine::read_back_bans() {
  return enqueue([this] {
    positions_.store_again();
    keeper_.record_all();
    recorder_.flush(position_taker());
  });
}

util::Result<std::string> Engine::status() {
  return call([this]() -> util::Result<std::string> { return status_json(); });
}

util::Result<std::string> Engine::explain_key(std::string key) {
  constexpr std::size_t kMostRows = 50;
  constexpr std::size_t kMostLookedAt = 50'000;  // events are not sorted by their key
  WARDER_ASSIGN_OR_RETURN(store::Reader reader, store::Reader::open(parts_.database));
  nlohmann::json events = nlohmann::json::array();
  store::EventFilter filter;
  filter.limit = kMostLookedAt;
  WARDER_RETURN_IF_ERROR(reader.events(filter, [&](const store::StoredEvent& stored) {
    if (stored.event.kind == model::EventKind::kFinding ||
        stored.event.kind == model::EventKind::kAlert) {
      if (const auto counted = counted_key(stored.event); counted && counted->key == key) {
        events.push_back(nlohmann::json::parse(to_json(stored), nullptr, false));
      }
    }
    return events.size() < kMostRows;
  }));
  return call([this, key = std::move(key),
               events = std::move(events)]() -> util::Result<std::string> {
    nlohmann::json jails = nlohmann::json::array();
    const util::WallTime now = clock_.now();
    for (const jail::Jail* jail : jails_.running()) {
      const jail::Jail::KeyState state = jail->key_state(key, now);
      if (state.count > 0 || state.quiet) {
        jails.push_back({{"jail", jail->options().name},
                         {"count", state.count},
                         {"limit", state.limit},
                         {"findtime", util::format_duration(jail->options().findtime)},
                         {"told", state.quiet}});
      }
    }
    return nlohmann::json{{"key", key}, {"counting", std::move(jails)}, {"events", events}}.dump(
        -1, ' ', false, nlohmann::json::error_handler_t::replace);
  });
}

util::Result<std::string> Engine::explain(const net::Prefix& address) {
  constexpr std::size_t kMostRows = 50;
  history_caught_up();  // else what is decided says more than what is recorded
  // The history is read here, on the asking thread, so that a long one does not hold up the loop.
  WARDER_ASSIGN_OR_RETURN(store::Reader reader, store::Reader::open(parts_.database));
  WARDER_ASSIGN_OR_RETURN(store::AddressHistory history,
                          reader.address(address.address(), kMostRows));
  auto shared = std::make_shared<const store::AddressHistory>(std::move(history));
  return call([this, address, shared]() -> util::Result<std::string> {
    return explain_json(address, *shared);
  });
}

}  // namespace warder::engine
