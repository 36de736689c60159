#pragma once

#include "crypto/secret.h"
#include "util/clock.h"
#include "util/result.h"
#include "vault/provider.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace warder::vault {

struct CacheOptions {
  // How long an answer is used without asking again. Must be shorter than the time in which a
  // secret is rotated. Each answer lives between 3/4 and all of it, by chance, so that many hosts
  // do not ask in step.
  std::chrono::seconds ttl{300};
  // After a failed call the provider is left alone this long.
  std::chrono::seconds retry{15};
  // Folder of the last good copies, 0700; empty: copies live in memory only.
  std::filesystem::path folder = {};
};

// A document as the cache has it.
struct CachedDocument {
  Document document;
  // Set when the provider could not be asked since then, and this is the last good copy.
  std::optional<util::WallTime> stale_since;
  // Why, when stale.
  std::string stale_reason;
};

// Stands before a provider that can be away (a vault in the network). Answers from memory while
// fresh; asks once however many threads want the same document; when the provider fails answers
// with the last good copy, from memory or (after a restart) from a file sealed with the cache's own
// key. kNotFound alone is an answer of the provider: passed on, and kept like a document.
//
// What ends with a lease (a name with '/' before it) is not kept here: the provider does so.
//
// The key must not come from the provider that is cached, or a restart without it finds nothing.
// A copy on disk can be replaced by an older one of the same document by whoever can write the
// folder; the sealing prevents reading and forging only. Thread safe; `provider` and `clock` must
// outlive it.
class Cache {
 public:
  Cache(Provider& provider, crypto::SecretString key, CacheOptions options,
        const util::Clock& clock, std::uint64_t jitter_seed);
  ~Cache();

  util::Result<CachedDocument> get(std::string_view name);
  // The copy that an earlier run kept, without asking the provider: for a start that must not wait
  // for the network. Without one as get(), which also asks whatever this gave.
  util::Result<CachedDocument> get_kept(std::string_view name);
  // The next get() of the document (of all) asks the provider; the last good copy stays.
  void expire(std::string_view name);
  void expire_all();
  // What somebody else just read from the provider: used and kept like an answer of get(). Null:
  // the document is gone.
  void learn(std::string_view name, const Document* document);
  // Since when, and why, the oldest document is stale that was asked for.
  std::optional<std::pair<util::WallTime, std::string>> stale() const;
  // Failures to write a copy to disk since the start; the answer was given all the same.
  std::uint64_t failed_writes() const;

 private:
  struct Entry;

  util::Result<CachedDocument> answer(const Entry& entry) const;
  void set_lifetime(Entry* entry);
  void fetch(std::unique_lock<std::mutex>* lock, std::string_view name, Entry* entry);
  util::Status save(std::string_view name, const Document& document) const;
  util::Result<Document> load(std::string_view name) const;
  std::filesystem::path copy_path(std::string_view name) const;

  Provider& provider_;
  const crypto::SecretString key_;
  const CacheOptions options_;
  const util::Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable done_;
  std::map<std::string, std::unique_ptr<Entry>, std::less<>> entries_;  // guarded by mutex_
  std::uint64_t jitter_;                                                // guarded by mutex_
  std::uint64_t failed_writes_ = 0;                                     // guarded by mutex_
};

}  // namespace warder::vault
