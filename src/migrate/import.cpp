#include "migrate/import.h"

#include "crypto/sha256.h"
#include "net/address.h"
#include "source/position_at.h"
#include "source/position_record.h"
#include "util/descriptor.h"
#include "util/encoding.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <map>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace warder::migrate {
namespace {

constexpr std::size_t kEventsABatch = 500;
// A longer first line is not compared: fail2ban's digest is of all of it.
constexpr std::size_t kLongestFirstLine = 1 << 20;
constexpr const char* kJournal = "systemd-journal";

util::WallTime wall(std::int64_t seconds) {
  return util::WallTime(
      std::chrono::duration_cast<util::WallTime::duration>(std::chrono::seconds(seconds)));
}

// The same row gives the same id, so that a second import is none.
model::EventId event_id(const fail2ban::StoredBan& ban) {
  const std::string text =
      fmt::format("fail2ban ban\n{}\n{}\n{}\n", ban.jail, ban.address, ban.start);
  const crypto::Sha256Digest digest = crypto::sha256(util::as_bytes(text));
  model::EventId id;
  std::copy_n(digest.begin(), id.bytes.size(), id.bytes.begin());
  return id;
}

std::string reason(const fail2ban::StoredBan& ban) {
  return fmt::format("{} failures, banned by fail2ban", ban.failures);
}

model::Event event_of(const fail2ban::StoredBan& ban, const net::Prefix& address) {
  model::Event event;
  event.id = event_id(ban);
  event.kind = model::EventKind::kBan;
  event.severity = model::Severity::kNotice;
  event.time = wall(ban.start);
  event.jail = ban.jail;
  event.address = address;
  event.message = reason(ban);
  nlohmann::json detail{{"count", ban.count}, {"imported", "fail2ban"}};
  if (const auto end = ban.end()) {
    detail["end"] = *end * 1'000'000;
  }
  for (const std::string& line : ban.matches) {
    detail["lines"].push_back(line);
    if (detail.dump().size() > model::Event::kLongestDetail / 2) {
      break;
    }
  }
  event.detail = detail.dump();
  return event;
}

model::Ban ban_of(const fail2ban::StoredBan& stored, const net::Prefix& address) {
  model::Ban ban;
  ban.jail = stored.jail;
  ban.address = address;
  ban.start = wall(stored.start);
  if (const auto end = stored.end()) {
    ban.end = wall(*end);
  }
  ban.count = stored.count;
  ban.reason = reason(stored);
  return ban;
}

// fail2ban means MD5, but under Python 3 its test for that fails and it takes SHA-1; both are found
// in the field, told apart by their length.
const EVP_MD* digest_like(std::string_view stored) {
  constexpr std::size_t kSha1 = 40;
  return stored.size() == kSha1 ? EVP_sha1() : EVP_md5();
}

util::Result<std::string> first_line_digest(const std::string& path, const EVP_MD* kind) {
  const util::Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    return util::errno_error(path, errno);
  }
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return util::Error(util::ErrorCode::kInvalid, fmt::format("{}: is no file", path));
  }
  std::string line;
  std::array<char, 16384> buffer{};
  while (line.size() < kLongestFirstLine) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return util::errno_error(path, errno);
    }
    line.append(buffer.data(), static_cast<std::size_t>(got));
    const std::size_t end = line.find('\n');
    if (end != std::string::npos) {
      line.resize(end + 1);
      break;
    }
    if (got == 0) {
      break;
    }
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(line.data(), line.size(), digest.data(), &length, kind, nullptr) != 1) {
    return util::Error(util::ErrorCode::kInternal,
                       "this OpenSSL has not the digest by which fail2ban knows a log");
  }
  return util::to_hex({digest.data(), length});
}

class Planner {
 public:
  Planner(const std::set<std::string>& jails, store::Reader* reader, util::WallTime now)
      : jails_(jails), reader_(reader), now_(now) {}

  util::Status history(const std::vector<fail2ban::StoredBan>& bans) {
    for (const fail2ban::StoredBan& ban : bans) {
      const auto address = address_of(ban);
      if (!address) {
        continue;
      }
      model::Event event = event_of(ban, *address);
      WARDER_ASSIGN_OR_RETURN(const bool known, has_event(event.id));
      if (known) {
        ++import.counts.history_here;
        continue;
      }
      ++import.counts.history;
      batch().events.push_back(std::move(event));
    }
    return {};
  }

  util::Status current(const std::vector<fail2ban::StoredBan>& bans) {
    // The start of the newest ban that the store has of each.
    std::map<std::pair<std::string, net::Prefix>, util::WallTime> known;
    if (reader_ != nullptr) {
      WARDER_RETURN_IF_ERROR(
          reader_->offenders(util::WallTime{}, [&](const store::Offender& offender) {
            if (jails_.contains(offender.jail)) {
              known[{offender.jail, offender.address}] = offender.start;
            }
            return true;
          }));
    }
    for (const fail2ban::StoredBan& stored : bans) {
      const auto address = address_of(stored);
      if (!address) {
        continue;
      }
      const model::Ban ban = ban_of(stored, *address);
      if (const auto newest = known.find({ban.jail, ban.address});
          newest != known.end() && newest->second >= ban.start) {
        ++import.counts.already_here;
        continue;
      }
      store::BanChange change;
      change.ban = ban;
      batch().bans.push_back(change);
      if (ban.end && *ban.end <= now_) {
        ++import.counts.ended_bans;
        change.action = store::BanChange::Action::kEnd;
        change.how = store::BanEnd::kExpired;
        change.ended = *ban.end;
        batch().bans.push_back(std::move(change));
      } else {
        ++import.counts.running_bans;
      }
    }
    return {};
  }

  util::Status positions(const std::vector<fail2ban::StoredLog>& logs) {
    std::map<std::string, const fail2ban::StoredLog*> least;
    for (const fail2ban::StoredLog& log : logs) {
      if (!jails_.contains(log.jail)) {
        continue;
      }
      const auto [place, is_new] = least.try_emplace(log.path, &log);
      if (!is_new && log.position < place->second->position) {
        place->second = &log;
      }
    }
    for (const auto& [path, log] : least) {
      ImportedPosition position{path, std::nullopt, {}};
      WARDER_RETURN_IF_ERROR(place(*log, &position));
      import.positions.push_back(std::move(position));
    }
    return {};
  }

  Import import;

 private:
  std::optional<net::Prefix> address_of(const fail2ban::StoredBan& ban) {
    if (!jails_.contains(ban.jail)) {
      ++import.counts.other_jails;
      import.unknown_jails.insert(ban.jail);
      return std::nullopt;
    }
    const auto address = net::Prefix::parse(ban.address);
    if (!address) {
      ++import.counts.no_address;
      return std::nullopt;
    }
    return *address;
  }

  util::Result<bool> has_event(const model::EventId& id) {
    if (!seen_.insert(id).second) {
      return true;  // the same row twice
    }
    if (reader_ == nullptr) {
      return false;
    }
    bool found = false;
    WARDER_RETURN_IF_ERROR(reader_->query(
        fmt::format(
            "SELECT 1 FROM event WHERE substr(id, 1, 6) = substr(x'{0}', 1, 6) AND id = x'{0}'",
            util::to_hex(id.bytes)),
        std::chrono::seconds(10), [&, names = true](const std::vector<std::string>&) mutable {
          // The names of the columns come first.
          found = !std::exchange(names, false);
          return true;
        }));
    return found;
  }

  // Why a position is not taken over is no failure.
  util::Status place(const fail2ban::StoredLog& log, ImportedPosition* position) {
    if (log.path == kJournal) {
      position->why = "the journal is read from its end: fail2ban keeps a time, not a place";
      return {};
    }
    if (log.position < 0) {
      position->why = "fail2ban's place in it is negative";
      return {};
    }
    if (reader_ != nullptr) {
      WARDER_ASSIGN_OR_RETURN(const std::optional<model::Position> known,
                              reader_->position("file", log.path));
      if (known) {
        position->why = "the agent has read it already";
        return {};
      }
    }
    const auto digest = first_line_digest(log.path, digest_like(log.first_line_digest));
    if (!digest) {
      position->why = digest.error().message();
      return {};
    }
    if (*digest != log.first_line_digest) {
      position->why = "it begins with another line now: rotated since fail2ban read it";
      return {};
    }
    const auto record = source::position_at(log.path, static_cast<std::uint64_t>(log.position));
    if (!record) {
      position->why = record.error().message();
      return {};
    }
    position->offset = static_cast<std::uint64_t>(log.position);
    batch().positions.push_back({"file", log.path, source::encode(*record)});
    return {};
  }

  store::Batch& batch() {
    if (import.batches.empty() || import.batches.back().events.size() >= kEventsABatch ||
        import.batches.back().bans.size() >= 2 * kEventsABatch) {
      import.batches.emplace_back();
    }
    return import.batches.back();
  }

  const std::set<std::string>& jails_;
  store::Reader* reader_;
  const util::WallTime now_;
  std::set<model::EventId> seen_;
};

}  // namespace

util::Result<Import> plan_import(const fail2ban::Stored& stored, const std::set<std::string>& jails,
                                 store::Reader* reader, util::WallTime now) {
  Planner planner(jails, reader, now);
  WARDER_RETURN_IF_ERROR(planner.history(stored.history));
  WARDER_RETURN_IF_ERROR(planner.current(stored.current));
  WARDER_RETURN_IF_ERROR(planner.positions(stored.logs));
  planner.import.counts.left_out = stored.left_out;
  return std::move(planner.import);
}

}  // namespace warder::migrate
