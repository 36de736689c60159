// The shipped sshd filter on lines of any kind. Whatever a log holds: no finding names an address
// that no line of it holds; a line that sshd wrote itself, with the input as the name of the user,
// gives the address that sshd put there and no other.
#include "filter/filter.h"
#include "filter/matcher.h"
#include "fuzz/require.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

using namespace warder;
using warder::testing::require;
using namespace warder::filter;

namespace {

class Collect : public MatchHandler {
 public:
  void on_finding(std::size_t, model::Finding&& finding) override {
    findings.push_back(std::move(finding));
  }
  void on_notice(std::size_t, const Notice&) override {}
  std::vector<model::Finding> findings;
};

std::unique_ptr<Matcher> make_matcher() {
  FilterRequest request;
  request.name = "sshd";
  request.parameters = {{"mode", "aggressive"}};
  request.folders = {std::filesystem::path(WARDER_SOURCE_DIR) / "filters"};
  MatcherOptions options;
  options.lines.zone = TimeZone();
  return Matcher::build({load_filter(request).value()}, options).value();
}

const util::WallTime kNow{std::chrono::seconds(1793620800)};

void match(Matcher& matcher, std::string_view text, Collect& collect) {
  model::Line line;
  line.text = text;
  matcher.match(line, kNow, collect);
}

// As sshd writes it: control characters escaped (vis), cut to the length that sshd takes.
std::string as_name(std::string_view bytes) {
  std::string name;
  for (const char c : bytes.substr(0, 100)) {
    name += c >= ' ' && c != '\\' && c < 127 ? std::string(1, c) : std::string("_");
  }
  return name;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::unique_ptr<Matcher> matcher = make_matcher();
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  matcher->forget_sessions();
  Collect raw;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    match(*matcher, text.substr(begin, end - begin), raw);
    begin = end + 1;
  }
  for (const model::Finding& finding : raw.findings) {
    require(finding.address.is_single());
    require(finding.text.size() <= kLongestText);
    const std::string four = finding.address.to_string();
    // An IPv6 address may stand there in another spelling.
    require(finding.address.family() == net::Family::kIpv6 ||
            text.find(four) != std::string_view::npos ||
            text.find("::ffff") != std::string_view::npos);
    require(finding.time <= kNow);
  }

  const std::string name = as_name(text);
  const std::string head = "Nov  2 11:58:01 web sshd[4242]: ";
  const std::string peer = "203.0.113.77";
  for (const std::string& line :
       {"Invalid user " + name + " from " + peer + " port 40022",
        "Failed password for invalid user " + name + " from " + peer + " port 40022 ssh2",
        "Connection closed by invalid user " + name + " " + peer + " port 40022 [preauth]",
        "error: maximum authentication attempts exceeded for invalid user " + name + " from " +
            peer + " port 40022 ssh2 [preauth]",
        "error: PAM: Authentication failure for illegal user " + name + " from " + peer,
        "Received disconnect from " + peer + " port 40022:11: " + name + " [preauth]"}) {
    matcher->forget_sessions();
    Collect collect;
    match(*matcher, head + line, collect);
    require(collect.findings.size() == 1);
    require(collect.findings[0].address.to_string() == peer);
  }
  // Where somebody else's text stands behind the address, no finding may name anybody else.
  for (const std::string& line :
       {"Failed publickey for " + name + " from " + peer + " port 1 ssh2: RSA-CERT SHA256:x ID " +
            name + " (serial 0) CA RSA SHA256:y",
        "Disconnecting invalid user " + name + " " + peer +
            " port 1: Change of username or service not allowed: (" + name + ",x) -> (" + name +
            ",x) [preauth]"}) {
    matcher->forget_sessions();
    Collect collect;
    match(*matcher, head + line, collect);
    for (const model::Finding& finding : collect.findings) {
      require(finding.address.to_string() == peer);
    }
  }
  return 0;
}
