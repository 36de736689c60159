#include "vault/file_vault.h"

#include "log/log.h"
#include "util/file.h"
#include "util/strings.h"
#include "vault/content.h"
#include "vault/generation_mark.h"
#include "vault/private_file.h"
#include "vault/sealed.h"
#include "vault/write_lock.h"

#include <fmt/core.h>

#include <algorithm>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace warder::vault {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::string_view kMagic = "WRDVAULT";
constexpr util::ByteCount kLargestFile = util::mebibytes(64);
constexpr std::size_t kLongestNote = 256;

Error no_document(std::string_view name) {
  return Error(ErrorCode::kNotFound, fmt::format("the vault has no document '{}'", name));
}

// When root sets up the vault in the folder of the agent's user, the file shall be that user's too.
std::optional<util::FileOwner> folder_owner(const std::filesystem::path& path) {
  struct stat info{};
  const std::filesystem::path folder =
      path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  if (::geteuid() != 0 || ::stat(folder.c_str(), &info) != 0) {
    return std::nullopt;
  }
  return util::FileOwner{info.st_uid, info.st_gid};
}

}  // namespace

// The content of the file and what must stay as it is when the file is replaced.
struct FileVault::Loaded {
  Content content;
  mode_t mode = 0600;
  std::optional<util::FileOwner> owner;  // set for root only, who may change it
};

FileVault::FileVault(std::filesystem::path path, crypto::SecretString key, FileVaultOptions options,
                     const util::Clock& clock)
    : path_(std::move(path)), options_(std::move(options)), clock_(clock), key_(std::move(key)) {}

util::Result<std::unique_ptr<FileVault>> FileVault::create(const std::filesystem::path& path,
                                                           crypto::SecretString key,
                                                           FileVaultOptions options,
                                                           const util::Clock& clock) {
  const auto lock = WriteLock::acquire(path, options.lock_wait, folder_owner(path));
  if (!lock) {
    return lock.error();
  }
  struct stat info{};
  if (::lstat(path.c_str(), &info) == 0) {
    return Error(
        ErrorCode::kConflict,
        fmt::format("{}: there is a vault already; use it as it is, or move it and its .mark away "
                    "and set up a new one",
                    path.string()));
  }
  std::unique_ptr<FileVault> vault(new FileVault(path, std::move(key), std::move(options), clock));
  Loaded empty;
  empty.owner = folder_owner(path);
  WARDER_RETURN_IF_ERROR(vault->write(&empty));
  return vault;
}

util::Result<std::unique_ptr<FileVault>> FileVault::open(const std::filesystem::path& path,
                                                         crypto::SecretString key,
                                                         FileVaultOptions options,
                                                         const util::Clock& clock) {
  std::unique_ptr<FileVault> vault(new FileVault(path, std::move(key), std::move(options), clock));
  const std::lock_guard guard(vault->mutex_);
  if (auto loaded = vault->read(); !loaded) {
    return loaded.error();
  }
  return vault;
}

util::Result<FileVault::Loaded> FileVault::read() {
  // Its seal proves the content, whoever owns the file: root reads the vault of the agent's user.
  struct stat info{};
  std::optional<uid_t> owner;
  if (::lstat(path_.c_str(), &info) == 0) {
    owner = info.st_uid;
  }
  auto file = read_private_file(path_, "the vault", kNobodyElseWrites, kLargestFile, owner);
  if (!file && file.error().code() == ErrorCode::kNotFound) {
    return Error(
        ErrorCode::kNotFound,
        fmt::format("{}: there is no vault; make one with: warder vault setup", path_.string()));
  }
  if (!file) {
    return file.error();
  }
  auto unsealed = unseal(kMagic, key_, {}, file->content.bytes());
  if (!unsealed) {
    return unsealed.error().with_context(path_.string());
  }
  Loaded loaded;
  loaded.mode = file->mode;
  if (::geteuid() == 0) {
    loaded.owner = util::FileOwner{file->user, file->group};
  }
  WARDER_RETURN_IF_ERROR(note_generation(unsealed->counter, loaded.owner));
  auto content = decode(unsealed->plain.bytes());
  if (!content) {
    return content.error().with_context(path_.string());
  }
  loaded.content = std::move(content).value();
  loaded.content.generation = unsealed->counter;
  return loaded;
}

util::Status FileVault::note_generation(std::uint64_t generation,
                                        std::optional<util::FileOwner> owner) {
  std::uint64_t highest = highest_seen_;
  if (!options_.mark.empty()) {
    WARDER_ASSIGN_OR_RETURN(const std::uint64_t marked, read_mark(options_.mark, key_));
    highest = std::max(highest, marked);
  }
  if (generation < highest) {
    return Error(
        ErrorCode::kConflict,
        fmt::format("{}: is older (generation {}) than what was seen here before (generation {}): "
                    "an old copy was put in its place. Put the newest one back{}",
                    path_.string(), generation, highest,
                    options_.mark.empty()
                        ? std::string(", or restart if the old one is wanted")
                        : fmt::format(", or remove {} and restart if the old one is wanted",
                                      options_.mark.string())));
  }
  if (generation > highest && !options_.mark.empty()) {
    if (const auto raised = write_mark(options_.mark, key_, generation, owner); !raised) {
      log::warning("vault: an older copy of the vault will not be noticed after a restart: {}",
                   raised.error().message());
    }
  }
  highest_seen_ = std::max(highest, generation);
  return {};
}

util::Status FileVault::write(Loaded* loaded) {
  Writer plain;
  encode(loaded->content, &plain);
  WARDER_ASSIGN_OR_RETURN(const util::Bytes sealed,
                          seal(kMagic, key_, loaded->content.generation + 1, {}, plain.bytes()));
  if (sealed.size() > kLargestFile.value) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("{}: would grow beyond {} bytes; keep fewer versions or remove "
                             "documents",
                             path_.string(), kLargestFile.value));
  }
  WARDER_RETURN_IF_ERROR(
      util::write_file_atomically(path_, util::as_text(sealed), loaded->mode, loaded->owner));
  return note_generation(++loaded->content.generation, loaded->owner);
}

util::Result<Document> FileVault::get(std::string_view name, std::optional<std::uint64_t> version) {
  WARDER_RETURN_IF_ERROR(check_name(name));
  const std::lock_guard guard(mutex_);
  WARDER_ASSIGN_OR_RETURN(const Loaded loaded, read());
  const Content::Record* const record = loaded.content.find(name);
  if (record == nullptr) {
    return no_document(name);
  }
  const auto found =
      version ? std::find_if(record->versions.begin(), record->versions.end(),
                             [&](const auto& each) { return each.info.version == *version; })
              : std::prev(record->versions.end());
  if (found == record->versions.end()) {
    return Error(ErrorCode::kNotFound,
                 fmt::format("document '{}' has no version {} (any more); the newest is {}", name,
                             version.value_or(record->newest), record->newest));
  }
  return Document{found->content.copy(), found->info.version, found->info.time};
}

util::Result<std::uint64_t> FileVault::put(std::string_view name,
                                           const crypto::SecretString& content,
                                           const PutOptions& options) {
  WARDER_RETURN_IF_ERROR(check_name(name));
  if (content.size() > kLongestContent) {
    return Error(ErrorCode::kInvalid, fmt::format("document '{}' has {} bytes; at most {} fit",
                                                  name, content.size(), kLongestContent));
  }
  const std::lock_guard guard(mutex_);
  // Looked at before locking for its owner: the lock file shall belong to whom the vault does.
  WARDER_ASSIGN_OR_RETURN(const Loaded before, read());
  WARDER_ASSIGN_OR_RETURN(const WriteLock lock,
                          WriteLock::acquire(path_, options_.lock_wait, before.owner));
  WARDER_ASSIGN_OR_RETURN(Loaded loaded, read());
  const Content::Record* const present = loaded.content.find(name);
  const std::uint64_t newest = present == nullptr ? 0 : present->newest;
  if (options.expected_version && *options.expected_version != newest) {
    return Error(ErrorCode::kConflict,
                 newest == 0
                     ? fmt::format("document '{}' does not exist, version {} was expected", name,
                                   *options.expected_version)
                     : fmt::format("document '{}' is at version {}, not at {}: somebody else "
                                   "changed it; look at it and try again",
                                   name, newest, *options.expected_version));
  }
  Content::Record& record = loaded.content.records[std::string(name)];
  Content::Version version;
  version.info.version = ++record.newest;
  version.info.time = clock_.now();
  version.info.author = util::printable(options.author, kLongestNote);
  version.info.comment = util::printable(options.comment, kLongestNote);
  version.content = content.copy();
  record.versions.push_back(std::move(version));
  const std::size_t keep = std::max<std::size_t>(1, options_.versions);
  if (record.versions.size() > keep) {
    record.versions.erase(record.versions.begin(),
                          record.versions.end() - static_cast<std::ptrdiff_t>(keep));
  }
  const std::uint64_t written = record.newest;
  WARDER_RETURN_IF_ERROR(write(&loaded));
  return written;
}

util::Result<std::vector<DocumentInfo>> FileVault::list() {
  const std::lock_guard guard(mutex_);
  WARDER_ASSIGN_OR_RETURN(const Loaded loaded, read());
  std::vector<DocumentInfo> all;
  for (const auto& [name, record] : loaded.content.records) {
    if (!record.versions.empty()) {
      all.push_back(DocumentInfo{name, record.versions.back().info});
    }
  }
  return all;
}

util::Result<std::vector<VersionInfo>> FileVault::history(std::string_view name) {
  WARDER_RETURN_IF_ERROR(check_name(name));
  const std::lock_guard guard(mutex_);
  WARDER_ASSIGN_OR_RETURN(const Loaded loaded, read());
  const Content::Record* const record = loaded.content.find(name);
  if (record == nullptr) {
    return no_document(name);
  }
  std::vector<VersionInfo> all;
  for (auto version = record->versions.rbegin(); version != record->versions.rend(); ++version) {
    all.push_back(version->info);
  }
  return all;
}

util::Status FileVault::remove(std::string_view name) {
  WARDER_RETURN_IF_ERROR(check_name(name));
  const std::lock_guard guard(mutex_);
  WARDER_ASSIGN_OR_RETURN(const Loaded before, read());
  WARDER_ASSIGN_OR_RETURN(const WriteLock lock,
                          WriteLock::acquire(path_, options_.lock_wait, before.owner));
  WARDER_ASSIGN_OR_RETURN(Loaded loaded, read());
  if (loaded.content.find(name) == nullptr) {
    return no_document(name);
  }
  loaded.content.records.find(name)->second.versions.clear();
  return write(&loaded);
}

util::Result<Health> FileVault::health() {
  const std::lock_guard guard(mutex_);
  const auto loaded = read();
  if (!loaded) {
    return Health{false, loaded.error().message()};
  }
  const auto documents =
      std::count_if(loaded->content.records.begin(), loaded->content.records.end(),
                    [](const auto& entry) { return !entry.second.versions.empty(); });
  return Health{true, fmt::format("{}: {} document{}, generation {}", path_.string(), documents,
                                  documents == 1 ? "" : "s", loaded->content.generation)};
}

util::Status FileVault::rekey(crypto::SecretString new_key) {
  const std::lock_guard guard(mutex_);
  WARDER_ASSIGN_OR_RETURN(const Loaded before, read());
  WARDER_ASSIGN_OR_RETURN(const WriteLock lock,
                          WriteLock::acquire(path_, options_.lock_wait, before.owner));
  WARDER_ASSIGN_OR_RETURN(Loaded loaded, read());
  // The mark is sealed with the old key. Written again below by note_generation(); without it for a
  // moment, an old copy would have to come in exactly then, and highest_seen_ still catches it.
  if (!options_.mark.empty()) {
    std::error_code ignored;
    std::filesystem::remove(options_.mark, ignored);
  }
  std::swap(key_, new_key);
  if (const util::Status written = write(&loaded); !written) {
    std::swap(key_, new_key);
    return written;
  }
  return {};
}

}  // namespace warder::vault
