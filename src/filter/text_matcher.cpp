#include "filter/text_matcher.h"

#include "filter/offender.h"
#include "util/strings.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace warder::filter {
namespace {

// Captures that a finding carries elsewhere or that only steer the matching.
constexpr std::array<std::string_view, 11> kInner{"ip4",       "ip6",      "dns",    "cidr",
                                                  "user",      "content",  "mlfid",  "mlfforget",
                                                  "mlfgained", "mlffirst", "mlfecho"};

void tell(MatchHandler& handler, std::span<Counters> counters, std::size_t index, NoticeKind kind,
          std::string_view subject) {
  ++counters[index][kind];
  handler.on_notice(index, Notice{kind, subject});
}

// Of the failregexes: a window that was given up may match later without its newest line.
std::uint64_t searches_given_up(const TextFilter& filter) {
  std::uint64_t sum = 0;
  for (const TextPattern& pattern : filter.fail()) {
    sum += pattern.gave_up();
  }
  return sum;
}

}  // namespace

util::Result<std::unique_ptr<TextMatcher>> TextMatcher::build(std::vector<TextPart> parts,
                                                              MatcherOptions options) {
  std::unique_ptr<TextMatcher> matcher(new TextMatcher(std::move(options)));
  for (TextPart& part : parts) {
    const std::size_t slot = matcher->slots_.size();
    const TextFilter& filter = *part.filter;
    const DateRecipe& dates = filter.dates();
    const LineOptions& how = matcher->options_.lines_of(part.index);
    auto group =
        std::find_if(matcher->groups_.begin(), matcher->groups_.end(), [&](const Group& known) {
          return known.dates->key() == dates.key() && known.rules == how.rules &&
                 known.encoding == how.encoding;
        });
    if (group == matcher->groups_.end()) {
      group = matcher->groups_.insert(group, Group{&dates,
                                                   how.rules,
                                                   how.encoding,
                                                   nullptr,
                                                   DateFinder(dates.templates(), how.rules),
                                                   {},
                                                   {},
                                                   {},
                                                   {}});
      if (how.encoding) {
        WARDER_ASSIGN_OR_RETURN(group->decoder, LineDecoder::create(*how.encoding));
      }
    }
    if (filter.lines() > 1) {
      group->slots_with_window.push_back(slot);
    }
    for (std::size_t pattern = 0; pattern < filter.sieves().size(); ++pattern) {
      WARDER_ASSIGN_OR_RETURN(const std::size_t number, group->sieve.add(filter.sieves()[pattern]));
      group->candidates.resize(std::max(group->candidates.size(), number + 1));
      group->candidates[number].push_back({slot, pattern});
    }
    Calendar calendar(how.zone ? *how.zone : TimeZone::system(), how.rules);
    const std::size_t lines = filter.lines();
    matcher->slots_.push_back({std::move(part), std::move(calendar), {}, LineWindow(lines), true});
  }
  for (Group& group : matcher->groups_) {
    WARDER_RETURN_IF_ERROR(group.sieve.compile());
  }
  return matcher;
}

void TextMatcher::match(const model::Line& line, util::WallTime now, Reading reading,
                        std::span<Counters> counters, MatchHandler& handler) {
  for (Group& group : groups_) {
    model::Line read = line;
    if (group.decoder != nullptr) {
      read.text = group.decoder->decode(line.text);
    }
    match_group(group, Job{read,
                           now,
                           reading,
                           counters,
                           handler,
                           group,
                           std::nullopt,
                           group.dates->expects_date(),
                           {}});
  }
}

std::uint64_t TextMatcher::undecodable() const {
  std::uint64_t sum = 0;
  for (const Group& group : groups_) {
    sum += group.decoder != nullptr ? group.decoder->undecodable() : 0;
  }
  return sum;
}

void TextMatcher::forget_sessions() {
  for (Slot& slot : slots_) {
    slot.sessions = Sessions();
    slot.window.clear();
    slot.open = true;
  }
}

void TextMatcher::match_group(Group& group, Job job) {
  const std::string_view text = job.line.text;
  if (!job.line.stamp) {
    job.date = group.finder.find(text, job.now);
  }
  if (job.date && job.date->begin == job.date->end) {
    // The pattern says where a date would stand: such lines have none.
    job.date.reset();
    job.expects_date = false;
  } else if (job.date && group.rules == DateRules::kCompat) {
    group.last.see(job.date->fields, job.now, job.reading);
  }
  job.message =
      job.date ? make_subject(text.substr(0, job.date->begin), text.substr(job.date->end), message_)
               : make_subject(text, {}, message_);
  std::string_view folded = job.message.text;
  if (job.message.kind != RegexText::kAscii) {
    fold_subject(job.message, folded_);
    folded = folded_;
  }
  const Sieve::Outcome outcome = group.sieve.search(folded, numbers_);
  candidates_.clear();
  for (const std::size_t number : numbers_) {
    const std::vector<Candidate>& found = group.candidates[number];
    candidates_.insert(candidates_.end(), found.begin(), found.end());
  }
  std::sort(candidates_.begin(), candidates_.end());
  for (const std::size_t slot : group.slots_with_window) {
    const auto first = std::lower_bound(candidates_.begin(), candidates_.end(), Candidate{slot, 0});
    see_window(slots_[slot], first != candidates_.end() && first->slot == slot, job);
  }
  for (auto begin = candidates_.begin(); begin != candidates_.end();) {
    const std::size_t slot = begin->slot;
    const auto end = std::find_if(begin, candidates_.end(), [slot](const Candidate& candidate) {
      return candidate.slot != slot;
    });
    if (outcome == Sieve::Outcome::kOutOfMemory) {
      tell(job.handler, job.counters, slots_[slot].part.index, NoticeKind::kOutOfMemory, text);
    }
    if (slots_[slot].part.filter->lines() == 1) {
      judge(slots_[slot], {begin, end}, job);
    }
    begin = end;
  }
}

void TextMatcher::add_captures(Captures& of_prefix, Captures own) {
  kept_.clear();
  fill_alternatives(of_prefix, kept_);
  fill_alternatives(own, kept_);
  for (const auto& [name, value] : own) {
    set_capture(of_prefix, name, value);
  }
}

void TextMatcher::judge(Slot& slot, std::span<const Candidate> candidates, const Job& job) {
  const TextFilter& filter = *slot.part.filter;
  Hit hit{0, {}, job.line.text};
  Subject content = job.message;
  if (const TextPrefix* prefix = filter.prefix()) {
    const auto inner = prefix->match(job.message, hit.captures, content_);
    if (!inner) {
      return;
    }
    content = *inner;
  }
  Captures own;
  const auto found = std::find_if(candidates.begin(), candidates.end(), [&](const Candidate& c) {
    return filter.fail()[c.pattern].match(content, own);
  });
  if (found == candidates.end()) {
    return;
  }
  hit.pattern = found->pattern;
  add_captures(hit.captures, std::move(own));
  ++job.counters[slot.part.index].patterns[hit.pattern];
  if (is_ignored(filter, job.message, content)) {
    ++job.counters[slot.part.index].ignored;
    return;
  }
  take(slot, std::move(hit), job);
}

void TextMatcher::see_window(Slot& slot, bool named, const Job& job) {
  const TextFilter& filter = *slot.part.filter;
  const std::string_view message = job.message.text.substr(0, job.message.text.size() - 1);
  const bool whole = slot.window.add(message, job.line.text);
  if (!named && !slot.open && whole) {
    return;
  }
  const std::uint64_t given_up = searches_given_up(filter);
  const bool matched = judge_window(slot, job);
  // Lines that a match leaves stand beside each other anew.
  slot.open = matched || filter.sieves().empty() || searches_given_up(filter) != given_up;
}

bool TextMatcher::judge_window(Slot& slot, const Job& job) {
  const TextFilter& filter = *slot.part.filter;
  const std::string joined = slot.window.joined();
  std::string buffer;
  Subject subject = make_subject(std::string_view(joined).substr(0, joined.size() - 1), {}, buffer);
  Hit hit{0, {}, {}};
  const Subject all = subject;
  if (const TextPrefix* prefix = filter.prefix()) {
    const auto inner = prefix->match(subject, hit.captures, content_);
    if (!inner) {
      return false;
    }
    subject = *inner;
  }
  std::optional<Span> span;
  Captures own;
  for (const TextPattern& pattern : filter.fail()) {
    span = pattern.match_span(subject, own);
    if (span) {
      break;
    }
    ++hit.pattern;
  }
  if (!span) {
    return false;
  }
  ++job.counters[slot.part.index].patterns[hit.pattern];
  LineWindow::Taken taken;
  if (subject.text.data() == all.text.data()) {
    taken = slot.window.take(subject.text, *span, own);
  } else {
    // The content of a prefix is that of the window as a whole.
    taken = slot.window.take(all.text, {0, all.text.size()}, {});
  }
  std::string messages;
  const Subject ignored =
      make_subject(std::string_view(taken.messages)
                       .substr(0, taken.messages.empty() ? 0 : taken.messages.size() - 1),
                   {}, messages);
  if (is_ignored(filter, ignored, ignored)) {
    ++job.counters[slot.part.index].ignored;
    return true;
  }
  hit.text = taken.texts;
  add_captures(hit.captures, std::move(own));
  take(slot, std::move(hit), job);
  return true;
}

bool TextMatcher::is_ignored(const TextFilter& filter, const Subject& message,
                             const Subject& content) const {
  // The reference looks at the message or at the content only, depending on how many expressions
  // there are.
  const bool whole = filter.options().ignore == IgnoreScope::kEverywhere ||
                     filter.ignore().size() + 2 < filter.fail().size();
  return std::any_of(
      filter.ignore().begin(), filter.ignore().end(), [&](const TextPattern& ignore) {
        return ignore.matches(content) ||
               (whole && content.text.data() != message.text.data() && ignore.matches(message));
      });
}

void TextMatcher::take(Slot& slot, Hit hit, const Job& job) {
  if (find_capture(hit.captures, "mlfid").empty()) {
    report(slot, hit, job);
    return;
  }
  const Sessions::Result session = slot.sessions.add(hit.captures, hit.text, job.now);
  if (session.lost_one) {
    tell(job.handler, job.counters, slot.part.index, NoticeKind::kSessionLost, job.line.text);
  }
  if (session.verdict == Sessions::Verdict::kHelper) {
    ++job.counters[slot.part.index].helpers;
    return;
  }
  report(slot,
         {hit.pattern,
          {session.failure.groups.begin(), session.failure.groups.end()},
          session.failure.text},
         job);
}

std::optional<JudgedTime> TextMatcher::time_of(Slot& slot, const Job& job) {
  const std::size_t index = slot.part.index;
  const DateRules rules = job.group.rules;
  std::optional<util::WallTime> found = job.line.stamp;
  std::string_view date;
  if (job.date) {
    date = job.line.text.substr(job.date->begin, job.date->end - job.date->begin);
    found = slot.calendar.resolve(job.date->fields, job.now);
    if (!found) {
      tell(job.handler, job.counters, index, NoticeKind::kBadDate, date);
    }
  } else if (!found && job.expects_date) {
    tell(job.handler, job.counters, index, NoticeKind::kNoDate, job.line.text);
  }
  if (!found && rules == DateRules::kCompat) {
    const auto judged = job.group.last.judge(slot.calendar, job.now, job.reading);
    return judged || job.expects_date ? judged : JudgedTime{job.now, false, false};
  }
  const JudgedTime judged = judge_time(found, job.now, job.reading, rules);
  if (judged.off) {
    tell(job.handler, job.counters, index, NoticeKind::kDateOff, date);
  }
  return judged;
}

void TextMatcher::report(Slot& slot, const Hit& hit, const Job& job) {
  const std::size_t index = slot.part.index;
  const Captures& captures = hit.captures;
  const Offender offender = identify(captures, slot.part.filter->options().usedns);
  if (!offender.address && offender.identifier.empty()) {
    tell(job.handler, job.counters, index, offender.problem, offender.subject);
    return;
  }
  const bool is_proxy =
      offender.address &&
      std::any_of(options_.trusted_proxies.begin(), options_.trusted_proxies.end(),
                  [&](const net::Prefix& proxy) { return proxy.contains(*offender.address); });
  if (is_proxy) {
    tell(job.handler, job.counters, index, NoticeKind::kProxyAddress, job.line.text);
    return;
  }
  const std::optional<JudgedTime> time = time_of(slot, job);
  if (!time) {
    return;
  }
  model::Finding finding;
  if (offender.address) {
    finding.address = *offender.address;
  } else {
    finding.identifier = offender.identifier.substr(0, kLongestText);
  }
  finding.time = time->time;
  finding.time_from_line = time->from_line;
  finding.pattern = static_cast<std::uint32_t>(hit.pattern);
  finding.user = find_capture(captures, "user").substr(0, kLongestText);
  finding.text = hit.text.substr(0, kLongestText);
  finding.summary = util::trim(job.message.text).substr(0, kLongestText);
  for (const auto& [name, value] : captures) {
    if (!value.empty() && !name.starts_with("__") && !name.starts_with("skiplines") &&
        std::find(kInner.begin(), kInner.end(), name) == kInner.end()) {
      finding.captures.emplace_back(name, value.substr(0, kLongestText));
    }
  }
  ++job.counters[index].findings;
  job.handler.on_finding(index, std::move(finding));
}

}  // namespace warder::filter
