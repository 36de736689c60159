#include "vault/cache.h"

#include "config/vault_path.h"
#include "log/log.h"
#include "util/file.h"
#include "vault/encoding.h"
#include "vault/private_file.h"
#include "vault/sealed.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace warder::vault {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::string_view kMagic = "WRDRCOPY";
constexpr util::ByteCount kLargestCopy = util::mebibytes(2);

// Failures after which an old answer is better than none: all but the provider's word that there is
// no such document. A permission lost, a web page in the vault's place or a content that is none
// may be somebody's mistake, and the host must go on.
bool is_away(ErrorCode code) { return code != ErrorCode::kNotFound; }

}  // namespace

struct Cache::Entry {
  bool fetching = false;
  // The last good copy, from the provider or the disk. Version 0: it was known not to exist.
  std::optional<Document> document;
  // The provider's word that there is none (kNotFound), kept like an answer.
  std::optional<Error> refusal;
  util::MonotonicTime valid_until{};
  std::optional<util::WallTime> stale_since;
  std::string stale_reason;
};

Cache::Cache(Provider& provider, crypto::SecretString key, CacheOptions options,
             const util::Clock& clock, std::uint64_t jitter_seed)
    : provider_(provider),
      key_(std::move(key)),
      options_(std::move(options)),
      clock_(clock),
      jitter_(jitter_seed) {}

Cache::~Cache() = default;

util::Result<CachedDocument> Cache::get(std::string_view name) {
  if (config::is_vault_path(name)) {
    WARDER_ASSIGN_OR_RETURN(Document leased, provider_.get(name));
    return CachedDocument{std::move(leased), {}, {}};
  }
  WARDER_RETURN_IF_ERROR(check_name(name));
  std::unique_lock lock(mutex_);
  auto& slot = entries_[std::string(name)];
  if (!slot) {
    slot = std::make_unique<Entry>();
  }
  Entry& entry = *slot;
  // A caller that comes while another asks waits for that answer, whatever it is.
  bool asked = false;
  while (entry.fetching) {
    asked = true;
    done_.wait(lock);
  }
  if (!asked && clock_.monotonic() >= entry.valid_until) {
    fetch(&lock, name, &entry);
  }
  return answer(entry);
}

util::Result<CachedDocument> Cache::get_kept(std::string_view name) {
  WARDER_RETURN_IF_ERROR(check_name(name));
  auto copy = load(name);
  if (!copy) {
    return get(name);
  }
  const std::lock_guard lock(mutex_);
  auto& slot = entries_[std::string(name)];
  if (!slot) {
    slot = std::make_unique<Entry>();
    slot->document = std::move(copy).value();
  }
  return answer(*slot);
}

util::Result<CachedDocument> Cache::answer(const Entry& entry) const {
  if (entry.refusal) {
    return *entry.refusal;
  }
  if (!entry.document) {
    return Error(ErrorCode::kUnavailable, entry.stale_reason + "; and there is no earlier copy");
  }
  if (entry.document->version == 0) {
    return Error(ErrorCode::kNotFound, "there was no such document when the vault last answered");
  }
  CachedDocument cached;
  cached.document =
      Document{entry.document->content.copy(), entry.document->version, entry.document->time};
  cached.stale_since = entry.stale_since;
  cached.stale_reason = entry.stale_reason;
  return cached;
}

void Cache::fetch(std::unique_lock<std::mutex>* lock, std::string_view name, Entry* entry) {
  entry->fetching = true;
  const bool have_copy = entry->document.has_value();
  lock->unlock();
  auto fresh = provider_.get(name);
  util::Status saved;
  util::Result<Document> copy = Error(ErrorCode::kNotFound, "");
  if (fresh) {
    saved = save(name, *fresh);
  } else if (is_away(fresh.error().code()) && !have_copy) {
    copy = load(name);
  } else if (fresh.error().code() == ErrorCode::kNotFound) {
    saved = save(name, Document{});
  }
  lock->lock();
  entry->fetching = false;
  const util::MonotonicTime now = clock_.monotonic();
  if (!saved) {
    ++failed_writes_;
    log::warning("vault: the last good copy of {} could not be kept: {}", name,
                 saved.error().message());
  }
  if (fresh || !is_away(fresh.error().code())) {
    set_lifetime(entry);
    entry->stale_since.reset();
    entry->stale_reason.clear();
    if (fresh) {
      entry->refusal.reset();
      entry->document = std::move(fresh).value();
    } else {
      entry->refusal = fresh.error();
      entry->document = Document{};
    }
  } else {
    entry->valid_until = now + options_.retry;
    entry->stale_reason = fresh.error().message();
    entry->refusal.reset();
    if (!entry->stale_since) {
      entry->stale_since = clock_.now();
    }
    if (copy) {
      entry->document = std::move(copy).value();
    } else if (!have_copy && copy.error().code() != ErrorCode::kNotFound) {
      entry->stale_reason += "; the copy on disk cannot be used: " + copy.error().message();
    }
  }
  done_.notify_all();
}

void Cache::set_lifetime(Entry* entry) {
  // Linear congruential steps are random enough to spread hosts (Knuth, MMIX).
  jitter_ = jitter_ * 6364136223846793005U + 1442695040888963407U;
  const auto full = std::chrono::duration_cast<std::chrono::microseconds>(options_.ttl);
  const auto quarter = static_cast<std::uint64_t>(full.count() / 4);
  const auto spread = quarter == 0 ? 0 : (jitter_ >> 20U) % (quarter + 1);
  entry->valid_until = clock_.monotonic() + full - std::chrono::microseconds(spread);
}

void Cache::learn(std::string_view name, const Document* document) {
  const Document absent;
  const util::Status saved = save(name, document != nullptr ? *document : absent);
  const std::lock_guard lock(mutex_);
  if (!saved) {
    ++failed_writes_;
    log::warning("vault: the last good copy of {} could not be kept: {}", name,
                 saved.error().message());
  }
  auto& slot = entries_[std::string(name)];
  if (!slot) {
    slot = std::make_unique<Entry>();
  }
  set_lifetime(slot.get());
  slot->stale_since.reset();
  slot->stale_reason.clear();
  slot->refusal.reset();
  slot->document = Document{};
  if (document != nullptr) {
    slot->document = Document{document->content.copy(), document->version, document->time};
  } else {
    slot->refusal = Error(ErrorCode::kNotFound, fmt::format("{}: there is no such document", name));
  }
}

std::optional<std::pair<util::WallTime, std::string>> Cache::stale() const {
  const std::lock_guard lock(mutex_);
  std::optional<std::pair<util::WallTime, std::string>> oldest;
  for (const auto& [name, entry] : entries_) {
    const std::optional<util::WallTime>& since = entry->stale_since;
    if (since && (!oldest || *since < oldest->first)) {
      oldest.emplace(*since, fmt::format("{}: {}", name, entry->stale_reason));
    }
  }
  return oldest;
}

void Cache::expire(std::string_view name) {
  const std::lock_guard lock(mutex_);
  if (const auto found = entries_.find(name); found != entries_.end()) {
    found->second->valid_until = {};
  }
}

void Cache::expire_all() {
  const std::lock_guard lock(mutex_);
  for (auto& [name, entry] : entries_) {
    entry->valid_until = {};
  }
}

std::uint64_t Cache::failed_writes() const {
  const std::lock_guard lock(mutex_);
  return failed_writes_;
}

std::filesystem::path Cache::copy_path(std::string_view name) const {
  // '+' is in no document name, so two names never share a file.
  std::string file(name);
  std::replace(file.begin(), file.end(), '/', '+');
  return options_.folder / (file + ".sealed");
}

util::Status Cache::save(std::string_view name, const Document& document) const {
  if (options_.folder.empty()) {
    return {};
  }
  Writer plain;
  plain.u64(static_cast<std::uint64_t>(document.time.time_since_epoch().count()));
  plain.block(document.content.bytes());
  WARDER_ASSIGN_OR_RETURN(const util::Bytes sealed,
                          seal(kMagic, key_, document.version, name, plain.bytes()));
  return util::write_file_atomically(copy_path(name), util::as_text(sealed), 0600);
}

util::Result<Document> Cache::load(std::string_view name) const {
  if (options_.folder.empty()) {
    return Error(ErrorCode::kNotFound, "no copies are kept on disk");
  }
  const std::filesystem::path path = copy_path(name);
  WARDER_ASSIGN_OR_RETURN(
      const PrivateFile file,
      read_private_file(path, "the vault copy", kNobodyElseReads, kLargestCopy));
  auto unsealed = unseal(kMagic, key_, name, file.content.bytes());
  if (!unsealed) {
    return unsealed.error().with_context(path.string());
  }
  Reader reader(unsealed->plain.bytes());
  Document document;
  document.time =
      util::WallTime(std::chrono::microseconds(static_cast<std::int64_t>(reader.u64())));
  document.content = crypto::SecretString(util::as_text(reader.block()));
  document.version = unsealed->counter;
  if (reader.failed() || !reader.at_end()) {
    return Error(ErrorCode::kInvalid, path.string() + ": has the wrong length inside its seal");
  }
  return document;
}

}  // namespace warder::vault
