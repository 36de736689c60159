#include "engine/trial.h"

#include "engine/date_guess.h"
#include "filter/text_filter.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <ctime>
#include <utility>

namespace warder::engine {
namespace {

using filter::NoticeKind;

constexpr std::size_t kLongestExample = 2048;
constexpr std::size_t kLongestShape = 160;
constexpr std::chrono::seconds kFuture{60};
// Below this many findings that all come from one address say nothing.
constexpr std::uint64_t kFewFindings = 3;
constexpr std::chrono::milliseconds kMeasureFor{2};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Digits and letters replaced, so that dates of one form are equal.
std::string form_of(std::string_view date) {
  std::string form(date);
  for (char& c : form) {
    c = is_digit(c) ? '0' : is_letter(c) ? 'a' : c;
  }
  return form;
}

// Lines that differ in numbers only have one shape (FNV-1a over it).
std::uint64_t shape_of(std::string_view line) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  char before = 0;
  std::size_t taken = 0;
  for (char c : line) {
    c = is_digit(c) ? '0' : c;
    if (c == '0' && before == '0') {
      continue;
    }
    before = c;
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    if (++taken == kLongestShape) {
      break;
    }
  }
  return hash;
}

double processor_nanoseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

std::string plural(std::uint64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

}  // namespace

std::string_view to_string(LineFate fate) {
  switch (fate) {
    case LineFate::kFinding:
      return "finding";
    case LineFate::kHelper:
      return "helper";
    case LineFate::kIgnored:
      return "ignored";
    case LineFate::kUnusable:
      return "unusable";
    case LineFate::kMissed:
      break;
  }
  return "missed";
}

void Trial::Sample::offer(std::size_t pattern, std::string_view line) {
  if (seen++ % every != 0) {
    return;
  }
  if (items.size() == kSample) {
    for (std::size_t i = 0; 2 * i < items.size(); ++i) {
      items[i] = std::move(items[2 * i]);
    }
    items.resize(kSample / 2);
    every *= 2;
    if ((seen - 1) % every != 0) {
      return;
    }
  }
  items.push_back({pattern, std::string(line.substr(0, kLongestExample))});
}

util::Result<std::unique_ptr<Trial>> Trial::create(std::shared_ptr<const filter::Filter> filter,
                                                   filter::MatcherOptions options,
                                                   const util::Clock& clock,
                                                   std::function<void(const TriedLine&)> told) {
  WARDER_ASSIGN_OR_RETURN(auto matcher, filter::Matcher::build({filter}, std::move(options)));
  // A log is written earlier than it is tried.
  matcher->set_reading(filter::Reading::kCatchUp);
  return std::unique_ptr<Trial>(
      new Trial(std::move(filter), std::move(matcher), clock, std::move(told)));
}

void Trial::on_line(const model::Line& line) {
  if (line.text.empty() || line.text[0] == '#') {
    ++report_.skipped;
    return;
  }
  ++report_.lines;
  const filter::Counters& counters = matcher_->counters(0);
  const std::uint64_t ignored = counters.ignored;
  const std::uint64_t helpers = counters.helpers;
  finding_.reset();
  unusable_ = false;
  matcher_->match(line, clock_.now(), *this);
  TriedLine tried;
  tried.text = line.text;
  tried.number = report_.lines + report_.skipped + report_.oversized;
  if (finding_) {
    tried.fate = LineFate::kFinding;
    tried.finding = &*finding_;
  } else if (counters.ignored > ignored) {
    tried.fate = LineFate::kIgnored;
  } else if (counters.helpers > helpers) {
    tried.fate = LineFate::kHelper;
  } else if (unusable_) {
    tried.fate = LineFate::kUnusable;
  }
  ++report_.fates[static_cast<std::size_t>(tried.fate)];
  if (filter_->text() && !line.stamp) {
    note_date(line.text);
  }
  json_lines_ += line.text[0] == '{' ? 1U : 0U;
  lines_.offer(0, line.text);
  if (tried.fate == LineFate::kMissed) {
    note_missed(line.text);
  }
  if (told_) {
    told_(tried);
  }
}

void Trial::on_notice(const source::Notice& notice) {
  if (notice.kind == source::NoticeKind::kOversized) {
    ++report_.oversized;
  }
}

void Trial::on_finding(std::size_t, model::Finding&& finding) {
  const util::WallTime now = clock_.now();
  if (finding.time_from_line) {
    report_.first = std::min(report_.first.value_or(finding.time), finding.time);
    report_.last = std::max(report_.last.value_or(finding.time), finding.time);
    report_.future += finding.time > now + kFuture ? 1U : 0U;
  }
  auto known = blamed_.find(finding.address);
  if (known == blamed_.end() && blamed_.size() < kMostAddresses) {
    known = blamed_
                .emplace(finding.address,
                         TrialReport::Blamed{finding.address, 0, finding.time, finding.time})
                .first;
  }
  if (known == blamed_.end()) {
    ++report_.findings_of_others;
  } else {
    ++known->second.findings;
    known->second.first = std::min(known->second.first, finding.time);
    known->second.last = std::max(known->second.last, finding.time);
  }
  matched_.offer(finding.pattern, finding.text);
  finding_ = std::move(finding);
}

void Trial::on_notice(std::size_t, const filter::Notice& notice) {
  ++report_.notices[static_cast<std::size_t>(notice.kind)];
  const bool names_nobody =
      notice.kind == NoticeKind::kBadAddress || notice.kind == NoticeKind::kHostName ||
      notice.kind == NoticeKind::kNoAddress || notice.kind == NoticeKind::kProxyAddress ||
      notice.kind == NoticeKind::kForwarded;
  if (notice.kind == NoticeKind::kForwarded) {
    return;  // the finding stands, with the peer's address
  }
  unusable_ = unusable_ || names_nobody;
  if (notice.kind != NoticeKind::kBadAddress && notice.kind != NoticeKind::kHostName) {
    return;
  }
  const std::string_view value = notice.subject.substr(0, kLongestExample);
  const auto known = std::find_if(report_.bad_values.begin(), report_.bad_values.end(),
                                  [&](const TrialReport::BadValue& bad) {
                                    return bad.kind == notice.kind && bad.value == value;
                                  });
  if (known != report_.bad_values.end()) {
    ++known->lines;
  } else if (report_.bad_values.size() < kMostBadValues) {
    report_.bad_values.push_back({notice.kind, std::string(value), 1});
  }
}

void Trial::note_date(std::string_view line) {
  const filter::DateRecipe& dates = filter_->text()->dates();
  if (!dates.expects_date()) {
    return;
  }
  const auto date = dates.find(line);
  if (!date) {
    if (report_.undated++ == 0) {
      report_.undated_example = line.substr(0, kLongestExample);
    }
    if (report_.suggested_datepattern.empty()) {
      report_.suggested_datepattern = guess_datepattern(line);
      if (!report_.suggested_datepattern.empty()) {
        report_.undated_example = line.substr(0, kLongestExample);
      }
    }
    return;
  }
  const std::string_view text = line.substr(date->begin, date->end - date->begin);
  std::string form = form_of(text.substr(0, kLongestShape));
  auto known = forms_.find(form);
  if (known == forms_.end()) {
    if (forms_.size() == kMostForms) {
      return;
    }
    known = forms_.emplace(std::move(form), TrialReport::DateForm{0, std::string(text)}).first;
  }
  ++known->second.lines;
}

void Trial::note_missed(std::string_view line) {
  const std::uint64_t shape = shape_of(line);
  if (const auto known = shapes_.find(shape); known != shapes_.end()) {
    ++report_.missed[known->second].lines;
    return;
  }
  if (shapes_.size() == kMostShapes) {
    ++report_.missed_otherwise;
    return;
  }
  line = line.substr(0, kLongestExample);
  auto nearest = explainer_.explain(line);
  // What stopped at the same place is told together.
  const auto same = std::find_if(
      report_.missed.begin(), report_.missed.end(), [&](const TrialReport::Missed& missed) {
        return missed.nearest && nearest && missed.nearest->pattern == nearest->pattern &&
               missed.nearest->expression_at == nearest->expression_at &&
               missed.nearest->failed == nearest->failed;
      });
  if (same != report_.missed.end()) {
    ++same->lines;
    shapes_.emplace(shape, static_cast<std::size_t>(same - report_.missed.begin()));
  } else if (report_.missed.size() == kMostMissed) {
    ++report_.missed_otherwise;
  } else {
    shapes_.emplace(shape, report_.missed.size());
    report_.missed.push_back({1, report_.lines + report_.skipped + report_.oversized,
                              std::string(line), std::move(nearest)});
  }
}

void Trial::measure() {
  const std::shared_ptr<const filter::TextFilter>& text = filter_->text();
  if (!text) {
    return;
  }
  std::vector<filter::OwnSubject> contents;
  for (const Sample::Item& item : lines_.items) {
    if (auto content = text->content_of(text->message_of(item.line))) {
      contents.push_back(std::move(*content));
    }
  }
  if (contents.empty()) {
    return;
  }
  const double least = std::chrono::duration<double, std::nano>(kMeasureFor).count();
  for (std::size_t i = 0; i < text->fail().size(); ++i) {
    filter::Captures captures;
    std::uint64_t searches = 0;
    const double begin = processor_nanoseconds();
    double spent = 0;
    do {
      for (const filter::OwnSubject& content : contents) {
        captures.clear();
        (void)text->fail()[i].match(content.subject(), captures);
      }
      searches += contents.size();
      spent = processor_nanoseconds() - begin;
    } while (spent < least);
    report_.patterns[i].nanoseconds = spent / static_cast<double>(searches);
  }
}

void Trial::find_shadows() {
  const std::shared_ptr<const filter::TextFilter>& text = filter_->text();
  if (!text) {
    return;
  }
  for (std::size_t i = 0; i < text->fail().size(); ++i) {
    TrialReport::PatternUse& use = report_.patterns[i];
    if (use.hits > 0) {
      continue;
    }
    std::map<std::size_t, std::uint64_t> winners;
    for (const Sample::Item& item : matched_.items) {
      const auto content = text->content_of(text->message_of(item.line));
      if (item.pattern < i && content && text->fail()[i].matches(content->subject())) {
        ++winners[item.pattern];
      }
    }
    for (const auto& [winner, lines] : winners) {
      if (lines > use.shadowed) {
        use.shadowed_by = winner;
        use.shadowed = lines;
      }
    }
  }
}

void Trial::suggest() {
  auto& told = report_.suggestions;
  const TrialReport& r = report_;
  if (r.lines == 0) {
    told.emplace_back("the log has no line; is it the right file?");
    return;
  }
  if (r.undated > 0 && r.undated * 10 >= r.lines) {
    const std::string lines = plural(r.undated, "line looks", "lines look");
    const std::string example = util::printable(r.undated_example, 60);
    if (!r.suggested_datepattern.empty()) {
      // In a file of the dialect a % is written twice.
      std::string written;
      for (const char c : r.suggested_datepattern) {
        written.append(c == '%' ? 2 : 1, c);
      }
      told.push_back(fmt::format(
          "{} like '{}': the date is not recognised; add to the filter: datepattern = {}", lines,
          example, written));
    } else {
      told.push_back(fmt::format(
          "{} like '{}': no date is recognised, so each would count when it is read; set "
          "datepattern (filters/README.md), or datepattern = {{NONE}} for a log without dates",
          lines, example));
    }
  }
  if (r.future > 0) {
    told.push_back(fmt::format(
        "{} dated later than this host's clock; the program that writes the log is in another time "
        "zone, or one of the clocks is wrong",
        plural(r.future, "finding is", "findings are")));
  }
  if (filter_->text() && json_lines_ == r.lines && r[LineFate::kFinding] == 0) {
    told.emplace_back(
        "every line is JSON, but the filter is for text; write one with format = json "
        "(filters/README.md)");
  }
  if (filter_->json() && r.notices[static_cast<std::size_t>(NoticeKind::kMalformed)] == r.lines) {
    told.emplace_back("no line is JSON, but the filter is for JSON; is this the right log?");
  }
  if (r.addresses.size() == 1 && r.findings_of_others == 0 &&
      r.addresses[0].findings >= kFewFindings && r.addresses[0].address.is_single() &&
      r.addresses[0].address.address().is_private()) {
    told.push_back(fmt::format(
        "all findings blame {}, a private address: if that is a proxy, name it (trusted_proxies in "
        "[agent]) and have it write the client's address, or it is what gets banned",
        r.addresses[0].address.to_string()));
  }
  const std::uint64_t names = r.notices[static_cast<std::size_t>(NoticeKind::kHostName)];
  if (names > 0) {
    told.push_back(fmt::format(
        "{} a host name where the address should be; names are not looked up: have the program log "
        "addresses",
        plural(names, "line has", "lines have")));
  }
  for (std::size_t i = 0; i < r.patterns.size(); ++i) {
    if (const auto& by = r.patterns[i].shadowed_by) {
      told.push_back(fmt::format(
          "pattern {} is shadowed by {}: all it would match is taken before it; put it first, or "
          "take it out",
          i + 1, *by + 1));
    }
  }
  const auto unused = std::count_if(
      r.patterns.begin(), r.patterns.end(),
      [](const TrialReport::PatternUse& use) { return use.hits == 0 && !use.shadowed_by; });
  if (r[LineFate::kFinding] + r[LineFate::kHelper] + r[LineFate::kIgnored] == 0) {
    told.emplace_back(
        "nothing matched: compare the missed lines with the places where the nearest pattern "
        "stopped");
  } else if (unused > 0) {
    told.push_back(fmt::format("{} never matched in this log",
                               plural(static_cast<std::uint64_t>(unused), "pattern", "patterns")));
  }
}

TrialReport Trial::finish() {
  const filter::Counters& counters = matcher_->counters(0);
  report_.patterns.resize(filter_->patterns().size());
  for (std::size_t i = 0; i < report_.patterns.size() && i < counters.patterns.size(); ++i) {
    report_.patterns[i].hits = counters.patterns[i];
  }
  for (auto& [form, date] : forms_) {
    report_.dates.push_back(std::move(date));
  }
  std::stable_sort(report_.dates.begin(), report_.dates.end(),
                   [](const auto& a, const auto& b) { return a.lines > b.lines; });
  for (const auto& [address, blamed] : blamed_) {
    report_.addresses.push_back(blamed);
  }
  std::stable_sort(report_.addresses.begin(), report_.addresses.end(),
                   [](const auto& a, const auto& b) { return a.findings > b.findings; });
  std::stable_sort(report_.bad_values.begin(), report_.bad_values.end(),
                   [](const auto& a, const auto& b) { return a.lines > b.lines; });
  std::stable_sort(report_.missed.begin(), report_.missed.end(),
                   [](const TrialReport::Missed& a, const TrialReport::Missed& b) {
                     // Lines that the prefregex stops mostly are of other programs.
                     const auto nearness = [](const TrialReport::Missed& missed) {
                       return missed.nearest && missed.nearest->pattern ? missed.nearest->score : 0;
                     };
                     return nearness(a) != nearness(b) ? nearness(a) > nearness(b)
                                                       : a.lines > b.lines;
                   });
  measure();
  find_shadows();
  suggest();
  return std::move(report_);
}

}  // namespace warder::engine
