#include "store/verify.h"

#include "crypto/merkle.h"
#include "store/checkpoint.h"
#include "store/database.h"
#include "store/event_row.h"
#include "store/leaf.h"
#include "store/schema.h"
#include "store/schema_check.h"
#include "store/time_spans.h"
#include "util/encoding.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <utility>

namespace warder::store {
namespace {

using crypto::merkle::Frontier;
using crypto::merkle::Hash;
using util::Error;
using util::ErrorCode;

// A checkpoint to be compared when the tree has grown to its size.
struct Expected {
  Hash root{};
  std::string whose;  // "the stored checkpoint at 7", "the checkpoint kept outside"
};

// One pass over the history of an open database.
class Pass {
 public:
  Pass(Connection& connection, const VerifyOptions& options)
      : connection_(connection), options_(options) {}

  util::Result<VerifyReport> run();

 private:
  util::Status check_what_is_shown();
  util::Status read_figures();
  util::Status check_structure();
  util::Status read_checkpoints();
  void read_outside();
  util::Status fold_pruned();
  util::Status fold_events();
  void take_event(const Rows& row);
  // The span of what was taken last is over.
  util::Status check_span();
  void check_end();

  // Adds to the tree and compares every checkpoint that ends there.
  void append(const crypto::merkle::Subtree& subtree, const Hash& hash);
  void compare();
  void skip_to(std::uint64_t sequence);
  void fault(FaultKind kind, std::optional<std::uint64_t> first, std::optional<std::uint64_t> last,
             std::string text);
  util::Result<Checkpoint> read(std::string_view note) const {
    return options_.key ? open_checkpoint(note, *options_.key) : parse_checkpoint(note);
  }

  Connection& connection_;
  const VerifyOptions& options_;
  VerifyReport report_;
  Frontier stored_;
  Frontier tree_;
  std::string entry_;
  struct Span {
    std::uint64_t first;
    std::int64_t earliest;
    std::int64_t latest;
  };
  std::optional<Span> span_;  // of the events taken last
  std::multimap<std::uint64_t, Expected> expected_;
  // The largest size whose root was right: a wrong one behind it lies between.
  std::uint64_t good_until_ = 0;
  // Once a leaf is known to be wrong every later root is, and says nothing new.
  bool roots_are_lost_ = false;
};

util::Result<VerifyReport> Pass::run() {
  WARDER_RETURN_IF_ERROR(connection_.execute("BEGIN"));
  WARDER_RETURN_IF_ERROR(advised(connection_, check_schema(connection_, Use::kRead)));
  util::Status passed = check_structure();
  if (passed) {
    passed = check_what_is_shown();
  }
  if (passed) {
    passed = read_figures();
  }
  if (passed) {
    passed = read_checkpoints();
  }
  if (passed) {
    read_outside();
    passed = fold_pruned();
  }
  if (passed) {
    passed = fold_events();
  }
  if (passed) {
    check_end();
  } else if (connection_.trouble() == Trouble::kDamaged ||
             connection_.trouble() == Trouble::kOther) {
    fault(FaultKind::kDatabase, std::nullopt, std::nullopt, passed.error().message());
  } else {
    return passed.error();
  }
  connection_.roll_back();
  return std::move(report_);
}

util::Status Pass::check_structure() {
  WARDER_ASSIGN_OR_RETURN(Statement check, connection_.prepare("PRAGMA integrity_check(5)"));
  Rows rows = check.run();
  while (rows.next()) {
    if (rows.text(0) != "ok") {
      fault(FaultKind::kDatabase, std::nullopt, std::nullopt,
            fmt::format("SQLite: {}", rows.text(0)));
    }
  }
  return rows.status();
}

// What is not hashed and yet decides what queries show of the history.
util::Status Pass::check_what_is_shown() {
  WARDER_ASSIGN_OR_RETURN(SchemaFindings findings, check_objects(connection_));
  for (std::string& text : findings.faults) {
    fault(FaultKind::kSchema, std::nullopt, std::nullopt, std::move(text));
  }
  report_.remarks = std::move(findings.remarks);
  WARDER_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> odd,
                          odd_events(connection_, VerifyReport::kMostFaults));
  for (const std::uint64_t sequence : odd) {
    fault(FaultKind::kChanged, sequence, sequence,
          fmt::format("event {} holds a value of a type that the agent does not write", sequence));
  }
  return {};
}

util::Status Pass::read_figures() {
  {
    WARDER_ASSIGN_OR_RETURN(Statement origin,
                            connection_.prepare("SELECT value FROM meta WHERE name = 'origin'"));
    Rows rows = origin.run();
    if (rows.next()) {
      report_.origin = std::string(rows.text(0));
    }
    WARDER_RETURN_IF_ERROR(rows.status());
  }
  WARDER_ASSIGN_OR_RETURN(Statement tree,
                          connection_.prepare("SELECT size, peaks, pruned FROM tree"));
  Rows rows = tree.run();
  if (!rows.next()) {
    WARDER_RETURN_IF_ERROR(rows.status());
    return connection_.damage("the Merkle tree is missing");
  }
  report_.size = static_cast<std::uint64_t>(rows.integer(0));
  report_.first_kept = static_cast<std::uint64_t>(rows.integer(2));
  auto stored = Frontier::restore(report_.size, rows.blob(1));
  if (!stored || rows.integer(0) < 0 || report_.first_kept > report_.size) {
    return connection_.damage("the Merkle tree cannot be read");
  }
  stored_ = std::move(stored).value();
  report_.signatures_checked = options_.key.has_value();
  return {};
}

util::Status Pass::read_checkpoints() {
  WARDER_ASSIGN_OR_RETURN(Statement all,
                          connection_.prepare("SELECT size, note FROM checkpoint ORDER BY size"));
  Rows rows = all.run();
  while (rows.next()) {
    const auto size = static_cast<std::uint64_t>(rows.integer(0));
    ++report_.checkpoints_checked;
    const auto checkpoint = read(rows.text(1));
    const std::string whose = fmt::format("the stored checkpoint at {}", size);
    if (!checkpoint) {
      fault(FaultKind::kCheckpoint, size, std::nullopt,
            fmt::format("{}: {}", whose, checkpoint.error().message()));
    } else if (checkpoint->size != size || checkpoint->origin != report_.origin) {
      fault(FaultKind::kCheckpoint, size, std::nullopt,
            fmt::format("{} is of size {} of {}", whose, checkpoint->size, checkpoint->origin));
    } else if (size > report_.size) {
      fault(FaultKind::kTail, report_.size, size - 1,
            fmt::format("the history ends at {}, but there is a checkpoint at {}", report_.size,
                        size));
    } else {
      expected_.emplace(size, Expected{checkpoint->root, whose});
    }
  }
  return rows.status();
}

void Pass::read_outside() {
  // The largest of each history that is not this one, and who has it.
  std::map<std::string, std::pair<std::uint64_t, std::string>> others;
  std::optional<std::pair<std::uint64_t, std::string>> longest;
  for (const VerifyOptions::Outside& outside : options_.against) {
    const util::Result<Checkpoint> checkpoint =
        outside.known ? util::Result<Checkpoint>(*outside.known) : read(outside.note);
    if (!checkpoint) {
      fault(FaultKind::kCheckpoint, std::nullopt, std::nullopt,
            fmt::format("{}: {}", outside.whose, checkpoint.error().message()));
      continue;
    }
    if (checkpoint->origin != report_.origin) {
      auto& largest = others[checkpoint->origin];
      largest = std::max(largest, {checkpoint->size, outside.whose});
      continue;
    }
    ++report_.outside_checked;
    if (checkpoint->size > report_.size) {
      if (!longest || checkpoint->size > longest->first) {
        longest = {checkpoint->size, outside.whose};
      }
    } else {
      expected_.emplace(
          checkpoint->size,
          Expected{checkpoint->root, fmt::format("{} at {}", outside.whose, checkpoint->size)});
    }
  }
  if (longest) {
    fault(FaultKind::kTail, report_.size, longest->first - 1,
          fmt::format("the history ends at {}, {} is at {}: its tail was cut or the database was "
                      "put back to an earlier state",
                      report_.size, longest->second, longest->first));
  }
  for (const auto& [origin, largest] : others) {
    const std::string text =
        fmt::format("{} is of {}, this history is {}", largest.second, origin, report_.origin);
    if (report_.outside_checked == 0) {
      // Nobody outside knows this one: the database was exchanged.
      fault(FaultKind::kCheckpoint, std::nullopt, std::nullopt, text);
    } else {
      report_.remarks.push_back(text);
    }
  }
}

util::Status Pass::fold_pruned() {
  compare();
  WARDER_ASSIGN_OR_RETURN(
      Statement parts, connection_.prepare("SELECT first, level, hash FROM pruned ORDER BY first"));
  Rows rows = parts.run();
  while (rows.next() && tree_.size() < report_.first_kept) {
    const auto first = static_cast<std::uint64_t>(rows.integer(0));
    const std::int64_t level = rows.integer(1);
    const std::string_view bytes = rows.blob(2);
    const bool fits = first == tree_.size() && level >= 0 && level < 63 &&
                      first % (std::uint64_t{1} << level) == 0 && bytes.size() == sizeof(Hash) &&
                      (std::uint64_t{1} << level) <= report_.first_kept - first;
    if (!fits) {
      break;
    }
    Hash hash{};
    std::copy(bytes.begin(), bytes.end(), hash.begin());
    append({static_cast<unsigned>(level), first >> level}, hash);
  }
  WARDER_RETURN_IF_ERROR(rows.status());
  if (tree_.size() < report_.first_kept) {
    fault(FaultKind::kMissing, tree_.size(), report_.first_kept - 1,
          fmt::format("the hashes of the pruned events {} to {} are missing", tree_.size(),
                      report_.first_kept - 1));
    skip_to(report_.first_kept);
  }
  return {};
}

util::Status Pass::fold_events() {
  WARDER_ASSIGN_OR_RETURN(Statement all,
                          connection_.prepare(fmt::format("SELECT {} FROM {} ORDER BY e.sequence",
                                                          kEventColumns, kEventTables)));
  Rows rows = all.run();
  while (rows.next()) {
    const std::uint64_t first =
        static_cast<std::uint64_t>(rows.integer(0)) / TimeSpans::kSize * TimeSpans::kSize;
    if (!span_ || span_->first != first) {
      WARDER_RETURN_IF_ERROR(check_span());
      span_ = Span{first, rows.integer(2), rows.integer(2)};
    }
    span_->earliest = std::min(span_->earliest, rows.integer(2));
    span_->latest = std::max(span_->latest, rows.integer(2));
    take_event(rows);
  }
  WARDER_RETURN_IF_ERROR(rows.status());
  return check_span();
}

util::Status Pass::check_span() {
  if (!span_) {
    return {};
  }
  WARDER_ASSIGN_OR_RETURN(
      Statement stored,
      connection_.prepare("SELECT earliest, latest FROM event_span WHERE first = ?1"));
  Rows rows = stored.run(span_->first);
  // Wider is no harm: what was removed made it so.
  const bool covers =
      rows.next() && rows.integer(0) <= span_->earliest && rows.integer(1) >= span_->latest;
  WARDER_RETURN_IF_ERROR(rows.status());
  if (!covers) {
    fault(FaultKind::kChanged, span_->first, span_->first + TimeSpans::kSize - 1,
          fmt::format("the events from {} on are left out when a time is asked for: their row in "
                      "event_span was changed",
                      span_->first));
  }
  return {};
}

void Pass::take_event(const Rows& row) {
  const auto sequence = static_cast<std::uint64_t>(row.integer(0));
  ++report_.events_checked;
  if (row.integer(0) < 0 || sequence < tree_.size() || sequence >= report_.size) {
    fault(FaultKind::kInserted, sequence, sequence,
          fmt::format("event {} has no place in a history of the events {} to {}", row.integer(0),
                      report_.first_kept, report_.size));
    return;
  }
  if (sequence > tree_.size()) {
    fault(FaultKind::kMissing, tree_.size(), sequence - 1,
          tree_.size() == sequence - 1
              ? fmt::format("event {} is missing", tree_.size())
              : fmt::format("the events {} to {} are missing", tree_.size(), sequence - 1));
    skip_to(sequence);
  }
  const auto stored = read_event(row);
  if (!stored) {
    fault(FaultKind::kChanged, sequence, sequence, stored.error().message());
    skip_to(sequence + 1);
    return;
  }
  encode_leaf(sequence, stored->event, &entry_);
  const Hash leaf = crypto::merkle::leaf_hash(util::as_bytes(entry_));
  if (util::as_text(leaf).substr(0, kLeafCheckBytes) != row.blob(kEventLeafColumn)) {
    fault(FaultKind::kChanged, sequence, sequence,
          fmt::format("event {} was changed after it was stored", sequence));
    roots_are_lost_ = true;
  }
  append({0, sequence}, leaf);
}

void Pass::check_end() {
  if (tree_.size() < report_.size) {
    fault(FaultKind::kMissing, tree_.size(), report_.size - 1,
          fmt::format("the last events, {} to {}, are missing", tree_.size(), report_.size - 1));
    skip_to(report_.size);
  }
  report_.root = util::to_hex(tree_.root());
  for (const auto& [size, expected] : expected_) {
    // Left over: their size was passed inside a pruned subtree.
    fault(FaultKind::kCheckpoint, size, std::nullopt,
          fmt::format("{} cannot be compared: it lies among the pruned events and is not one of "
                      "the stored checkpoints",
                      expected.whose));
  }
  if (!roots_are_lost_ && tree_ != stored_) {
    fault(FaultKind::kRoot, good_until_, report_.size - 1,
          fmt::format("an event from {} to {} is not what was stored: the root of the tree differs",
                      good_until_, report_.size - 1));
  }
}

void Pass::append(const crypto::merkle::Subtree& subtree, const Hash& hash) {
  tree_.append(subtree, hash);
  compare();
}

void Pass::compare() {
  const auto [begin, end] = expected_.equal_range(tree_.size());
  if (begin == end) {
    return;
  }
  const Hash root = tree_.root();
  bool good = true;
  for (auto at = begin; at != end && !roots_are_lost_; ++at) {
    if (at->second.root != root) {
      good = false;
      fault(FaultKind::kRoot, good_until_, tree_.size() == 0 ? 0 : tree_.size() - 1,
            fmt::format("the events {} to {} do not give the root of {}", good_until_,
                        tree_.size() == 0 ? 0 : tree_.size() - 1, at->second.whose));
    }
  }
  if (!good) {
    roots_are_lost_ = true;
  } else if (!roots_are_lost_) {
    good_until_ = tree_.size();
  }
  expected_.erase(begin, end);
}

void Pass::skip_to(std::uint64_t sequence) {
  roots_are_lost_ = true;
  for (const crypto::merkle::Subtree& part : crypto::merkle::cover(tree_.size(), sequence)) {
    tree_.append(part, {});
  }
  // What lies in between cannot be compared, and why is said already.
  expected_.erase(expected_.begin(), expected_.upper_bound(sequence));
}

void Pass::fault(FaultKind kind, std::optional<std::uint64_t> first,
                 std::optional<std::uint64_t> last, std::string text) {
  if (report_.faults.size() < VerifyReport::kMostFaults) {
    report_.faults.push_back({kind, first, last, std::move(text)});
  } else {
    ++report_.more_faults;
  }
}

}  // namespace

util::Result<VerifyReport> verify(const std::filesystem::path& path, const VerifyOptions& options) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    return Error(ErrorCode::kNotFound,
                 fmt::format("{}: there is no store; has the agent run?", path.string()));
  }
  WARDER_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection,
                          Connection::open(path, Connection::Mode::kReadOnly, options.vfs));
  return Pass(*connection, options).run().with_context(path.string());
}

}  // namespace warder::store
