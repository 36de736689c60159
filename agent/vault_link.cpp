#include "agent/vault_link.h"

#include "agent/wiring.h"
#include "crypto/random.h"
#include "log/log.h"
#include "util/strings.h"
#include "vault/keys.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <system_error>
#include <utility>

namespace warder::agent {

engine::VaultDocuments VaultLink::open(const engine::MainConfiguration& main,
                                       std::vector<std::string>& trouble) {
  options_ = vault_options_of(main);
  const vault::VaultOptions& options = *options_;
  host_ = main.agent.name;
  interval_ = options.interval;
  rotates_ = options.rotate;
  cosigning_.key = options.cosign;
  cosigning_.interval = options.cosign_interval;
  cosigning_.file = cosigned_file(main.agent.state);
  cosigning_.clock = &clock_;
  if (!options.cosign.empty() && options.kind != vault::ProviderKind::kServer) {
    trouble.emplace_back(
        "cosign of [vault] has no effect: only HashiCorp Vault and OpenBao have transit "
        "(provider = vault)");
  }
  if (!open_provider(options, trouble)) {
    return {};
  }
  const vault::DocumentSource kept =
      [this](std::string_view name) -> util::Result<vault::Document> {
    auto copy = cache_->get_kept(name);
    if (!copy) {
      return copy.error();
    }
    return std::move(copy->document);
  };
  auto documents = fetch_documents(cache_ ? kept : source(), host_);
  if (!documents) {
    trouble.push_back(fmt::format("the vault does not answer, the files run alone: {}",
                                  documents.error().message()));
    return {};
  }
  return std::move(*documents);
}

bool VaultLink::open_provider(const vault::VaultOptions& options,
                              std::vector<std::string>& trouble) {
  auto opened = vault::open_vault(options, vault::Copies::kKept, clock_);
  std::string why;
  if (opened) {
    vault_ = std::move(*opened);
    open_copies(options, trouble);
    open_ = true;
  } else if (opened.error().code() != util::ErrorCode::kNotFound) {
    why = opened.error().message();
    trouble.push_back(fmt::format("the vault does not open, the files run alone: {}", why));
  }
  const std::lock_guard lock(watcher_mutex_);
  does_not_open_ = std::move(why);
  return open_;
}

bool VaultLink::try_again() {
  if (open_ || !options_) {
    return open_;
  }
  std::vector<std::string> trouble;
  const bool open = open_provider(*options_, trouble);
  for (const std::string& text : trouble) {
    log::warning("{}", text);
  }
  return open;
}

void VaultLink::open_copies(const vault::VaultOptions& options, std::vector<std::string>& trouble) {
  const bool network = options.kind != vault::ProviderKind::kFile;
  vault::CacheOptions cache{.ttl = options.cache_time, .folder = options.copies};
  auto key = vault::copies_key(options);
  std::error_code error;
  std::filesystem::create_directories(options.copies, error);
  if (!key || error) {
    trouble.push_back(
        fmt::format("no copies of the vault's documents are kept on disk: {}: {}",
                    network ? "without the vault this host cannot start with them"
                            : "a start that finds wrong ones in the vault has the files alone",
                    key ? error.message() : key.error().message()));
    cache.folder.clear();
  } else {
    accepted_ = std::make_unique<AcceptedDocuments>(options.copies, key->copy());
  }
  if (network) {
    cache_ = std::make_unique<vault::Cache>(*vault_, key ? std::move(*key) : crypto::SecretString(),
                                            cache, clock_, crypto::random_seed());
  }
}

vault::DocumentSource VaultLink::source() {
  if (!open_) {
    return {};
  }
  if (cache_) {
    return [this](std::string_view name) -> util::Result<vault::Document> {
      auto cached = cache_->get(name);
      if (!cached) {
        return cached.error();
      }
      return std::move(cached->document);
    };
  }
  return [this](std::string_view name) { return vault_->get(name); };
}

util::Result<engine::VaultDocuments> VaultLink::read_anew() {
  if (cache_) {
    cache_->expire_all();
  }
  return fetch_documents(source(), host_);
}

void VaultLink::doubt(std::string_view document) {
  if (open_) {
    vault_->doubt(document);
  }
}

vault::ServerVault* VaultLink::server() const {
  return open_ ? dynamic_cast<vault::ServerVault*>(vault_.get()) : nullptr;
}

void VaultLink::watch(Hooks hooks, std::filesystem::path database) {
  if (!open_) {
    return;
  }
  {
    const std::lock_guard lock(watcher_mutex_);
    if (watcher_ || stopped_) {
      return;
    }
  }
  hooks_ = std::move(hooks);
  make_timers(std::move(database));
  vault::WatcherOptions options;
  options.names = document_names(host_);
  options.interval = interval_;
  options.seed = crypto::random_seed();
  options.on_notice = [this](const vault::ProviderNotice& notice) {
    tell(notice.severity, notice.text);
  };
  options.on_look = [this] {
    if (rotation_) {
      rotation_->look();
    }
    if (cosigner_) {
      cosigner_->look();
    }
  };
  auto watcher = std::make_unique<vault::Watcher>(
      *vault_, options, clock_, [this](const vault::DocumentSet& set) { on_change(set); },
      [this](const vault::WatcherState& state) {
        if (state.stale_since) {
          tell("vault", Incident::kBegins,
               fmt::format("the vault cannot be read, what was read last goes on running: {}",
                           state.reason));
        } else {
          tell("vault", Incident::kIsOver, "the vault can be read again");
        }
      });
  {
    const std::lock_guard lock(watcher_mutex_);
    if (!stopped_) {
      watcher_ = std::move(watcher);
    }
  }
  // One that came too late ends here.
}

void VaultLink::make_timers(std::filesystem::path database) {
  if (rotates_) {
    rotation_ = std::make_unique<vault::RotationTimer>(
        *vault_, clock_, fmt::format("warder on {}", host_),
        [this](const vault::RotationStep& step) {
          tell(step.what == vault::RotationStep::What::kFailed ? model::Severity::kHigh
                                                               : model::Severity::kNotice,
               step.text);
        });
  }
  if (server() != nullptr && !cosigning_.key.empty()) {
    cosigning_.server = server();
    cosigning_.database = std::move(database);
    cosigning_.seed = crypto::random_seed();
    cosigning_.tell = [this](const std::string& failure) {
      if (failure.empty()) {
        tell("cosign", Incident::kIsOver, "the history's checkpoints are cosigned again");
      } else {
        tell("cosign", Incident::kBegins,
             fmt::format("the history's checkpoints are not cosigned: {}", failure));
      }
    };
    cosigner_ = std::make_unique<CosignTimer>(std::move(cosigning_));
  }
}

void VaultLink::stop_watching() {
  std::unique_ptr<vault::Watcher> watcher;
  {
    const std::lock_guard lock(watcher_mutex_);
    stopped_ = true;
    watcher = std::move(watcher_);
  }
  // Its thread ends here, without the lock that others wait for.
}

void VaultLink::on_change(const vault::DocumentSet& set) {
  const auto of_set = [&set](std::string_view name) -> util::Result<vault::Document> {
    const auto found = set.find(name);
    if (found == set.end()) {
      return util::Error(util::ErrorCode::kNotFound, "");
    }
    return vault::Document{found->second.content.copy(), found->second.version, found->second.time};
  };
  if (cache_) {
    // Secrets may have changed with the rules that name them.
    cache_->expire_all();
    for (const std::string& name : document_names(host_)) {
      const auto found = set.find(name);
      cache_->learn(name, found == set.end() ? nullptr : &found->second);
    }
  }
  if (auto documents = fetch_documents(of_set, host_)) {
    hooks_.changed(std::move(*documents));
  }
}

void VaultLink::tell(model::Severity severity, const std::string& text, std::string detail) {
  model::Event event;
  event.kind = model::EventKind::kVault;
  event.severity = severity;
  event.time = clock_.now();
  event.message = util::printable_again(text, model::Event::kLongestMessage);
  event.detail = std::move(detail);
  log::write(severity >= model::Severity::kHigh      ? log::Level::kError
             : severity == model::Severity::kWarning ? log::Level::kWarning
                                                     : log::Level::kNotice,
             event.message);
  if (!hooks_.record(std::move(event))) {
    log::warning("the agent is stopping: what is said of the vault is not recorded");
  }
}

void VaultLink::tell(const char* name, Incident step, const std::string& text) {
  const bool begins = step == Incident::kBegins;
  tell(begins ? model::Severity::kHigh : model::Severity::kNotice, text,
       nlohmann::json{{"incident", name}, {"state", begins ? "bad" : "good"}}.dump());
}

void VaultLink::check_now() {
  const std::lock_guard lock(watcher_mutex_);
  if (watcher_) {
    watcher_->check_now();
  }
}

bool VaultLink::answers() {
  const std::lock_guard lock(watcher_mutex_);
  return watcher_ != nullptr && !watcher_->state().stale_since;
}

std::string VaultLink::state() {
  nlohmann::json state;
  const std::lock_guard lock(watcher_mutex_);
  if (!does_not_open_.empty()) {
    state = {{"state", "away"}, {"text", fmt::format("does not open: {}", does_not_open_)}};
  } else if (!watcher_) {
    // Files of a provider in the network come with the system, and say nothing.
    std::error_code ignored;
    const bool set_up = options_ && options_->kind == vault::ProviderKind::kFile &&
                        std::filesystem::exists(options_->path, ignored);
    state = {{"state", "none"},
             {"text", set_up ? fmt::format("not open: {} was set up since the agent started; "
                                           "`warder reload` opens it",
                                           options_->path.string())
                             : "none; warder vault setup makes one"}};
  } else {
    vault::WatcherState watched = watcher_->state();
    if (const auto stale = cache_ ? cache_->stale() : std::nullopt;
        stale && (!watched.stale_since || stale->first < *watched.stale_since)) {
      watched = {stale->first, stale->second};
    }
    // Only this kind of vault makes credentials for us.
    const std::size_t leases = server() == nullptr ? 0 : server()->leases();
    std::string text = watched.stale_since
                           ? fmt::format("stale since {}: {}",
                                         util::format_rfc3339(*watched.stale_since), watched.reason)
                           : "answers";
    if (leases > 0) {
      text += fmt::format("; {} held", util::counted(leases, "lease"));
    }
    state = {{"state", watched.stale_since ? "stale" : "good"}, {"text", text}};
    if (watched.stale_since) {
      state["stale_since"] = util::format_rfc3339(*watched.stale_since);
    }
  }
  return state.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace warder::agent
