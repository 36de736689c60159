#include "agent/daemon.h"

#include "agent/far_ends.h"
#include "agent/file_guarding.h"
#include "agent/monitoring.h"
#include "agent/remote_logs.h"
#include "agent/service.h"
#include "agent/signing_key.h"
#include "agent/state_lock.h"
#include "api/keys.h"
#include "config/manual.h"
#include "crypto/random.h"
#include "engine/dry_run_guard.h"
#include "engine/own_addresses.h"
#include "engine/pending_restart.h"
#include "firewall/open_firewall.h"
#include "log/log.h"
#include "ship/keys.h"
#include "ship/report.h"
#include "store/keys.h"
#include "store/reader.h"
#include "util/strings.h"
#include "util/thread_name.h"
#include "vault/reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <malloc.h>
#include <utility>

namespace warder::agent {
namespace {

constexpr std::chrono::seconds kCloseLimit{10};
constexpr std::size_t kMostTold = 900;  // of a list of errors in one event

// Why jails are not to run: what is too much about whom they would ban.
std::optional<std::string> bans_too_many(const engine::JailSet& before,
                                         const engine::JailSet& after,
                                         const engine::DryRunOptions& options,
                                         const util::Clock& clock,
                                         const std::stop_token& stop = {}) {
  const std::vector<net::Prefix> own = engine::own_addresses().value_or({});
  const engine::DryRun run = engine::dry_run_of_jails(before, after, options, own, clock, stop);
  ::malloc_trim(0);  // of the tables of its replays
  return run.too_much ? std::optional(engine::to_text(run, options)) : std::nullopt;
}

bool has_jail(const engine::JailSet& set, std::string_view name) {
  return std::any_of(set.jails.begin(), set.jails.end(),
                     [&](const engine::CompiledJail& jail) { return jail.options.name == name; });
}

std::vector<std::string> waiting_for_restart(const engine::Effective& started,
                                             const engine::Effective& now) {
  std::vector<const config::Table*> tables{&engine::agent_table()};
  tables.insert(tables.end(), main_tables().begin(), main_tables().end());
  return engine::changed_until_restart(tables, started, now);
}

}  // namespace

util::Result<std::unique_ptr<Daemon>> Daemon::start(const Globals& globals) {
  // What is large and short-lived is mapped and unmapped, however often it comes, instead of
  // growing the heap; six threads need no heap each.
  ::mallopt(M_MMAP_THRESHOLD, 128 * 1024);
  ::mallopt(M_ARENA_MAX, 2);
  std::unique_ptr<Daemon> daemon(new Daemon(globals));
  WARDER_ASSIGN_OR_RETURN(const engine::MainConfiguration main, read_main(globals));
  log::set_level(main.agent.log_level);
  WARDER_ASSIGN_OR_RETURN(daemon->lock_, lock_state(main.agent.state));
  daemon->documents_ = daemon->vault_.open(main, daemon->early_trouble_);

  // With the vault's documents if they are good, else with those that ran last, else with the files
  // alone: a wrong document in the vault must not keep a host without protection.
  config::Diagnostics diagnostics;
  auto loaded = load_all(globals.config.string(), daemon->documents_, diagnostics);
  if (loaded && daemon->documents_.any()) {
    daemon->keep_accepted();
  }
  if (AcceptedDocuments* const accepted = daemon->vault_.accepted();
      !loaded && daemon->documents_.any() && accepted != nullptr) {
    if (auto kept = accepted->kept(); kept && kept->any() && *kept != daemon->documents_) {
      config::Diagnostics of_these;
      loaded = load_all(globals.config.string(), *kept, of_these);
      if (loaded) {
        daemon->early_trouble_.push_back(
            fmt::format("the vault's documents were refused, those that ran last go on: {}",
                        diagnostics.to_text()));
        daemon->documents_ = std::move(*kept);
      }
    }
  }
  if (!loaded && daemon->documents_.any()) {
    daemon->early_trouble_.push_back(fmt::format(
        "the vault's documents were refused, the files run alone: {}", diagnostics.to_text()));
    daemon->documents_ = {};
    diagnostics = {};
    loaded = load_all(globals.config.string(), {}, diagnostics);
  }
  if (!loaded) {
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("the configuration has errors:\n{}", diagnostics.to_text()));
  }
  WARDER_RETURN_IF_ERROR(daemon->open_store(loaded->main));
  WARDER_RETURN_IF_ERROR(daemon->open_firewall(loaded->main));
  daemon->running_jails_ = loaded->jails;
  WARDER_RETURN_IF_ERROR(daemon->start_engine(*loaded));
  {
    // The control socket answers already.
    const std::lock_guard lock(daemon->reload_mutex_);
    daemon->ignore_watch_ = std::make_unique<IgnoreWatch>([daemon = daemon.get()] {
      if (const auto read = daemon->reload(); !read) {
        log::warning("what ignoreip names has changed, but: {}", read.error().message());
      }
    });
    daemon->ignore_watch_->watch(*loaded->jails);
    daemon->backup_watch_ = std::make_unique<BackupWatch>(
        BackupWatch::Parts{loaded->main.agent.state, globals.config, &daemon->clock_,
                           [daemon = daemon.get()](model::Event event) {
                             return daemon->engine_->record(std::move(event)).has_value();
                           },
                           [daemon = daemon.get()](std::string_view incident) {
                             auto reader = store::Reader::open(daemon->database_);
                             return reader && reader->is_open_incident(incident);
                           }});
    daemon->backup_watch_->watch(loaded->backups);
  }
  daemon->try_out_at_start(*loaded);
  const std::lock_guard lock(daemon->reload_mutex_);
  daemon->watch_vault();  // from here on other threads apply configurations
  return daemon;
}

Daemon::~Daemon() {
  // Who may still ask goes first, then what writes, the store last.
  dry_run_ = {};
  vault_.stop_watching();
  server_.reset();
  ignore_watch_.reset();
  backup_watch_.reset();
  monitors_.reset();
  files_stop_.request_stop();
  files_.reset();
  if (shipping_) {
    shipping_->stop();
  }
  // The store's thread calls into engine and shipping until it has ended here.
  if (store_) {
    if (const util::Status closed = store_->close(kCloseLimit); !closed) {
      log::warning("closing the store: {}; the lines concerned will be read again",
                   closed.error().message());
    }
  }
}

util::Status Daemon::open_store(const engine::MainConfiguration& main) {
  const store::Options options = store::store_options(main.checked.one(store::store_table()),
                                                      main.agent.state, main.agent.name);
  database_ = options.path;
  WARDER_ASSIGN_OR_RETURN(crypto::Ed25519SecretKey key,
                          signing_key(signing_key_of(main), verifier_key_of(main), options.origin));
  store::Hooks hooks;
  hooks.durable = [this](store::Ticket through) {
    if (engine::Engine* const engine = running_engine_.load()) {
      engine->on_durable(through);
    }
  };
  hooks.state = [](const store::Health& health) {
    if (health.state == store::State::kDegraded) {
      log::error("the store cannot write, bans go on: {}", health.reason);
    } else {
      log::notice("the store writes again");
    }
  };
  hooks.set_aside = [this](const std::filesystem::path& where, const std::string& why) {
    log::error("the database was damaged ({}) and now lies at {}; a new one is in use", why,
               where.string());
    engine::Engine* const engine = running_engine_.load();
    if (engine == nullptr) {
      history_is_lost_ = true;
    } else if (!engine->read_back_bans()) {
      log::warning("the agent is stopping: running bans are not recorded in the new database");
    }
  };
  hooks.route = [this](const model::Event& event) { return routes_.of(event); };
  hooks.incident = [this](const model::Event& event,
                          const std::vector<store::DestinationId>& told) {
    return routes_.incident(event, told);
  };
  hooks.outbox = [this] {
    if (running_engine_.load() != nullptr) {
      shipping_->notify();
    }
  };
  WARDER_ASSIGN_OR_RETURN(store_, store::Store::open(options, clock_, std::move(key), hooks));
  return {};
}

util::Status Daemon::open_firewall(const engine::MainConfiguration& main) {
  WARDER_ASSIGN_OR_RETURN(
      firewall_, firewall::open_firewall(
                     firewall::read_options(main.checked.one(firewall::options_table())), clock_));
  return {};
}

util::Status Daemon::start_engine(const Loaded& loaded) {
  engine::EngineParts parts;
  parts.clock = &clock_;
  parts.store = store_.get();
  parts.database = database_;
  parts.firewall = firewall_.get();
  parts.routes = &routes_;
  parts.history_is_lost = history_is_lost_;
  parts.dry_run =
      firewall::read_options(loaded.main.checked.one(firewall::options_table())).backend ==
      firewall::Backend::kNone;
  WARDER_RETURN_IF_ERROR(crypto::random_bytes(parts.key.bytes));
  parts.outbox_ready = [this] { shipping_->notify(); };
  parts.open_remote = open_remote(loaded.main, clock_);
  parts.heartbeat_interval = watchdog_interval();
  parts.heartbeat = notify_alive;
  parts.reread = [this] { vault_.check_now(); };
  parts.lines_expected = [this] { return vault_.answers(); };
  WARDER_ASSIGN_OR_RETURN(engine_, engine::Engine::create(std::move(parts)));
  shipping_ = std::make_unique<engine::Shipping>(
      *store_, database_, clock_, [this](const ship::Report& report) {
        model::Event event = ship::report_event(report, clock_.now());
        if (!engine_->record(std::move(event))) {
          log::warning("destination {}: {}", report.destination, report.reason);
        }
      });
  running_engine_ = engine_.get();
  note_running(loaded);
  started_ = effective_of(loaded);
  WARDER_ASSIGN_OR_RETURN(Destinations destinations, prepare_destinations(loaded));
  use_destinations(std::move(destinations));
  WARDER_RETURN_IF_ERROR(engine_->start(loaded.jails));
  WARDER_RETURN_IF_ERROR(tell_configuration("at start", {}, {}));
  WARDER_RETURN_IF_ERROR(tell_left_out({}));

  monitors_ = std::make_unique<monitor::MonitorThread>(
      monitor_hooks(*engine_, *store_, database_, globals_.config), loaded.main.agent.state,
      clock_);
  monitors_->use(monitors_of(loaded));
  WARDER_ASSIGN_OR_RETURN(
      files::FilesHooks hooks,
      file_hooks({store_.get(), &routes_, database_, signing_key_of(loaded.main),
                  files_stop_.get_token(), [this] { shipping_->notify(); }}));
  files_ = std::make_unique<files::FilesThread>(std::move(hooks), clock_);
  files_->use(loaded.jails->guarded_files);

  Control::Parts control;
  control.engine = engine_.get();
  control.shipping = shipping_.get();
  control.database = database_;
  control.reload = [this](const std::string& accepted) { return reload(accepted); };
  control.accept_schema = [this](const std::string& name) { return monitors_->accept(name); };
  control.accept_files = [this](const std::string& name, const std::string& path) {
    return files_->accept(name, path);
  };
  control.scan_files = [this](const std::string& name) { return files_->want_full(name); };
  control.baseline_files = [this](const std::string& name) { return files_->want_baseline(name); };
  control.vault_state = [this] { return vault_.state(); };
  control.configuration = [this] {
    const std::lock_guard lock(running_mutex_);
    return running_text_;
  };
  control_ = std::make_unique<Control>(std::move(control));
  config::Diagnostics told;  // by load_all() already
  const auto options = api::server_options(loaded.main.checked.one(api::api_table()), told)
                           .value_or(api::ServerOptions{});
  WARDER_ASSIGN_OR_RETURN(server_, api::Server::start(options, control_.get()));
  for (const std::string& trouble : early_trouble_) {
    refused(trouble, "at start");
  }
  return {};
}

util::Result<Daemon::Destinations> Daemon::prepare_destinations(const Loaded& loaded) {
  Destinations ready;
  const auto resolve = [this](const config::SecretReference& reference) {
    return vault::resolve(reference, vault_.source());
  };
  const auto doubt = [this](const config::SecretReference& reference) {
    vault_.doubt(reference.document);
  };
  // The session of the documents serves the audit trail as well.
  const ship::FarEnds ends = far_ends(vault_options_of(loaded.main), vault_.server(), clock_);
  for (const auto& [destination, text] : loaded.destinations) {
    engine::DestinationPlan plan;
    plan.name = destination.name;
    plan.selection = destination.selection;
    plan.options = destination.shipper;
    plan.after = destination.escalation_after;
    plan.times = destination.escalation_times;
    plan.make = [this, options = destination, resolve, doubt, ends, host = loaded.main.agent.name] {
      return ship::make_destination(options, host, resolve, doubt, ends, clock_);
    };
    plan.text = text;
    ready.plans.push_back(std::move(plan));
  }
  WARDER_ASSIGN_OR_RETURN(ready.routes, shipping_->routes_to(ready.plans));
  auto& named = ready.named;
  for (const engine::CompiledJail& jail : loaded.jails->jails) {
    named.emplace(jail.options.name, jail.options.destinations);
  }
  for (const monitor::MonitorOptions& options : loaded.jails->monitors) {
    named.emplace(options.name, options.destinations);
  }
  for (const files::FilesOptions& options : loaded.jails->guarded_files) {
    // A monitor of the same name may have its own: then each of them, or all.
    const auto [place, fresh] = named.emplace(options.name, options.destinations);
    if (!fresh && (place->second.empty() || options.destinations.empty())) {
      place->second.clear();
    } else if (!fresh) {
      place->second.insert(place->second.end(), options.destinations.begin(),
                           options.destinations.end());
    }
  }
  return ready;
}

void Daemon::use_destinations(Destinations ready) {
  shipping_->use(std::move(ready.plans), ready.routes);
  routes_.replace(std::move(ready.routes), std::move(ready.named));
}

void Daemon::watch_vault() {
  VaultLink::Hooks hooks;
  hooks.record = [this](model::Event event) {
    return engine_->record(std::move(event)).has_value();
  };
  hooks.changed = [this](engine::VaultDocuments documents) {
    const std::lock_guard lock(reload_mutex_);
    if (documents == documents_) {
      return;
    }
    if (apply(documents, "the vault changed")) {
      documents_ = std::move(documents);
      keep_accepted();
    }
  };
  vault_.watch(std::move(hooks), database_);
}

util::Result<std::vector<std::string>> Daemon::reload(std::string_view accepted) {
  const std::lock_guard lock(reload_mutex_);
  engine::VaultDocuments documents = documents_;
  // One that was set up since: its documents run with this reload, and are watched whatever becomes
  // of it.
  if (!vault_.is_open() && vault_.try_again()) {
    watch_vault();
  }
  if (vault_.is_open()) {
    if (auto fetched = vault_.read_anew()) {
      documents = std::move(*fetched);
    } else {
      log::warning("reload: the vault does not answer, its last documents are used: {}",
                   fetched.error().message());
    }
  }
  WARDER_RETURN_IF_ERROR(apply(documents, "reload", accepted));
  documents_ = std::move(documents);
  keep_accepted();
  return waiting_for_restart_;
}

void Daemon::keep_accepted() {
  AcceptedDocuments* const accepted = vault_.accepted();
  if (accepted == nullptr) {
    return;
  }
  if (const util::Status kept = accepted->keep(documents_); !kept) {
    log::warning("what runs of the vault's documents could not be kept for a start: {}",
                 kept.error().message());
  }
}

util::Status Daemon::apply(const engine::VaultDocuments& documents, std::string_view cause,
                           std::string_view accepted) {
  config::Diagnostics diagnostics;
  const auto loaded = load_all(globals_.config.string(), documents, diagnostics);
  if (!loaded) {
    refused(diagnostics.to_text(), cause);
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("the configuration has errors, what runs goes on:\n{}",
                                   util::trim(diagnostics.to_text())));
  }
  engine::DryRunOptions dry_run =
      engine::dry_run_options(loaded->main.checked.one(engine::agent_table()));
  for (const std::string_view name : util::split_words(accepted, " \t\r\n,")) {
    if (!has_jail(*loaded->jails, name)) {
      return util::Error(util::ErrorCode::kNotFound,
                         fmt::format("what runs goes on: --accept: the new configuration has no "
                                     "enabled jail '{}'",
                                     util::printable(name, 64)));
    }
    dry_run.accepted.emplace(name);
  }
  if (const auto why = bans_too_many(*running_jails_, *loaded->jails, dry_run, clock_)) {
    refused(*why, cause);
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("the configuration is refused, what runs goes on: {}", *why));
  }
  // Whoever breaks a jail that protects is told; one that never ran may go on not running.
  for (const engine::LeftOutJail& jail : loaded->jails->left_out) {
    if (has_jail(*running_jails_, jail.name)) {
      const std::string why = fmt::format(
          "the jail {} runs and would be left out: {}; mend it, or set enabled = false "
          "if it is to go",
          util::printable(jail.name, 80), jail.why);
      refused(why, cause);
      return util::Error(util::ErrorCode::kInvalid,
                         fmt::format("the configuration is refused, what runs goes on: {}", why));
    }
  }
  auto destinations = prepare_destinations(*loaded);
  const util::Status used = destinations ? engine_->use(loaded->jails) : destinations.error();
  if (!used) {
    refused(used.error().message(), cause);
    return util::Error(used.error().code(),
                       fmt::format("the configuration is not taken, what runs goes on: {}",
                                   used.error().message()));
  }
  const std::shared_ptr<const engine::JailSet> ran = std::exchange(running_jails_, loaded->jails);
  use_destinations(std::move(*destinations));
  const std::string before = note_running(*loaded);
  monitors_->use(monitors_of(*loaded));
  files_->use(loaded->jails->guarded_files);
  if (ignore_watch_) {
    ignore_watch_->watch(*loaded->jails);
  }
  if (backup_watch_) {
    backup_watch_->watch(loaded->backups);
  }
  log::set_level(loaded->main.agent.log_level);
  waiting_for_restart_ = waiting_for_restart(started_, effective_of(*loaded));
  std::string waiting;
  if (!waiting_for_restart_.empty()) {
    waiting = fmt::format("; these take effect when the agent is restarted: {}",
                          fmt::join(waiting_for_restart_, ", "));
    log::warning("new configuration ({}){}", cause, waiting);
  }
  std::string names;
  for (const engine::CompiledJail& jail : loaded->jails->jails) {
    if (jail.options.name != engine::kManualJail) {
      names += (names.empty() ? "" : ", ") + jail.options.name;
    }
  }
  // All of it runs before something is told: that fails where the store does not take events.
  WARDER_RETURN_IF_ERROR(tell_configuration(
      cause, before,
      fmt::format("new configuration ({}): jails {}; {} destinations{}", cause,
                  names.empty() ? "none" : names, loaded->destinations.size(), waiting)));
  return tell_left_out(*ran);
}

void Daemon::try_out_at_start(const Loaded& loaded) {
  if (ran_last_) {
    return;
  }
  dry_run_ = std::jthread([this, jails = loaded.jails,
                           options = engine::dry_run_options(loaded.main.checked.one(
                               engine::agent_table()))](const std::stop_token& stop) {
    util::name_thread("dry-run");
    const auto why = bans_too_many({}, *jails, options, clock_, stop);
    if (why && !engine_->record(
                   model::EventKind::kConfig, model::Severity::kWarning,
                   fmt::format("what was started with runs, but {}", why->substr(0, kMostTold)))) {
      log::warning("the agent is stopping: {}", *why);
    }
  });
}

std::string Daemon::note_running(const Loaded& loaded) {
  std::string text = engine::effective_json(effective_of(loaded));
  const std::lock_guard lock(running_mutex_);
  return std::exchange(running_text_, std::move(text));
}

util::Status Daemon::tell_configuration(std::string_view cause, const std::string& before,
                                        const std::string& message) {
  std::string running;
  {
    const std::lock_guard lock(running_mutex_);
    running = running_text_;
  }
  if (!configurations_) {  // at the start; later ones may not be on disk yet
    std::string known;
    if (auto reader = store::Reader::open(database_)) {
      known = reader->kept(engine::ConfigurationHistory::kKeptName)
                  .value_or(std::nullopt)
                  .value_or(std::string());
    }
    configurations_ = engine::ConfigurationHistory::parse(known);
    ran_last_ = configurations_->is_newest(running);
  }
  const util::WallTime now = clock_.now();
  const std::string known = configurations_->to_text();
  const auto ran_until = configurations_->note(running, now);
  const std::string change =
      before.empty() ? "" : engine::configuration_difference(before, running);
  std::vector<model::Event> events;
  const auto tell = [&](model::Severity severity, std::string text) {
    model::Event event;
    event.kind = model::EventKind::kConfig;
    event.severity = severity;
    event.time = now;
    event.message = std::move(text);
    if (!change.empty()) {
      event.message += "; changed: " + change;
    }
    events.push_back(std::move(event));
  };
  if (!message.empty()) {
    tell(model::Severity::kNotice, message);
  }
  if (ran_until) {
    tell(
        model::Severity::kWarning,
        fmt::format("an older configuration was put back ({}): it ran until {}. If nobody here did "
                    "that, look at who can write the rules (warder vault audit, warder vault "
                    "history)",
                    cause, util::format_rfc3339(*ran_until)));
  }
  std::vector<store::Kept> kept;
  if (std::string text = configurations_->to_text(); text != known) {
    kept.push_back({engine::ConfigurationHistory::kKeptName, std::move(text)});
  }
  return events.empty() && kept.empty() ? util::Status()
                                        : engine_->record(std::move(events), std::move(kept));
}

util::Status Daemon::tell_left_out(const engine::JailSet& before) {
  for (const engine::LeftOutJail& jail : running_jails_->left_out) {
    if (std::any_of(before.left_out.begin(), before.left_out.end(),
                    [&](const auto& known) { return known.name == jail.name; })) {
      continue;
    }
    const std::string text =
        fmt::format("the jail {} is left out, which fail2ban does not run either: {}",
                    util::printable(jail.name, 80), jail.why.substr(0, kMostTold));
    WARDER_RETURN_IF_ERROR(
        engine_->record(model::EventKind::kConfig, model::Severity::kWarning, text));
  }
  return {};
}

void Daemon::refused(const std::string& why, std::string_view cause) {
  std::string told;  // in one line
  for (const std::string_view line : util::split(util::trim(why), '\n')) {
    told += (told.empty() ? "" : "; ") + std::string(line);
  }
  const std::string text = fmt::format("configuration refused ({}), what runs goes on: {}", cause,
                                       told.substr(0, kMostTold));
  if (!engine_->record(model::EventKind::kConfig, model::Severity::kHigh, text)) {
    log::error("{}", text);
  }
}

void Daemon::run() { engine_->run(); }

void Daemon::stop() { engine_->stop(); }

}  // namespace warder::agent
