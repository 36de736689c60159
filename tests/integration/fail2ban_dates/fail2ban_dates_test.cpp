// Dates by DateRules::kCompat against fail2ban's own detector, line by line through its learning:
// what is cut out, and which moment it is. The lines are generated, of every template and of
// patterns of one's own, whole and with random changes, in several zones and on days that are hard:
// New Year, leap day, changes of the clocks.
//
// Lines that the fuzz target of dates has as seeds, or has found (WARDER_DATE_INPUTS names
// folders), are held against it, too: as logs of the default templates, and with their first line
// as a datepattern.
//
// Where we differ on purpose (src/filter/README.md, "Dates") the difference is told by name and
// checked to be no more than that.
#include "filter/date_finder.h"
#include "filter/date_recipe.h"
#include "util/strings.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

using namespace warder;
using namespace warder::filter;
using std::chrono::seconds;
using std::chrono::sys_seconds;

namespace {

constexpr std::size_t kCases = 1200;
constexpr std::size_t kLines = 14;

struct LogLine {
  util::WallTime now;
  std::string text;
};

struct Case {
  std::string zone;
  std::string logtimezone;
  std::string patterns;  // separated by line breaks
  std::vector<LogLine> lines;
  bool may_be_refused = false;  // the pattern, by either side
};

class Generator {
 public:
  Case next() {
    Case made;
    made.zone = pick({"UTC", "Europe/Zurich", "America/New_York", "Asia/Kathmandu",
                      "Australia/Lord_Howe", "Pacific/Auckland", "America/St_Johns"});
    made.logtimezone = one_in(3) ? pick({"CET", "UTC+0200", "-0730", "CET+0100", "NPT", "Z"}) : "";
    std::string made_form;
    if (one_in(4)) {
      std::tie(made.patterns, made_form) = made_pattern();
      made.may_be_refused = true;
    } else {
      made.patterns = one_in(2) ? "" : pick(kPatterns);
    }
    // Every log has a form or two of its own, and strangers.
    const std::string usual = pick(kForms);
    const std::string other = pick(kForms);
    const std::string front = pick(kFronts);
    auto now = sys_seconds(seconds(pick_number(kNows)));
    for (std::size_t i = 0; i < kLines; ++i) {
      now += seconds(one_in(8) ? 400 : below(3));
      std::string form = one_in(4) ? other : one_in(6) ? std::string(pick(kForms)) : usual;
      if (!made.patterns.empty() && !one_in(3)) {
        form = made_form.empty() ? spelled_pattern(made.patterns) : made_form;
      }
      std::string text = one_in(4) ? pick(kFronts) : front;
      text += spell(form, now) + pick(kBacks);
      if (one_in(5)) {
        text += " " + spell(pick(kForms), now) + pick(kBacks);
      }
      if (one_in(4)) {
        change(text);
      }
      made.lines.push_back({now, text});
    }
    return made;
  }

 private:
  // Forms are written with tokens as strftime knows them; in braces what it does not.
  static constexpr std::array kForms{"%Y-%m-%dT%H:%M:%S",
                                     "%Y-%m-%d %H:%M:%S,123",
                                     "%Y/%m/%d %H:%M:%S.5 %z",
                                     "%Y.%m.%d  %H:%M:%S UTC",
                                     "%Y-%m-%dT%H:%M:%S.1234567Z",
                                     "%Y-%m-%d %H:%M:%S +02:00",
                                     "%b %e %H:%M:%S",
                                     "%b %d %k:%M:%S",
                                     "%a %b %d %H:%M:%S.011 %Y",
                                     "%a %b %d %Y %H:%M:%S",
                                     "%b %d %Y %H:%M:%S.25",
                                     "%d/%m/%Y %H:%M:%S",
                                     "%d-%m-%y %k:%M:%S",
                                     "%d/%b/%Y:%H:%M:%S %z",
                                     "%d-%b-%Y %H:%M:%S.252",
                                     "%e/%b/%Y:%H:%M:%S",
                                     "%d-%b-%Y %H:%M:%S +0200",
                                     "%m/%d/%Y:%H:%M:%S",
                                     "%m-%d-%Y %H:%M:%S.252",
                                     "%s",
                                     "%s.123",
                                     "audit(%s.123:45)",
                                     "%H:%M:%S",
                                     "<%m/%d/%y@%H:%M:%S>",
                                     "%y%m%d %H:%M:%S",
                                     "%y%m%d  %k:%M:%S",
                                     "%b %d, %Y %I:%M:%S %p",
                                     "%b-%d-%y %H:%M:%S",
                                     "%Y%m%dT%H%M%S",
                                     "%Y%m%d-%H:%M:%S",
                                     "%Y%m%d %H%M%S.5 UTC",
                                     "PDT %b %d %H:%M:%S",
                                     "CET %a %b %d %H:%M:%S %Y",
                                     "error %b %d %H:%M:%S",
                                     "+02:00 %b %d %H:%M:%S.011 %Y",
                                     "UTC %b %d %H:%M:%S",
                                     "@{tai}",
                                     "no date",
                                     "Feb 29 01:02:03",
                                     "2026-02-30 10:00:00",
                                     "%Y-%m-%d 27:00:00",
                                     "%b %d 27:00:00",
                                     "%d/%b/%Y:%H:%M:%S utc"};
  static constexpr std::array kFronts{"",
                                      "",
                                      "",
                                      "[",
                                      "[[",
                                      "[[[",
                                      "x ",
                                      "host ",
                                      "<13>",
                                      "1.2.3.4 - - [",
                                      "2001:db8:1:2::3 - - [",
                                      "\"ts\":",
                                      "word",
                                      "12 ",
                                      "a b c "};
  static constexpr std::array kBacks{
      " x",      "]",        "] \"GET / HTTP/1.1\" 200", "", " host sshd[1]: no", "x", ".5", ": y",
      " 2026 z", " 12:34:56"};
  static constexpr std::array kPatterns{
      "{^LN-BEG}",
      "{DEFAULT}",
      "%Y-%m-%d %H:%M:%S",
      "%d\\.%m\\.%y %k:%M",
      "^%b %d %Y %I:%M:%S %p",
      "%A, %d %B %Y %H:%M:%S %z",
      "%Y/%j %H:%M",
      "%Y %U %a %H:%M",
      "%Y %W %w",
      "%H:%M:%S %Z",
      "%Exz %d/%b/%Y:%H:%M:%S",
      "%ExY%Exm%Exd%ExH%ExM%ExS",
      "**%Y%m%d",
      "%Y%m%d**",
      "{UNB}%Y%m%d",
      "^%Y%m%d %H$",
      "{^LN-BEG}%l:%M %p",
      "%c",
      "%x %X",
      "%d %b\n%H:%M:%S",
      "ts=(%Y-%m-%d) t=%H:%M",
      "<{DATE}>",
      "^<W>{DATE}",
      "EPOCH",
      "^EPOCH",
      "LEPOCH",
      "{^LN-BEG}LEPOCH",
      "TAI64N",
      "^TAI64N",
      "{^LN-BEG}TAI64N",
      "id={EPOCH}",
      "id={LEPOCH}",
      "%d/%b[^/]*/%Y:%H:%M:%S %z",
      "^%m/%d %H:%M\n{^LN-BEG}",
      "^(?:=[^=]+={3,} )?(%ExY(?P<_sep>[-/.])%m(?P=_sep)%d[T ]%H:%M:%S(?:[.,]%f)?(?:\\s*%z)?)",
      "^(?:%Y-)?%m-%d[ T]%H:%M:%S(?:\\.%f)?",
      "^[^\\[]*\\[({DATE})",
      "{NONE}"};
  // 2026-08-01, both sides of New Year, changes of the clocks in spring and autumn (Zurich, New
  // York, Lord Howe), leap day and the day before and after it.
  static constexpr std::array<std::int64_t, 11> kNows{
      1785542400, 1798761570, 1798761610, 1774746000, 1792890000, 1792895400,
      1772953200, 1775314800, 1835438400, 1835352000, 1835524800};

  std::size_t below(std::size_t limit) { return random_() % limit; }
  bool one_in(std::size_t many) { return below(many) == 0; }
  template <std::size_t kSize>
  std::string pick(const std::array<const char*, kSize>& choices) {
    return choices[below(kSize)];
  }
  std::string pick(std::initializer_list<const char*> choices) {
    return *(choices.begin() + below(choices.size()));
  }
  template <std::size_t kSize>
  std::int64_t pick_number(const std::array<std::int64_t, kSize>& choices) {
    return choices[below(kSize)];
  }

  // A pattern of some tokens in any order, and the form of what it finds.
  std::pair<std::string, std::string> made_pattern() {
    struct Token {
      const char* pattern;
      const char* form;
    };
    static constexpr std::array<Token, 29> kTokens{
        {{"%Y", "%Y"},   {"%y", "%y"},      {"%ExY", "%Y"}, {"%Exy", "%y"},   {"%m", "%m"},
         {"%Exm", "%m"}, {"%b", "%b"},      {"%B", "%B"},   {"%d", "%d"},     {"%d", "%e"},
         {"%Exd", "%d"}, {"%a", "%a"},      {"%A", "%A"},   {"%H", "%H"},     {"%ExH", "%H"},
         {"%k", "%k"},   {"%I", "%I"},      {"%l", "%l"},   {"%p", "%p"},     {"%M", "%M"},
         {"%ExM", "%M"}, {"%S", "%S"},      {"%ExS", "%S"}, {"%f", "250000"}, {"%z", "+0130"},
         {"%z", "UTC"},  {"%Exz", "-0200"}, {"%j", "%j"},   {"%Z", "CET"}}};
    static constexpr std::array kBetween{" ", "-", ":", "/", "  ", "T", ", ", "", " at "};
    // Each kind of token once: another place of the same would be a group twice.
    std::set<char> used;
    std::pair<std::string, std::string> made;
    for (std::size_t count = 2 + below(5); count > 0; --count) {
      const Token& token = kTokens[below(kTokens.size())];
      const std::string_view name(token.pattern);
      const char kind = name.back();
      const std::string_view alike = kind == 'b' || kind == 'B' || kind == 'm' ? "bBm"
                                     : kind == 'a' || kind == 'A'              ? "aA"
                                     : kind == 'H' || kind == 'k'              ? "Hk"
                                     : kind == 'I' || kind == 'l'              ? "Il"
                                     : kind == 'z' || kind == 'Z'              ? "zZ"
                                                                  : name.substr(name.size() - 1);
      if (std::any_of(alike.begin(), alike.end(), [&](char c) { return used.contains(c); })) {
        continue;
      }
      used.insert(kind);
      const std::string between = made.first.empty() ? "" : pick(kBetween);
      made.first += between + token.pattern;
      made.second += between + token.form;
    }
    // A month alone is refused (src/filter/README.md).
    if ((used.contains('m') || used.contains('b') || used.contains('B')) && !used.contains('d')) {
      made.first += " %d";
      made.second += " %d";
    }
    made.first =
        pick({"", "", "", "^", "{^LN-BEG}", "{*WD-BEG}", "{UNB}", "**", "x=", "\\["}) + made.first;
    made.second = (made.first[0] == 'x' ? "x=" : made.first[0] == '\\' ? "[" : "") + made.second;
    return made;
  }

  // What the pattern could find, as a form.
  std::string spelled_pattern(const std::string& patterns) {
    static const std::map<std::string, std::string> kSpelled{
        {"%d\\.%m\\.%y %k:%M", "%d.%m.%y %k:%M"},
        {"^%b %d %Y %I:%M:%S %p", "%b %d %Y %I:%M:%S %p"},
        {"%Exz %d/%b/%Y:%H:%M:%S", "CET+0100 %d/%b/%Y:%H:%M:%S"},
        {"%H:%M:%S %Z", "%H:%M:%S CEST"},
        {"%ExY%Exm%Exd%ExH%ExM%ExS", "%Y%m%d%H%M%S"},
        {"**%Y%m%d", "abc%Y%m%d"},
        {"%Y%m%d**", "%Y%m%dabc"},
        {"{UNB}%Y%m%d", "abc%Y%m%dabc"},
        {"^%Y%m%d %H$", "%Y%m%d %H"},
        {"{^LN-BEG}%l:%M %p", "%l:%M %p"},
        {"%d %b\n%H:%M:%S", "%d %b %H:%M:%S"},
        {"ts=(%Y-%m-%d) t=%H:%M", "ts=%Y-%m-%d t=%H:%M"},
        {"<{DATE}>", "<%d/%b/%Y:%H:%M:%S %z>"},
        {"^<W>{DATE}", "<W>%Y-%m-%d %H:%M:%S.5"},
        {"LEPOCH", "%s123"},
        {"{^LN-BEG}LEPOCH", "%s123456"},
        {"id={EPOCH}", "id=%s.123"},
        {"id={LEPOCH}", "id=%s123.5"},
        {"%d/%b[^/]*/%Y:%H:%M:%S %z", "%d/%B/%Y:%H:%M:%S %z"},
        {"^%m/%d %H:%M\n{^LN-BEG}", "%m/%d %H:%M"},
        {"^(?:%Y-)?%m-%d[ T]%H:%M:%S(?:\\.%f)?", "%m-%d %H:%M:%S.123456"},
    };
    if (const auto known = kSpelled.find(patterns); known != kSpelled.end()) {
      return known->second;
    }
    return patterns.find_first_of("{^") == std::string::npos ? patterns : pick(kForms);
  }

  std::string spell(std::string form, sys_seconds now) {
    // Near the time of reading, or anywhere in four years.
    const auto time = one_in(3) ? now - std::chrono::days(700) + seconds(random_() % 126'000'000)
                                : now - std::chrono::days(2) + seconds(random_() % 345'600);
    const std::time_t since_1970 = time.time_since_epoch().count();
    std::tm parts{};
    gmtime_r(&since_1970, &parts);
    if (const std::size_t at = form.find("{tai}"); at != std::string::npos) {
      form.replace(at, 5, fmt::format("4{:015x}1c16dc3c", since_1970));
    }
    if (const std::size_t at = form.find("%s"); at != std::string::npos) {
      form.replace(at, 2, std::to_string(since_1970));
    }
    std::array<char, 200> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), form.c_str(), &parts);
    return {text.data(), size};
  }

  void change(std::string& text) {
    constexpr std::string_view kCharacters = "0123456789 :/.-,TZ[]@<>+abMy_";
    for (std::size_t times = 1 + below(3); times > 0 && !text.empty(); --times) {
      const std::size_t at = below(text.size());
      const char c = kCharacters[below(kCharacters.size())];
      switch (below(3)) {
        case 0:
          text[at] = c;
          break;
        case 1:
          text.insert(at, 1, c);
          break;
        default:
          text.erase(at, 1);
      }
    }
  }

  std::mt19937 random_{20261125};
};

struct Expected {
  bool found = false;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::optional<std::int64_t> time;  // whole seconds
};

Expected read_expected(const std::string& line) {
  Expected expected;
  if (line == "-") {
    return expected;
  }
  expected.found = true;
  const std::size_t first = line.find('\t');
  const std::size_t second = line.find('\t', first + 1);
  expected.begin = std::stoul(line.substr(0, first));
  expected.end = std::stoul(line.substr(first + 1, second));
  if (line.substr(second + 1) != "none") {
    expected.time = static_cast<std::int64_t>(std::floor(std::stod(line.substr(second + 1))));
  }
  return expected;
}

// Do the clocks of `zone` change within a day of the time that two readings of a date differ by?
bool clocks_change(const TimeZone& zone, std::int64_t a, std::int64_t b) {
  const auto period = zone.period_at(sys_seconds(seconds(a)));
  const auto other = zone.period_at(sys_seconds(seconds(b)));
  const std::int64_t distance = std::abs(a - b);
  // An hour, half of one, or a day more or less.
  const bool even =
      distance % 1800 == 0 && (distance <= 3600 || std::abs(distance - 86'400) <= 3600);
  const sys_seconds later{seconds(std::max(a, b))};
  return even && (period.begin != other.begin ||
                  zone.period_at(later).end - later <= std::chrono::hours(2) ||
                  sys_seconds(seconds(std::max(a, b))) - period.begin <= std::chrono::hours(2) ||
                  period.end - sys_seconds(seconds(std::min(a, b))) <= std::chrono::hours(2));
}

// The difference between two readings of the time that is on purpose, by name; empty for none.
std::string known_difference(const DateFields& fields, std::optional<std::int64_t> ours,
                             std::optional<std::int64_t> theirs, util::WallTime now,
                             const TimeZone& zone, bool fixed_zone) {
  if (ours && !theirs && fields.second >= 60) {
    return "leap second";
  }
  constexpr std::int64_t kYear9999 = 253'402'300'799;
  const bool open = !fields.year || !(fields.month && fields.day);
  if (ours.has_value() != theirs.has_value() && fields.month == 2 && fields.day == 29 &&
      !fields.year && (fields.utc_offset || fixed_zone)) {
    return "29 February, by the clocks of two zones";
  }
  const bool two_zones = fields.utc_offset || fixed_zone;
  if (fields.year && !fields.month && !fields.day_of_year && two_zones) {
    return "the day of today in the year of the line, by the clocks of two zones";
  }
  if (!ours && theirs && *theirs > kYear9999) {
    return "a moment thousands of years ahead";
  }
  if (!ours || !theirs) {
    return "";
  }
  const std::int64_t distance = std::abs(*ours - *theirs);
  if (!fixed_zone && !fields.utc_offset && clocks_change(zone, *ours, *theirs)) {
    return "change of the clocks";
  }
  if (fields.day_of_year && !fields.year && distance == 86'400) {
    return "a day of the year, in a year that is not this one";
  }
  if (two_zones && open) {
    if (distance == 86'400) {
      return "a day off, by the clocks of two zones";
    }
    const std::int64_t year = 365 * 86'400;
    const std::int64_t ahead = std::max(*ours, *theirs) -
                               std::chrono::duration_cast<seconds>(now.time_since_epoch()).count() -
                               86'400;
    const bool is_a_year = std::abs(distance - year) <= 2 * 86'400 && distance % 86'400 == 0;
    if (is_a_year && std::abs(ahead) < 2 * 86'400) {
      return "a year off, by the clocks of two zones";
    }
  }
  return "";
}

// What came of comparing.
struct Tally {
  std::size_t lines = 0;
  std::size_t found = 0;
  std::map<std::string, std::size_t> differences;  // on purpose, by name
};

// Holds the dates in all of the cases against those of fail2ban.
Tally judge(const std::vector<Case>& cases) {
  std::string folder = (std::filesystem::temp_directory_path() / "warder_dates_XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const std::string cases_file = folder + "/cases";
  const std::string results_file = folder + "/results";
  {
    std::ofstream out(cases_file);
    for (const Case& made : cases) {
      std::string patterns = made.patterns;
      std::replace(patterns.begin(), patterns.end(), '\n', '\x1f');
      out << fmt::format("=\t{}\t{}\t{}\n", made.zone, made.logtimezone, patterns);
      for (const LogLine& line : made.lines) {
        out << fmt::format("{}\t{}\n",
                           std::chrono::duration_cast<seconds>(line.now.time_since_epoch()).count(),
                           line.text);
      }
    }
  }
  const std::string command = fmt::format("/usr/bin/python3 {} {} {} '{}'", ORACLE, cases_file,
                                          results_file, default_patterns()[13]);
  REQUIRE(std::system(command.c_str()) == 0);

  std::ifstream results(results_file);
  std::string result;
  Tally tally;
  for (const Case& each : cases) {
    Problems problems;
    const DateRecipe recipe(Option{each.patterns, {"case", 1}}, problems);
    INFO("pattern " << each.patterns);
    REQUIRE((each.may_be_refused || problems.empty()));
    const bool fixed = !each.logtimezone.empty();
    const TimeZone zone = TimeZone::parse(fixed ? each.logtimezone : each.zone).value();
    DateFinder finder(recipe.templates(), DateRules::kCompat);
    Calendar calendar(zone, DateRules::kCompat);
    bool comparable = problems.empty();
    for (const LogLine& line : each.lines) {
      REQUIRE(std::getline(results, result));
      ++tally.lines;
      if (result == "refused" || result == "long") {
        REQUIRE(each.may_be_refused);
        comparable = false;  // what it has learned is not known
      }
      if (!comparable) {
        continue;
      }
      const Expected expected = read_expected(result);
      const auto found = finder.find(line.text, line.now);
      INFO("zone " << each.zone << " " << each.logtimezone << ", pattern " << each.patterns
                   << ", now " << util::format_rfc3339(line.now) << ": " << line.text
                   << "\nfail2ban: " << result);
      if (!recipe.expects_date()) {
        // fail2ban finds nothing at the begin of the line, for us there is no date.
        CHECK((!found && expected.found && expected.begin == expected.end));
        continue;
      }
      if (found && !expected.found && found->fields.epoch &&
          each.patterns.find("{DATE}") != std::string::npos) {
        ++tally.differences["{DATE} stands for epochs too"];
        comparable = false;  // from here on we have learned something else
        continue;
      }
      if (found && expected.found && found->begin != expected.begin &&
          each.patterns.find("EPOCH") != std::string::npos &&
          each.patterns.find('(') != std::string::npos) {
        ++tally.differences["of {EPOCH} in a group of one's own older releases cut out more"];
        comparable = false;
        continue;
      }
      CHECK(found.has_value() == expected.found);
      if (!found || !expected.found) {
        continue;
      }
      ++tally.found;
      CHECK(found->begin == expected.begin);
      CHECK(found->end == expected.end);
      const auto time = calendar.resolve(found->fields, line.now);
      const std::optional<std::int64_t> ours =
          time ? std::optional<std::int64_t>(
                     std::chrono::floor<seconds>(*time).time_since_epoch().count())
               : std::nullopt;
      if (ours != expected.time) {
        const std::string name =
            known_difference(found->fields, ours, expected.time, line.now, zone, fixed);
        INFO("ours: " << (time ? util::format_rfc3339(*time) : "none"));
        CHECK_FALSE(name.empty());
        ++tally.differences[name];
      }
    }
  }
  CHECK_FALSE(std::getline(results, result));
  std::filesystem::remove_all(folder);
  for (const auto& [name, count] : tally.differences) {
    WARN(fmt::format("{} of {} dates differ: {}", count, tally.found, name));
  }
  return tally;
}

// The files of the folders that are named, or of those with the seeds.
std::vector<std::string> fuzz_inputs() {
  const char* named = std::getenv("WARDER_DATE_INPUTS");
  std::vector<std::string> inputs;
  for (const std::string_view folder : util::split(
           named == nullptr ? WARDER_SOURCE_DIR "/tests/fuzz/filter_date/seeds" : named, ':')) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.is_regular_file()) {
        std::ifstream in(entry.path(), std::ios::binary);
        inputs.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
      }
    }
  }
  std::sort(inputs.begin(), inputs.end());
  return inputs;
}

}  // namespace

TEST_CASE("the same dates as fail2ban, line by line") {
  Generator generator;
  std::vector<Case> cases;
  std::generate_n(std::back_inserter(cases), kCases, [&] { return generator.next(); });
  const Tally tally = judge(cases);
  // The generator is worth something.
  CHECK(tally.found > tally.lines / 3);
}

TEST_CASE("the same dates as fail2ban in what the fuzz target reads", "[fuzz]") {
  const util::WallTime now{seconds(1793620800)};
  std::vector<Case> cases;
  for (const std::string& input : fuzz_inputs()) {
    std::vector<LogLine> lines;
    for (const std::string_view text : util::split(input, '\n')) {
      // What is text for both: bytes are ASCII, and nothing in them is ours to separate with.
      const auto is_plain = [](char c) { return c >= ' ' && c <= '~'; };
      if (text.size() <= 400 && std::all_of(text.begin(), text.end(), is_plain)) {
        lines.push_back({now, std::string(text)});
      }
    }
    cases.push_back({"UTC", "", "", lines, true});
    if (lines.size() > 1 && !lines[0].text.empty()) {
      const std::string pattern = lines[0].text;
      lines.erase(lines.begin());
      cases.push_back({"UTC", "", pattern, lines, true});
    }
  }
  CHECK(judge(cases).found > 10);
}
