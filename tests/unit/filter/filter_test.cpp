#include "filter/filter.h"

#include "config/file_reader.h"
#include "filter/matcher.h"

#include <catch2/catch.hpp>

#include <map>
#include <set>

using namespace warder::filter;
using warder::util::Error;
using warder::util::ErrorCode;

namespace {

// Files in memory, by path.
class Files : public warder::config::FileReader {
 public:
  using Contents = std::map<std::string, std::string>;
  explicit Files(Contents files) : files_(std::move(files)) {}

  warder::util::Result<std::string> read(const std::string& path,
                                         warder::util::ByteCount) override {
    const auto found = files_.find(path);
    if (found == files_.end()) {
      return Error(ErrorCode::kNotFound, path + ": No such file or directory");
    }
    return found->second;
  }
  warder::util::Result<std::vector<std::string>> list(const std::string& folder) override {
    std::set<std::string> names;
    for (const auto& [path, text] : files_) {
      if (path.starts_with(folder + "/")) {
        const std::string rest = path.substr(folder.size() + 1);
        names.insert(rest.substr(0, rest.find('/')));
      }
    }
    if (names.empty()) {
      return Error(ErrorCode::kNotFound, folder + ": No such file or directory");
    }
    return std::vector<std::string>(names.begin(), names.end());
  }

 private:
  Contents files_;
};

FilterRequest request(std::map<std::string, std::string> parameters = {}) {
  FilterRequest result;
  result.name = "x";
  result.parameters = std::move(parameters);
  result.given_at = {"jails/x.conf", 7};
  result.folders = {"local", "shipped"};
  return result;
}

std::string refusal(const std::string& text, const FilterRequest& wanted = request()) {
  Files files(Files::Contents{{"shipped/x.conf", text}});
  const auto filter = load_filter(wanted, files);
  return filter ? "accepted" : filter.error().message();
}

const std::string kDefinition =
    "[Definition]\nmode = normal\nfailregex = ^ fail-<mode> <HOST>$\n[Samples]\n";

}  // namespace

TEST_CASE("a filter is loaded with its samples") {
  Files files(Files::Contents{
      {"shipped/x.conf", kDefinition +
                             "match = 192.0.2.1 @mode=normal | Nov  2 11:58:01 fail-normal "
                             "192.0.2.1\n"
                             "        192.0.2.1 @mode=hard,soft | Nov  2 11:58:01 fail-hard "
                             "192.0.2.1\n"
                             "reject = fail-normal\n"}});
  const auto normal = load_filter(request(), files);
  REQUIRE(normal);
  CHECK((*normal)->name() == "x");
  CHECK((*normal)->format() == Format::kText);
  CHECK((*normal)->patterns()[0].text == "^ fail-normal <HOST>$");
  CHECK((*normal)->patterns()[0].place.file == "shipped/x.conf");
  CHECK((*normal)->patterns()[0].place.line == 3);
  CHECK((*normal)->samples().size() == 2);
  const auto hard = load_filter(request({{"mode", "hard"}}), files);
  REQUIRE(hard);
  CHECK((*hard)->samples()[0].lines ==
        std::vector<std::string>{"Nov  2 11:58:01 fail-hard 192.0.2.1"});
}

TEST_CASE("the first folder that has the filter counts, and .local files override") {
  const std::string samples = "[Samples]\nmatch = 192.0.2.1 | b 192.0.2.1\nreject = c\n";
  Files files(
      Files::Contents{{"shipped/x.conf", "[Definition]\nfailregex = ^a <HOST>$\n" + samples},
                      {"shipped/x.local", "[Definition]\nfailregex = ^b <HOST>$\n"}});
  const auto overridden = load_filter(request(), files);
  REQUIRE(overridden);
  CHECK((*overridden)->patterns()[0].place.file == "shipped/x.local");
  Files both(Files::Contents{{"shipped/x.conf", "[Definition]\nfailregex = ^a <HOST>$\n" + samples},
                             {"local/x.conf", "[Definition]\nfailregex = ^b <HOST>$\n" + samples}});
  const auto local = load_filter(request(), both);
  REQUIRE(local);
  CHECK((*local)->patterns()[0].place.file == "local/x.conf");
}

TEST_CASE("a filter that cannot be found") {
  Files files(Files::Contents{{"shipped/y.conf", ""}});
  const auto missing = load_filter(request(), files);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == ErrorCode::kNotFound);
  CHECK(missing.error().message() ==
        "there is no filter 'x': no x.conf in local, shipped; did you mean y?");
  for (const char* name : {"", ".", "../y", "a/b", "a b"}) {
    FilterRequest wanted = request();
    wanted.name = name;
    INFO(name);
    CHECK(refusal("", wanted) ==
          "'" + std::string(name) +
              "' is no name of a filter; a name has letters, digits, '-', '_' and '.'");
  }
}

TEST_CASE("a filter must prove itself by samples of both kinds") {
  CHECK(refusal(kDefinition) ==
        "shipped/x.conf: the filter has no sample line that must match; write one under "
        "[Samples] as 'match = ...'\n"
        "shipped/x.conf: the filter has no sample line that must not match; write one under "
        "[Samples] as 'reject = ...'");
  FilterRequest lenient = request();
  lenient.samples = SamplePolicy::kAllowNone;
  CHECK(refusal(kDefinition, lenient) == "accepted");
  CHECK(refusal(kDefinition + "match = 192.0.2.1 | fail 192.0.2.1\n", lenient) ==
        "shipped/x.conf:5: sample must give one finding of 192.0.2.1, gives none: fail 192.0.2.1");
}

TEST_CASE("samples that fail say what came instead") {
  const std::string head =
      "[Definition]\n"
      "prefregex = ^ \\[<F-MLFID>\\d+</F-MLFID>\\] <F-CONTENT>.*</F-CONTENT>$\n"
      "failregex = ^fail <F-USER>\\w+</F-USER> <ADDR>$\n"
      "datepattern = {DEFAULT}\n"
      "[Samples]\n"
      "reject = c\n";
  const auto sample = [&](const std::string& text) { return refusal(head + "match = " + text); };
  CHECK(sample("192.0.2.1 | Nov  2 11:58:01 [1] fail bob 192.0.2.1") == "accepted");
  CHECK(sample("192.0.2.2 | Nov  2 11:58:01 [1] fail bob 192.0.2.1") ==
        "shipped/x.conf:7: sample must give 192.0.2.2, gives 192.0.2.1: Nov  2 11:58:01 [1] fail "
        "bob 192.0.2.1");
  CHECK(sample("192.0.2.1 user=eve | Nov  2 11:58:01 [1] fail bob 192.0.2.1") ==
        "shipped/x.conf:7: sample must give user 'eve', gives 'bob': Nov  2 11:58:01 [1] fail bob "
        "192.0.2.1");
  CHECK(sample("192.0.2.1 time=2026-11-02T11:58:02Z | Nov  2 11:58:01 [1] fail bob 192.0.2.1") ==
        "shipped/x.conf:7: sample must give time 2026-11-02T11:58:02Z, gives "
        "2026-11-02T11:58:01Z: Nov  2 11:58:01 [1] fail bob 192.0.2.1");
  CHECK(sample("192.0.2.1 time=2026-11-02T11:58:02Z |  [1] fail bob 192.0.2.1") ==
        "shipped/x.conf:7: sample must give time 2026-11-02T11:58:02Z, gives no time of the "
        "line's own:  [1] fail bob 192.0.2.1");
  CHECK(sample("192.0.2.1 | Nov  2 11:58:01 [1] fail bob 999.0.2.1") ==
        "shipped/x.conf:7: sample must give one finding of 192.0.2.1, gives none (bad address: "
        "'999.0.2.1'): Nov  2 11:58:01 [1] fail bob 999.0.2.1");
  CHECK(sample("192.0.2.1 | Nov  2 11:58:01 [1] fail bob 192.0.2.1\n"
               "  + Nov  2 11:58:01 [1] fail bob 192.0.2.3") ==
        "shipped/x.conf:7: sample must give one finding of 192.0.2.1, gives 192.0.2.1 and "
        "192.0.2.3: Nov  2 11:58:01 [1] fail bob 192.0.2.3");
  CHECK(refusal(head + "  Nov  2 11:58:01 [1] fail bob 192.0.2.1\nmatch = 192.0.2.1 | Nov  2 "
                       "11:58:01 [1] fail bob 192.0.2.1") ==
        "shipped/x.conf:7: sample must give no finding, gives 192.0.2.1: Nov  2 11:58:01 [1] fail "
        "bob 192.0.2.1");
}

TEST_CASE("samples that cannot be read") {
  const std::string ok = kDefinition + "reject = c\n         d\n";
  CHECK(refusal(ok + "match = fail") ==
        "shipped/x.conf:7: a sample that must match is written 'ADDRESS | LINE'");
  CHECK(refusal(ok + "match = user=x | fail") ==
        "shipped/x.conf:7: a sample that must match names the address that it must give");
  CHECK(refusal(ok + "match = 192.0.2.1 colour=red time=now | fail") ==
        "shipped/x.conf:7: 'colour=red' says nothing about a sample; allowed are ADDRESS, "
        "user=NAME, time=RFC3339, rule=NAME and @OPTION=VALUE,VALUE\n"
        "shipped/x.conf:7: 'time=now' says nothing about a sample; allowed are ADDRESS, "
        "user=NAME, time=RFC3339, rule=NAME and @OPTION=VALUE,VALUE");
  CHECK(refusal(ok + "match = + fail") ==
        "shipped/x.conf:7: a line with '+' continues a sample, and there is none before");
  CHECK(refusal(kDefinition + "reject = @mode=normal c\nmatches = x") ==
        "shipped/x.conf:5: conditions of a sample end with ' | '\n"
        "shipped/x.conf:6: 'matches' is nothing that [Samples] knows; allowed are match and "
        "reject");
}

TEST_CASE("parameters must be options of the filter and have a value it knows") {
  CHECK(refusal(kDefinition, request({{"mdoe", "hard"}})) ==
        "jails/x.conf:7: filter x has no parameter 'mdoe'; did you mean mode?");
  const std::string text =
      "[Definition]\nmode = normal\nlines-normal = ^ <HOST>$\nfailregex = <lines-<mode>>\n";
  CHECK(refusal(text, request({{"mode", "agressive"}})) ==
        "shipped/x.conf:4: failregex '<lines-agressive>': column 1: the filter has no option "
        "'lines-agressive' for <lines-agressive>; write [<] where '<' itself is meant");
}

TEST_CASE("other errors come with their place") {
  CHECK(refusal("[Definition]\nformat = xml\n") ==
        "shipped/x.conf:2: format = 'xml': allowed are text and json");
  CHECK(refusal("[Definition]\nfailregex = <HOST>\nfailregex = <HOST>\n")
            .rfind("shipped/x.conf:3: ", 0) == 0);
  CHECK(refusal("[Definition]\nfailregex = %(nothing)s\n") ==
        "shipped/x.conf:2: [Definition] failregex: %(nothing)s is set nowhere");
}

TEST_CASE("journalmatch is handed on") {
  Files files(Files::Contents{
      {"shipped/x.conf", "[Definition]\nfailregex = <HOST>\njournalmatch = A=1\n B=2\n"}});
  FilterRequest wanted = request();
  wanted.samples = SamplePolicy::kAllowNone;
  const auto filter = load_filter(wanted, files);
  REQUIRE(filter);
  CHECK((*filter)->journalmatch() == std::vector<std::string>{"A=1", "B=2"});
}

namespace {

class Findings : public MatchHandler {
 public:
  void on_finding(std::size_t filter, warder::model::Finding&& finding) override {
    said += std::to_string(filter) + ":" + finding.address.to_string() + " ";
  }
  void on_notice(std::size_t filter, const Notice& notice) override {
    said += std::to_string(filter) + "!" + std::string(to_string(notice.kind)) + " ";
  }
  std::string said;
};

}  // namespace

TEST_CASE("a matcher takes text and JSON filters of one log") {
  Files files(Files::Contents{
      {"shipped/x.conf", "[Definition]\nfailregex = ^fail <HOST>$\ndatepattern = {NONE}\n"}});
  FilterRequest wanted = request();
  wanted.samples = SamplePolicy::kAllowNone;
  const auto filter = load_filter(wanted, files).value();
  auto matcher = Matcher::build({filter, filter}, {}).value();
  Findings findings;
  warder::model::Line line;
  line.text = "fail 192.0.2.1";
  matcher->match(line, warder::util::WallTime{}, findings);
  CHECK(findings.said == "0:192.0.2.1 1:192.0.2.1 ");
  CHECK(matcher->counters(1).findings == 1);
  CHECK(matcher->counters(1).patterns == std::vector<std::uint64_t>{1});
}
