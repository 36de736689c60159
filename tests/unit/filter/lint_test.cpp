#include "filter/lint.h"

#include "config/file_reader.h"
#include "unit/filter/lint_support.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <string>
#include <vector>

using namespace warder::filter;

namespace {

// What the lint says of one failregex.
PatternLint judge(const std::string& failregex) {
  const Linted linted = lint("failregex = " + failregex + "\n");
  REQUIRE(linted.report.patterns.size() == 1);
  return linted.report.patterns[0];
}

Safety safety(const std::string& failregex) { return judge(failregex).safety; }

}  // namespace

TEST_CASE("patterns whose address no text can move are proven") {
  for (const char* failregex :
       {"^login of <F-USER>.*</F-USER> from <HOST>$", "^login from <HOST> as .*$", "^<HOST> - .*$",
        "^from <HOST>: .*", "^user .* \\[<HOST>\\] port \\d+(?: \\[preauth\\])?$",
        "^[a-f0-9]+: <HOST> failed", "^login of (?:.* )?from <HOST>$",
        "^(?:login|logon) from <HOST> for (?:\\S+ )*$", "^client <HOST>:\\d+ did .*$",
        "(?i)^LOGIN FROM <HOST>$", "from <HOST>\\s*$", "^x <IP4> .*$", "^x <SUBNET> .*$",
        "^a <F-ID>[\\d.]+</F-ID> .*$"}) {
    INFO(failregex);
    CHECK(safety(failregex) == Safety::kProven);
  }
}

TEST_CASE("patterns whose address can be moved come with a line that moves it") {
  struct Bad {
    const char* what;
    const char* failregex;
  };
  const std::vector<Bad> bad{
      {"not anchored", "login failed from <HOST>\\s"},
      {"name before the address, no end", "^login of .* from <HOST>\\s"},
      {"name before the address, anything behind", "^login of .* from <HOST> .*$"},
      {"lazy name", "^login of .*? from <HOST>\\s"},
      {"anchored by what can be repeated", "^.*\\[client <HOST>\\] user .* not found"},
      {"host name in front that may hold anything", "^reject: RCPT from .*\\[<HOST>\\]: 554"},
      {"address ends where text begins", "^from <HOST>"},
      {"an alternative without an anchor", "^login of .* from|denied to <HOST> "},
      {"quotes do not help where quotes are not escaped", "user \"[^\"]*\" from <HOST>\\s"},
  };
  for (const Bad& pattern : bad) {
    INFO(pattern.what << ": " << pattern.failregex);
    const Linted linted = lint("failregex = " + std::string(pattern.failregex) + "\n");
    const PatternLint& found = linted.report.patterns[0];
    CHECK(found.safety == Safety::kUnsafe);
    REQUIRE(found.example);
    INFO(found.example->line);
    CHECK(found.example->confirmed);
    CHECK(found.example->genuine != found.example->taken);
    // Not by the lint's own word.
    CHECK(find_address(linted.filter, found.example->line) == found.example->taken);
    CHECK(linted.report.errors.size() == 1);
  }
}

TEST_CASE("the classes of a pattern are no promise of the program") {
  const char* failregex = "^user \"[^\"]*\" failed, client: <HOST>, server: ";
  const Linted linted = lint("failregex = " + std::string(failregex) + "\n");
  const PatternLint& found = linted.report.patterns[0];
  CHECK(found.safety == Safety::kFields);
  REQUIRE(found.example);
  CHECK(found.example->line ==
        "user \"\" failed, client: 192.0.2.1, server:\" failed, client: "
        "203.0.113.9, server:");
  CHECK(found.example->genuine == "203.0.113.9");
  CHECK(found.example->taken == "192.0.2.1");
  CHECK(find_address(linted.filter, found.example->line) == "192.0.2.1");
  REQUIRE(linted.report.errors.size() == 1);
  CHECK(linted.report.errors[0] ==
        "filters/x.conf:2: failregex '^user \"[^\"]*\" failed, client: <HOST>, server:': a field "
        "that holds more than its pattern says can move the address: in 'user \"\" failed, client: "
        "192.0.2.1, server:\" failed, client: 203.0.113.9, server:' the program wrote 203.0.113.9, "
        "and it reads 192.0.2.1; anchor the pattern, or say why the field cannot: assume = FIELD "
        "because REASON, or accept it: accept-unsafe = PART OF THE PATTERN because REASON");
}

TEST_CASE("assume keeps a field to its class, and says why") {
  const std::string failregex = "failregex = ^user \"[^\"]*\" by \\S+ failed: <HOST>\\s\n";
  CHECK(lint(failregex).report.patterns[0].safety == Safety::kFields);
  CHECK(lint(failregex + "assume = [^\"]* because it is escaped\n").report.patterns[0].safety ==
        Safety::kFields);
  const Linted both = lint(failregex +
                           "assume = [^\"]* because it is escaped\n"
                           "         \\S+ because it is one of three words\n");
  CHECK(both.report.patterns[0].safety == Safety::kAssumed);
  CHECK_FALSE(both.report.patterns[0].example);
  CHECK(both.report.errors.empty());
  CHECK(both.report.warnings.empty());
  // It does not help where the pattern itself is ambiguous.
  const Linted vain = lint(
      "failregex = user \\S+ from <HOST>\\s\nassume = \\S+ because it is one of three words\n");
  CHECK(vain.report.patterns[0].safety == Safety::kUnsafe);
}

TEST_CASE("accept-unsafe turns the refusal into a warning") {
  const Linted linted = lint(
      "failregex = ^login from <HOST>$\n"
      "            logon from <HOST> \n"
      "accept-unsafe = logon from because nobody reaches it\n");
  CHECK(linted.report.patterns[0].safety == Safety::kProven);
  CHECK_FALSE(linted.report.patterns[0].accepted);
  CHECK(linted.report.patterns[1].safety == Safety::kUnsafe);
  CHECK(linted.report.patterns[1].accepted);
  CHECK(linted.report.errors.empty());
  REQUIRE(linted.report.warnings.size() == 1);
  CHECK(linted.report.warnings[0].ends_with("(accepted)"));
}

TEST_CASE("what is wrong with assume and accept-unsafe is told") {
  const Linted linted = lint(
      "failregex = ^login from <HOST>$\n"
      "assume = \\S+\n"
      "         abc because it is\n"
      "         [a-z]+ because it once was\n"
      "accept-unsafe = logon because it once was\n");
  CHECK(
      linted.report.errors ==
      std::vector<std::string>{
          "filters/x.conf:3: assume = '\\S+': write '... because REASON'; who reads the filter has "
          "to know why it holds",
          "filters/x.conf:4: assume = 'abc': write one repetition as it stands in a pattern, as "
          "\\S+ or [^\"]*"});
  CHECK(linted.report.warnings ==
        std::vector<std::string>{"filters/x.conf:5: '[a-z]+' stands in no pattern any more",
                                 "filters/x.conf:6: 'logon' stands in no pattern any more"});
}

TEST_CASE("a pattern is judged within its prefix, and the frame before the content is the log's") {
  const std::string prefix = "prefregex = ^\\S+ daemon\\[\\d+\\]: <F-CONTENT>.+</F-CONTENT>$\n";
  CHECK(lint(prefix + "failregex = ^login of .* from <HOST>$\n").report.patterns[0].safety ==
        Safety::kProven);
  CHECK(lint(prefix + "failregex = login from <HOST> \n").report.patterns[0].safety ==
        Safety::kUnsafe);
  // An end that is the content's and not the line's.
  CHECK(lint("prefregex = ^daemon: <F-CONTENT>.+</F-CONTENT> \\(.*\\)$\n"
             "failregex = ^login of .* from <HOST>$\n")
            .report.patterns[0]
            .safety == Safety::kUnsafe);
  // The address in the prefix.
  CHECK(lint("prefregex = ^\\[client <HOST>\\] <F-CONTENT>.+</F-CONTENT>$\nfailregex = ^denied\n")
            .report.patterns[0]
            .safety == Safety::kProven);
}

TEST_CASE("a line of one pattern that another one reads differently is found") {
  const Linted linted = lint(
      "failregex = ^login of <F-USER>.*</F-USER> failed: <HOST>$\n"
      "            ^login of <F-USER>\\S*</F-USER> from <HOST> refused");
  CHECK(linted.report.patterns[0].safety == Safety::kUnsafe);
  REQUIRE(linted.report.patterns[0].example);
  const Counterexample& example = *linted.report.patterns[0].example;
  INFO(example.line);
  CHECK(find_address(linted.filter, example.line) == example.taken);
}

TEST_CASE("the name of a session is guarded like an address") {
  CHECK(lint("failregex = ^<F-NOFAIL>x</F-NOFAIL> <F-MLFID>\\d+</F-MLFID> .* from <HOST>$\n")
            .report.patterns[0]
            .safety == Safety::kProven);
  const Linted linted = lint("failregex = ^.* id=<F-MLFID>\\d+</F-MLFID> .* from <HOST>$\n");
  CHECK(linted.report.patterns[0].safety == Safety::kUnsafe);
}

TEST_CASE("an ignoreregex that text from outside satisfies is told") {
  const std::string failregex = "failregex = ^login of .* from <HOST>$\n";
  const auto warnings = [&](const std::string& ignoreregex) {
    return lint(failregex + "ignoreregex = " + ignoreregex + "\n").report.warnings;
  };
  REQUIRE(warnings("monitor").size() == 1);
  CHECK(warnings("monitor")[0] ==
        "filters/x.conf:3: ignoreregex 'monitor': who attacks can hide behind it, because it asks "
        "only for text that he may write, as in 'login of monitor from ::'; ask for the address as "
        "well, or use ignoreip");
  CHECK(warnings("^login of monitor from").size() == 1);
  CHECK(warnings("^login of .* from 192\\.0\\.2\\.7$").empty());
  CHECK(warnings("^logon").empty());
}

TEST_CASE("the size of what is analysed is bounded, and what is not analysed is told") {
  const std::string wide = "^(?:(?:a?b?c?d?e?){20}){20}(?:x{20}y{20}){20} <HOST>$";
  const Linted linted = lint("failregex = " + wide + "\n");
  CHECK(linted.report.patterns[0].safety == Safety::kUnknown);
  REQUIRE(linted.report.errors.size() == 1);
  const std::string error = linted.report.errors[0];
  CHECK(
      error.ends_with("': it is too large to prove that injected text cannot move its address; "
                      "make it simpler, or accept it: accept-unsafe = PART OF THE PATTERN "
                      "because REASON"));
  // People are told how many there are, behind everything else.
  CHECK(with_unproven_counted({error, "x.conf:3: odd"}) ==
        std::vector<std::string>{"x.conf:3: odd",
                                 "1 of its patterns is too large to prove that injected text "
                                 "cannot move the address"});
  CHECK(with_unproven_counted({error, error}) ==
        std::vector<std::string>{"2 of its patterns are too large to prove that injected text "
                                 "cannot move the address"});
  CHECK(with_unproven_counted({}).empty());
}

TEST_CASE("own filters are refused, and those of fail2ban warned about") {
  const std::string text =
      "[Definition]\nfailregex = from <HOST> \n[Samples]\nmatch = 192.0.2.1 | from 192.0.2.1 x\n"
      "reject = x\n";
  warder::testing::MemoryFiles files(std::map<std::string, std::string>{{"filters/x.conf", text}});
  FilterRequest request;
  request.name = "x";
  request.folders = {"filters"};
  const auto refused = load_filter(request, files);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message().starts_with(
      "filters/x.conf:2: failregex 'from <HOST>': injected text can move the address: in "));
  request.samples = SamplePolicy::kAllowNone;
  const auto warned = load_filter(request, files);
  REQUIRE(warned.has_value());
  REQUIRE((*warned)->warnings().size() == 1);
  CHECK((*warned)->warnings()[0] == refused.error().message());
}

TEST_CASE("a shipped filter in a jail with expressions of its own is proven as by itself") {
  FilterRequest request;
  request.name = "sshd";
  request.folders = {std::filesystem::path(WARDER_SOURCE_DIR) / "filters"};
  request.samples = SamplePolicy::kLintOnly;
  const auto whole = load_filter(request);
  REQUIRE(whole.has_value());
  CHECK((*whole)->warnings() == std::vector<std::string>{});
  request.jail_options["failregex"] = {
      "^Invalid user <F-USER>.*</F-USER> from <HOST> port \\d+$\n^own .* <HOST> .*$",
      {"jails/x.conf", 3}};
  const auto extended = load_filter(request);
  REQUIRE(extended.has_value());
  REQUIRE((*extended)->warnings().size() == 1);
  CHECK((*extended)->warnings()[0].starts_with(
      "jails/x.conf:4: failregex '^own .* <HOST> .*$': injected text can move the address: "));
}

TEST_CASE("a log that others can forge is refused until a jail accepts it by name") {
  const std::string text =
      "[Definition]\nfailregex = ^login from <HOST>$\nforgeable = names are written as they come\n"
      "forged-lines = refused\n"
      "[Samples]\nmatch = 192.0.2.1 | login from 192.0.2.1\nreject = x\n";
  warder::testing::MemoryFiles files(std::map<std::string, std::string>{{"filters/x.conf", text}});
  FilterRequest request;
  request.name = "x";
  request.folders = {"filters"};
  const std::string why =
      "filters/x.conf:3: no pattern is safe in this log: names are written as they come. Whoever "
      "may talk to the program can have any address banned";
  const auto refused = load_filter(request, files);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message() ==
        why +
            "; let only trusted networks reach it, or accept it by name: filter = "
            "NAME[forged-lines=accepted]");
  // A jail's own expressions read the same log.
  request.samples = SamplePolicy::kLintOnly;
  request.jail_options = {{"failregex", {"^login from <HOST> ok$", {"jails/x.conf", 4}}}};
  const auto extended = load_filter(request, files);
  REQUIRE_FALSE(extended.has_value());
  CHECK(extended.error().message() == refused.error().message());
  // Who only tries a filter is told.
  request.samples = SamplePolicy::kAllowNone;
  request.jail_options.clear();
  const auto tried = load_filter(request, files);
  REQUIRE(tried.has_value());
  CHECK((*tried)->warnings() == std::vector<std::string>{refused.error().message()});
  request.samples = SamplePolicy::kRequire;
  request.parameters = {{"forged-lines", "accepted"}};
  const auto accepted = load_filter(request, files);
  REQUIRE(accepted.has_value());
  CHECK((*accepted)->warnings() == std::vector<std::string>{why + " (accepted)"});
}

TEST_CASE("slips that the compiler cannot see are told") {
  const Linted named = lint("addr = x\nfailregex = ^login from <HOST>$\n");
  REQUIRE_FALSE(named.report.errors.empty());
  CHECK(named.report.errors.back() ==
        "filters/x.conf:2: the option 'addr' has the name of a tag and would take its place in the "
        "expressions; give it another name");

  const Linted lonely = lint("failregex = ^<F-NOFAIL>login</F-NOFAIL> from <HOST>$\n");
  CHECK(
      lonely.report.warnings ==
      std::vector<std::string>{
          "filters/x.conf:2: failregex '^<F-NOFAIL>login</F-NOFAIL> from <HOST>$': <F-NOFAIL> does "
          "nothing without <F-MLFID>, so that each such line counts as a failure"});

  warder::testing::MemoryFiles files(std::map<std::string, std::string>{
      {"filters/x.conf",
       "[Definition]\nfailregex = ^login; from <HOST>$\n            ^logon from <HOST>: x ; .*$\n"
       "datepattern = {NONE} ; as it is\n"}});
  FilterRequest request;
  request.name = "x";
  request.folders = {"filters"};
  request.samples = SamplePolicy::kAllowNone;
  const auto cut = load_filter(request, files);
  REQUIRE(cut.has_value());
  CHECK((*cut)->warnings().back() ==
        "filters/x.conf:3: ' ;' begins a comment, so that '; .*$' is cut off; write [;] where a "
        "semicolon is meant");

  const std::string taken =
      "prefregex = ^d: <F-CONTENT>.+</F-CONTENT>$\nfailregex = ^login from <HOST>$\n"
      "ignoreregex = ^x\n";
  CHECK(lint(taken).report.warnings.empty());
  warder::testing::MemoryFiles other(
      std::map<std::string, std::string>{{"filters/x.conf", "[Definition]\n" + taken}});
  const auto from_fail2ban = load_filter(request, other);
  REQUIRE(from_fail2ban.has_value());
  CHECK(
      (*from_fail2ban)->warnings() ==
      std::vector<std::string>{
          "filters/x.conf:4: ignoreregex '^x': it is tried at the begin of the message and of the "
          "content; fail2ban would try it at the begin of the content only"});
}

TEST_CASE("every shipped filter is proven, or says why not") {
  warder::config::DiskFiles files;
  const auto folder = std::filesystem::path(WARDER_SOURCE_DIR) / "filters";
  std::size_t patterns = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() != ".conf") {
      continue;
    }
    INFO(file.path());
    FilterRequest request;
    request.name = file.path().stem().string();
    request.folders = {folder};
    std::vector<std::string> modes{""};
    const Definition definition = read_filter_file(request, files).value();
    for (const auto& [name, option] : definition.sections.at("Definition")) {
      if (name.starts_with("lines-")) {
        modes.push_back(name.substr(6));
      }
    }
    for (const std::string& mode : modes) {
      INFO("mode " << mode);
      if (!mode.empty()) {
        request.parameters = {{"mode", mode}};
      }
      // Accepted by name: asterisk's mode=all, and all that MariaDB writes and phpMyAdmin to
      // syslog.
      const bool forgeable =
          request.name == "mariadb" || (request.name == "phpmyadmin" && mode != "apache");
      if (forgeable) {
        request.parameters["forged-lines"] = "accepted";
      }
      const bool accepted = request.name == "asterisk" && mode == "all";
      const Linted linted = lint(request, files);
      CHECK(linted.report.errors.empty());
      for (const PatternLint& pattern : linted.report.patterns) {
        ++patterns;
        CHECK((pattern.safety == Safety::kProven || pattern.safety == Safety::kAssumed ||
               (pattern.accepted && accepted)));
      }
      CHECK(linted.report.warnings.size() == (accepted || forgeable ? 1 : 0));
    }
  }
  CHECK(patterns > 150);
}
