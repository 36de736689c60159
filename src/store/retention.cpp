#include "store/retention.h"

#include "store/event_row.h"
#include "store/leaf.h"
#include "util/encoding.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

namespace warder::store {
namespace {

constexpr std::int64_t kSlice = 2000;

// Pages are given back when they are many and a part of the file that is missed elsewhere; else new
// rows take them.
constexpr std::int64_t kLeastFreePages = 1024;
constexpr std::int64_t kFreePart = 32;
constexpr int kPagesAtOnce = 512;

}  // namespace

util::Status Retention::open(Connection& connection, const Options& options, BanTable& bans,
                             Outbox& outbox, const util::Clock& clock) {
  connection_ = &connection;
  options_ = &options;
  bans_ = &bans;
  outbox_ = &outbox;
  clock_ = &clock;
  const util::WallTime now = clock.now();
  WARDER_ASSIGN_OR_RETURN(
      const std::int64_t written,
      connection.integer(fmt::format("SELECT coalesce((SELECT time FROM event ORDER BY sequence "
                                     "DESC LIMIT 1), {})",
                                     now.time_since_epoch().count())));
  settled_for_bans_.begin(now, now, clock.monotonic());
  settled_.begin(util::WallTime(std::chrono::microseconds(written)), now, clock.monotonic());
  WARDER_ASSIGN_OR_RETURN(
      oldest_, connection.prepare(fmt::format(
                   "SELECT {} FROM {} WHERE e.sequence >= ?1 ORDER BY e.sequence LIMIT ?2",
                   kEventColumns, kEventTables)));
  WARDER_ASSIGN_OR_RETURN(remove_, connection.prepare("DELETE FROM event WHERE sequence < ?1"));
  WARDER_ASSIGN_OR_RETURN(
      remove_spans_, connection.prepare(fmt::format("DELETE FROM event_span WHERE first + {} <= ?1",
                                                    TimeSpans::kSize)));
  return tree_.open(connection);
}

util::Result<bool> Retention::slice(const EventLog& log) {
  const util::WallTime wall = clock_->now();
  const util::WallTime now = settled_.at(wall, clock_->monotonic());
  const bool by_age = options_->retention_age.count() > 0;
  switch (stage_) {
    case Stage::kEndedBans: {
      WARDER_ASSIGN_OR_RETURN(
          const bool done, bans_->sweep(settled_for_bans_.at(wall, clock_->monotonic()), kSlice));
      stage_ = done ? Stage::kPastBans : stage_;
      return false;
    }
    case Stage::kPastBans: {
      bool done = true;
      if (by_age) {
        WARDER_ASSIGN_OR_RETURN(
            done, bans_->forget(now - options_->retention_age, kSlice, &removed_.past_bans));
      }
      stage_ = done ? Stage::kEvents : stage_;
      return false;
    }
    case Stage::kEvents: {
      WARDER_ASSIGN_OR_RETURN(const bool done, prune_events(log, now));
      stage_ = done ? Stage::kEndedBans : stage_;
      return done;
    }
  }
  return true;
}

util::Result<bool> Retention::over_size() {
  if (options_->size_limit.value == 0) {
    return false;
  }
  WARDER_ASSIGN_OR_RETURN(const std::int64_t pages, connection_->integer("PRAGMA page_count"));
  WARDER_ASSIGN_OR_RETURN(const std::int64_t unused, connection_->integer("PRAGMA freelist_count"));
  WARDER_ASSIGN_OR_RETURN(const std::int64_t page_size, connection_->integer("PRAGMA page_size"));
  return static_cast<std::uint64_t>((pages - unused) * page_size) > options_->size_limit.value;
}

util::Result<bool> Retention::prune_events(const EventLog& log, util::WallTime now) {
  // The checkpoints may have become more since the last slice.
  WARDER_RETURN_IF_ERROR(tree_.load());
  WARDER_ASSIGN_OR_RETURN(const bool too_big, over_size());
  const std::uint64_t size = log.tree().size();
  const std::uint64_t begin = tree_.end();
  const std::uint64_t keep_from =
      options_->retention_events > 0 && size > options_->retention_events
          ? size - options_->retention_events
          : 0;
  std::string entry;
  std::uint64_t tampered = 0;
  bool reached_kept = false;
  {
    Rows rows = oldest_.run(begin, kSlice);
    while (rows.next()) {
      const auto sequence = static_cast<std::uint64_t>(rows.integer(0));
      const bool old = options_->retention_age.count() > 0 &&
                       rows.integer(2) < (now - options_->retention_age).time_since_epoch().count();
      if (sequence >= size || !(too_big || old || sequence < keep_from)) {
        reached_kept = true;
        break;
      }
      // A missing or unreadable row leaves a hash that nothing has: verification will say so too.
      for (; tree_.end() < sequence; ++tampered) {
        tree_.append({});
      }
      const auto stored = read_event(rows);
      if (!stored) {
        tree_.append({});
        ++tampered;
        continue;
      }
      encode_leaf(sequence, stored->event, &entry);
      const crypto::merkle::Hash leaf = crypto::merkle::leaf_hash(util::as_bytes(entry));
      if (util::as_text(leaf).substr(0, kLeafCheckBytes) != rows.blob(kEventLeafColumn)) {
        ++tampered;
      }
      tree_.append(leaf);
    }
    WARDER_RETURN_IF_ERROR(rows.status());
  }
  if (tree_.end() == begin) {
    return true;
  }
  WARDER_RETURN_IF_ERROR(remove_.execute(tree_.end()));
  WARDER_RETURN_IF_ERROR(remove_spans_.execute(tree_.end()));
  WARDER_ASSIGN_OR_RETURN(std::vector<OutboxLoss> losses, outbox_->prune(tree_.end()));
  WARDER_RETURN_IF_ERROR(tree_.save());
  if (removed_.events == 0) {
    removed_.first_event = begin;
  }
  removed_.events += tree_.end() - begin;
  removed_.tampered_events += tampered;
  for (OutboxLoss& loss : losses) {
    const auto same = std::find_if(
        removed_.losses.begin(), removed_.losses.end(),
        [&](const OutboxLoss& known) { return known.destination == loss.destination; });
    if (same == removed_.losses.end()) {
      removed_.losses.push_back(std::move(loss));
    } else {
      std::transform(loss.dropped.begin(), loss.dropped.end(), same->dropped.begin(),
                     same->dropped.begin(), std::plus<>());
    }
  }
  return reached_kept;
}

util::Result<bool> Retention::shrink() {
  WARDER_ASSIGN_OR_RETURN(const std::int64_t pages, connection_->integer("PRAGMA page_count"));
  WARDER_ASSIGN_OR_RETURN(const std::int64_t unused, connection_->integer("PRAGMA freelist_count"));
  if (unused < kLeastFreePages || unused < pages / kFreePart) {
    return true;
  }
  WARDER_RETURN_IF_ERROR(
      connection_->execute(fmt::format("PRAGMA incremental_vacuum({})", kPagesAtOnce)));
  WARDER_ASSIGN_OR_RETURN(const std::int64_t left, connection_->integer("PRAGMA freelist_count"));
  return left >= unused;
}

Retention::Removed Retention::take_removed() { return std::exchange(removed_, {}); }

}  // namespace warder::store
