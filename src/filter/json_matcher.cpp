#include "filter/json_matcher.h"

#include "filter/json_address.h"
#include "filter/json_entries.h"
#include "filter/json_fields.h"
#include "filter/json_guards.h"
#include "filter/json_program.h"
#include "filter/json_reader.h"
#include "filter/json_rules.h"
#include "filter/json_summary.h"
#include "filter/json_time.h"

#include <algorithm>
#include <bit>
#include <set>
#include <string>
#include <utility>

namespace warder::filter {
namespace {

using Slot = JsonFields::Slot;

// A JsonPart with the numbers that its fields and conditions have in this log.
struct Part {
  const JsonRules* rules = nullptr;
  std::size_t index = 0;
  std::size_t first_condition = 0;
  std::optional<std::size_t> exception;
  Slot time = JsonFields::kNoSlot;
  std::vector<Slot> address;
  std::optional<Slot> peer;
  std::optional<Slot> forwarded;
  std::optional<Slot> user;
  std::optional<Slot> once;
  std::vector<Slot> captures;
};

// What a line means for one part. Reported only when the whole line has proved to be JSON.
struct Verdict {
  const Part* part = nullptr;
  bool ignored = false;
  std::optional<model::Finding> finding;
  std::vector<Notice> notices;
};

class JoinedMatcher final : public JsonMatcher {
 public:
  JoinedMatcher(std::vector<JsonPart> sources, const MatcherOptions& options)
      : sources_(std::move(sources)), proxies_(options.trusted_proxies) {}

  // Before the first line.
  util::Status compile() {
    JsonFields fields;
    std::set<std::string> begins;
    for (const JsonPart& source : sources_) {
      const auto& more = static_cast<const JsonRules*>(source.filter.get())->begins;
      begins.insert(more.begin(), more.end());
    }
    entries_ = JsonEntryFinder({begins.begin(), begins.end()});
    program_ = std::make_unique<JsonProgram>(fields);
    for (const JsonPart& source : sources_) {
      add(source, fields);
    }
    WARDER_RETURN_IF_ERROR(program_->finish());
    reader_ = std::make_unique<JsonReader>(std::move(fields));
    return {};
  }

  void match(const model::Line& line, util::WallTime now, Reading reading,
             std::span<Counters> counters, MatchHandler& handler) override {
    if (line.message_at != 0) {
      model::Line message = line;
      message.text.remove_prefix(std::exchange(message.message_at, 0));
      return match(message, now, reading, counters, handler);
    }
    if (!entries_.looks()) {
      if (!match_entry(line, now, reading, counters, handler)) {
        report_malformed(line, counters, handler);
      }
      return;
    }
    if (line.text.starts_with('{') && match_entry(line, now, reading, counters, handler)) {
      return;
    }
    const JsonEntries found = entries_.find(line.text);
    bool good = !found.cut && !found.whole.empty();
    for (const std::string_view text : found.whole) {
      model::Line entry = line;
      entry.text = text;
      good = match_entry(entry, now, reading, counters, handler) && good;
    }
    if (!good) {
      report_malformed(line, counters, handler);
    }
  }

 private:
  // False, and nothing is told: this is not one JSON object.
  bool match_entry(const model::Line& line, util::WallTime now, Reading reading,
                   std::span<Counters> counters, MatchHandler& handler);
  void add(const JsonPart& source, JsonFields& fields);
  void judge(const model::Line& line, util::WallTime now, Reading reading, std::size_t word,
             std::uint64_t candidates);
  Verdict verdict_of(const Part& part, std::size_t pattern, const model::Line& line,
                     util::WallTime now, Reading reading);
  std::optional<net::IpAddress> offender(const Part& part, std::vector<Notice>& notices);
  JudgedTime time_of(const Part& part, const model::Line& line, util::WallTime now, Reading reading,
                     std::vector<Notice>& notices);
  std::string capture(Slot slot);
  void report(Verdict& verdict, Counters& counters, MatchHandler& handler);
  void report_malformed(const model::Line& line, std::span<Counters> counters,
                        MatchHandler& handler);

  std::vector<JsonPart> sources_;  // keep the rules alive
  JsonEntryFinder entries_{{}};
  std::vector<net::Prefix> proxies_;
  std::vector<Part> parts_;
  std::vector<std::size_t> part_of_;  // by condition
  std::unique_ptr<JsonProgram> program_;
  std::unique_ptr<JsonReader> reader_;
  // Reused from line to line.
  std::vector<Verdict> verdicts_;
  std::vector<std::string_view> forwarded_;
  // What the entry's field time_slot_ was read as; of none at the start of an entry.
  std::optional<Slot> time_slot_;
  std::optional<util::WallTime> time_found_;
};

bool JoinedMatcher::match_entry(const model::Line& line, util::WallTime now, Reading reading,
                                std::span<Counters> counters, MatchHandler& handler) {
  if (!reader_->read(line.text)) {
    return false;
  }
  program_->start_line(*reader_);
  verdicts_.clear();
  time_slot_.reset();
  const ConditionSet& candidates = program_->candidates();
  for (std::size_t word = 0; word < candidates.size(); ++word) {
    judge(line, now, reading, word, candidates[word]);
  }
  if (reader_->broken()) {
    return false;
  }
  for (Verdict& verdict : verdicts_) {
    report(verdict, counters[verdict.part->index], handler);
  }
  return true;
}

void JoinedMatcher::add(const JsonPart& source, JsonFields& fields) {
  const auto* rules = static_cast<const JsonRules*>(source.filter.get());
  Part part;
  part.rules = rules;
  part.index = source.index;
  part.first_condition = part_of_.size();
  for (const Expression& condition : rules->conditions) {
    program_->add_condition(condition);
    part_of_.push_back(parts_.size());
  }
  if (rules->ignore) {
    part.exception = program_->add_exception(*rules->ignore);
  }
  part.time = fields.add(rules->time);
  for (const JsonPath& path : rules->address) {
    part.address.push_back(fields.add(path));
  }
  if (rules->peer) {
    part.peer = fields.add(*rules->peer);
  }
  if (rules->forwarded) {
    part.forwarded = fields.add_list(*rules->forwarded);
  }
  if (rules->user) {
    part.user = fields.add(*rules->user);
  }
  if (rules->once) {
    part.once = fields.add(*rules->once);
  }
  for (const auto& [name, path] : rules->captures) {
    part.captures.push_back(fields.add(path));
  }
  parts_.push_back(std::move(part));
}

// The candidates of one word of the set. The first condition of a part that holds speaks for it.
void JoinedMatcher::judge(const model::Line& line, util::WallTime now, Reading reading,
                          std::size_t word, std::uint64_t candidates) {
  while (candidates != 0) {
    const std::size_t condition =
        word * 64 + static_cast<std::size_t>(std::countr_zero(candidates));
    candidates &= candidates - 1;
    const Part& part = parts_[part_of_[condition]];
    const bool decided = !verdicts_.empty() && verdicts_.back().part == &part;
    if (!decided && program_->condition_holds(condition)) {
      verdicts_.push_back(verdict_of(part, condition - part.first_condition, line, now, reading));
    }
  }
}

Verdict JoinedMatcher::verdict_of(const Part& part, std::size_t pattern, const model::Line& line,
                                  util::WallTime now, Reading reading) {
  Verdict verdict;
  verdict.part = &part;
  verdict.ignored = part.exception && program_->exception_holds(*part.exception);
  if (verdict.ignored) {
    return verdict;
  }
  if (program_->out_of_memory()) {
    verdict.notices.push_back({NoticeKind::kOutOfMemory, line.text});
  }
  auto address = offender(part, verdict.notices);
  if (!address) {
    if (!part.rules->without_address) {
      return verdict;
    }
    std::erase_if(verdict.notices,
                  [](const Notice& notice) { return notice.kind != NoticeKind::kOutOfMemory; });
  }
  const JudgedTime time = time_of(part, line, now, reading, verdict.notices);
  model::Finding& finding = verdict.finding.emplace();
  finding.without_address = !address;
  if (address) {
    finding.address = net::Prefix(*address);
  }
  finding.time = time.time;
  finding.time_from_line = time.from_line;
  finding.pattern = static_cast<std::uint32_t>(pattern);
  finding.text = line.text.substr(0, kLongestText);
  if (part.user) {
    finding.user = capture(*part.user);
  }
  if (part.once) {
    finding.once = capture(*part.once);
  }
  finding.captures.reserve(part.captures.size());
  for (std::size_t i = 0; i < part.captures.size(); ++i) {
    finding.captures.emplace_back(part.rules->captures[i].first, capture(part.captures[i]));
  }
  finding.summary = json_summary(part.rules->message, finding);
  return verdict;
}

std::optional<net::IpAddress> JoinedMatcher::offender(const Part& part,
                                                      std::vector<Notice>& notices) {
  JsonOrigin origin;
  for (const Slot slot : part.address) {
    origin.address = reader_->text(slot);
    if (origin.address) {
      break;
    }
  }
  if (part.peer) {
    origin.peer = reader_->text(*part.peer);
  }
  forwarded_.clear();
  if (part.forwarded) {
    reader_->texts(*part.forwarded, forwarded_);
  }
  origin.forwarded = forwarded_;
  const JsonOffender found = find_offender(origin, proxies_);
  if (found.notice) {
    notices.push_back(*found.notice);
  }
  return found.address;
}

JudgedTime JoinedMatcher::time_of(const Part& part, const model::Line& line, util::WallTime now,
                                  Reading reading, std::vector<Notice>& notices) {
  if (line.stamp) {
    return judge_time(line.stamp, now, reading);
  }
  // Most filters of one log have its time in the same field.
  if (time_slot_ != part.time) {
    time_slot_ = part.time;
    time_found_.reset();
    if (const auto number = reader_->number(part.time)) {
      time_found_ = time_from_number(*number);
    } else if (const auto text = reader_->text(part.time)) {
      time_found_ = time_from_text(*text);
    }
  }
  const std::optional<util::WallTime>& found = time_found_;
  const std::string_view raw = reader_->raw(part.time);
  if (!found) {
    notices.push_back({raw.empty() ? NoticeKind::kNoDate : NoticeKind::kBadDate, raw});
  }
  const JudgedTime time = judge_time(found, now, reading);
  if (time.off) {
    notices.push_back({NoticeKind::kDateOff, raw});
  }
  return time;
}

// A text unescaped, anything else as it stands; empty for a missing field, arrays and objects.
std::string JoinedMatcher::capture(Slot slot) {
  const auto text = reader_->text(slot);
  return std::string((text ? *text : reader_->raw(slot)).substr(0, kLongestText));
}

void JoinedMatcher::report(Verdict& verdict, Counters& counters, MatchHandler& handler) {
  if (verdict.ignored) {
    ++counters.ignored;
    return;
  }
  for (const Notice& notice : verdict.notices) {
    ++counters[notice.kind];
    handler.on_notice(verdict.part->index, notice);
  }
  if (verdict.finding) {
    ++counters.findings;
    counters.patterns.resize(verdict.part->rules->patterns().size());
    ++counters.patterns[verdict.finding->pattern];
    handler.on_finding(verdict.part->index, std::move(*verdict.finding));
  }
}

void JoinedMatcher::report_malformed(const model::Line& line, std::span<Counters> counters,
                                     MatchHandler& handler) {
  for (const Part& part : parts_) {
    ++counters[part.index][NoticeKind::kMalformed];
    handler.on_notice(part.index, {NoticeKind::kMalformed, line.text});
  }
}

}  // namespace

util::Result<std::unique_ptr<JsonMatcher>> JsonMatcher::build(std::vector<JsonPart> parts,
                                                              const MatcherOptions& options) {
  auto matcher = std::make_unique<JoinedMatcher>(std::move(parts), options);
  WARDER_RETURN_IF_ERROR(matcher->compile());
  return std::unique_ptr<JsonMatcher>(std::move(matcher));
}

}  // namespace warder::filter
