#include "config/check.h"

#include "config/ini.h"
#include "config/json_layer.h"

#include <catch2/catch.hpp>

using namespace warder;
using namespace warder::config;
using namespace std::chrono_literals;

namespace {

enum class Counting { kCompat, kExact };
constexpr std::string_view kCountings[] = {"compat", "exact"};
constexpr std::string_view kKinds[] = {"ban", "unban", "error"};
constexpr std::string_view kSchemes[] = {"https"};

util::Status even(std::string_view value) {
  if ((value.back() - '0') % 2 != 0) {
    return util::Error(util::ErrorCode::kInvalid, "is odd");
  }
  return {};
}

constexpr Key kKeys[] = {
    {.name = "enabled", .type = Type::kBool, .fallback = "no", .text = "T.", .example = "yes"},
    {.name = "filter", .required = true, .text = "The filter.", .example = "sshd"},
    {.name = "maxretry",
     .type = Type::kInteger,
     .fallback = "5",
     .least = "1",
     .most = "1000",
     .text = "T.",
     .example = "3"},
    {.name = "bantime",
     .type = Type::kDuration,
     .fallback = "10m",
     .least = "1s",
     .most = "10y",
     .permanent = true,
     .text = "T.",
     .example = "1h"},
    {.name = "findtime", .type = Type::kDuration, .fallback = "10m", .text = "T.", .example = "1h"},
    {.name = "limit",
     .type = Type::kBytes,
     .fallback = "1M",
     .least = "4K",
     .text = "T.",
     .example = "64K"},
    {.name = "counting",
     .type = Type::kEnum,
     .fallback = "exact",
     .choices = kCountings,
     .text = "T.",
     .example = "compat"},
    {.name = "state", .type = Type::kPath, .text = "T.", .example = "/var/lib/x"},
    {.name = "kinds",
     .type = Type::kWords,
     .fallback = "ban",
     .least = "1",
     .choices = kKinds,
     .text = "T.",
     .example = "ban, error"},
    {.name = "logpath", .type = Type::kLines, .most = "2", .text = "T.", .example = "/var/log/x"},
    {.name = "ignoreip", .type = Type::kPrefixes, .fallback = "", .text = "T.", .example = "::1"},
    {.name = "port", .type = Type::kPorts, .fallback = "0:65535", .text = "T.", .example = "ssh"},
    {.name = "listen", .type = Type::kAddress, .text = "T.", .example = "127.0.0.1"},
    {.name = "url", .type = Type::kUrl, .choices = kSchemes, .text = "T.", .example = "https://x"},
    {.name = "token", .type = Type::kSecret, .text = "T.", .example = "vault:alerts/slack"},
    {.name = "hook", .type = Type::kUrl, .secret = true, .text = "T.", .example = "https://x/y"},
    {.name = "even", .type = Type::kInteger, .text = "T.", .example = "2", .check = even},
    {.name = "note", .type = Type::kText, .text = "T.", .example = "a\nb"},
};
constexpr Renamed kRenamed[] = {{"max_failures", "maxretry"}};
constexpr Unused kUnused[] = {{"action", "bans go to the kernel"}};
constexpr Table kJail{
    .section = "*", .text = "A jail.", .keys = kKeys, .renamed = kRenamed, .unused = kUnused};

Document ini(std::string_view text) {
  Diagnostics diagnostics;
  Document document;
  document.add(parse_ini(text, "j.conf", diagnostics));
  REQUIRE(diagnostics.to_text() == "");
  return document;
}

std::string told(std::string_view options) {
  Diagnostics diagnostics;
  check(kJail, ini("[sshd]\nfilter = sshd\n" + std::string(options)).section("sshd"), diagnostics);
  return diagnostics.to_text();
}

}  // namespace

TEST_CASE("the table of this test is sound") { CHECK(defects(kJail).empty()); }

TEST_CASE("values come in the form of their type") {
  Diagnostics diagnostics;
  const Values values = check(kJail,
                              ini("[sshd]\nenabled = ON\nfilter = sshd[mode=normal]\nmaxretry=+3\n"
                                  "bantime=-1\nfindtime=1h30m\nlimit=64K\ncounting=Compat\n"
                                  "state=/var/lib/x\nkinds=ban, ERROR\nlogpath=\n /a b.log\n\n "
                                  "/c.log tail\nignoreip = 10.0.0.0/8, ::1\n   192.0.2.7\n"
                                  "port=http,https\nlisten=::1\nurl=https://x/y?z#f\n"
                                  "token=vault:alerts/slack\neven=4\nnote=a\n  b\n")
                                  .section("sshd"),
                              diagnostics);
  CHECK(diagnostics.to_text() == "");
  CHECK(values.section() == "sshd");
  CHECK(values.boolean("enabled"));
  CHECK(values.string("filter") == "sshd[mode=normal]");
  CHECK(values.integer("maxretry") == 3);
  CHECK_FALSE(values.duration_or_forever("bantime").has_value());
  CHECK(values.duration("findtime") == 90min);
  CHECK(values.bytes("limit") == util::kibibytes(64));
  CHECK(values.choice<Counting>("counting") == Counting::kCompat);
  CHECK(values.path("state") == "/var/lib/x");
  CHECK(values.list("kinds") == std::vector<std::string>{"ban", "error"});
  CHECK(values.list("logpath") == std::vector<std::string>{"/a b.log", "/c.log tail"});
  CHECK(values.prefixes("ignoreip") == std::vector<net::Prefix>{*net::Prefix::parse("10.0.0.0/8"),
                                                                *net::Prefix::parse("::1"),
                                                                *net::Prefix::parse("192.0.2.7")});
  CHECK(net::format_ports(values.ports("port")) == "80,443");
  CHECK(values.address("listen") == *net::IpAddress::parse("::1"));
  CHECK(values.string("url") == "https://x/y?z#f");
  CHECK(values.secret("token").to_string() == "vault:alerts/slack");
  CHECK(values.string("note") == "a\nb");
  CHECK_FALSE(values.has("hook"));
  CHECK_FALSE(values.is_default("maxretry"));
  CHECK(values.place("maxretry") == Place{"j.conf", 4});
}

TEST_CASE("defaults fill what nobody sets") {
  Diagnostics diagnostics;
  const Values values =
      check(kJail, ini("[x]\nfilter=f\nstate=\ntoken =\n").section("x"), diagnostics);
  CHECK(diagnostics.to_text() == "");
  CHECK(values.duration_or_forever("bantime") == 10min);
  CHECK(values.choice<Counting>("counting") == Counting::kExact);
  CHECK(values.prefixes("ignoreip").empty());
  CHECK(values.is_default("bantime"));
  CHECK(values.place("bantime").to_string() == "default");
  // An empty value unsets a key without a default.
  CHECK_FALSE(values.has("state"));
  CHECK_FALSE(values.has("token"));
}

TEST_CASE("every value that is not accepted is told with what is allowed") {
  CHECK(told("bantime = 10x\n") ==
        "j.conf:3: [sshd] bantime = \"10x\": '10x' is no time: unknown unit at character 3; write "
        "for instance 600, 10m, 1h30m or 1d; allowed: a time from 1s to 10y, or -1 (for ever)\n");
  CHECK(told("bantime = -2\n") ==
        "j.conf:3: [sshd] bantime = \"-2\": '-2' is negative; allowed: a time from 1s to 10y, or "
        "-1 (for ever)\n");
  CHECK(told("bantime = 11y\n") ==
        "j.conf:3: [sshd] bantime = \"11y\": '11y' is too large; allowed: a time from 1s to 10y, "
        "or -1 (for ever)\n");
  CHECK(told("findtime = -1\n") ==
        "j.conf:3: [sshd] findtime = \"-1\": '-1' is negative; allowed: a time\n");
  CHECK(told("maxretry = 0\n") ==
        "j.conf:3: [sshd] maxretry = \"0\": '0' is too small; allowed: a whole number from 1 to "
        "1000\n");
  CHECK(told("maxretry = 5.0\n") ==
        "j.conf:3: [sshd] maxretry = \"5.0\": '5.0' is no whole number; allowed: a whole number "
        "from 1 to 1000\n");
  CHECK(told("enabled = maybe\n") ==
        "j.conf:3: [sshd] enabled = \"maybe\": 'maybe' is neither yes nor no; allowed: yes, true, "
        "on, 1 or no, false, off, 0\n");
  CHECK(told("limit = 1\n") ==
        "j.conf:3: [sshd] limit = \"1\": '1' is too small; allowed: a size of at least 4K\n");
  CHECK(told("counting = exakt\n") ==
        "j.conf:3: [sshd] counting = \"exakt\": 'exakt' is none of the choices; allowed: compat or "
        "exact; did you mean exact?\n");
  CHECK(told("state = var\n") ==
        "j.conf:3: [sshd] state = \"var\": 'var' is no absolute path; allowed: an absolute path; "
        "begin it with /\n");
  CHECK(told("kinds = ban bam\n") ==
        "j.conf:3: [sshd] kinds = \"ban bam\": 'bam' is none of the choices; allowed: any of ban, "
        "unban or error, at least 1 entries; did you mean ban?\n");
  CHECK(told("kinds =\n") ==
        "j.conf:3: [sshd] kinds = \"\": has 0 entries, too few; allowed: any of ban, unban or "
        "error, at least 1 entries\n");
  CHECK(told("logpath = a\n  b\n  c\n") ==
        "j.conf:3: [sshd] logpath = \"a\\x0ab\\x0ac\": has 3 lines, too many; allowed: a list, one "
        "entry a line, at most 2 lines\n");
  CHECK(told("ignoreip = ::1 host.example\n") ==
        "j.conf:3: [sshd] ignoreip = \"::1 host.example\": 'host.example' is no address or prefix: "
        "write for instance 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32; allowed: addresses and "
        "prefixes separated by blanks, commas or line breaks; names are never looked up\n");
  CHECK(told("port = 99999\n") ==
        "j.conf:3: [sshd] port = \"99999\": '99999' is no port; write for instance 443, 1000:2000 "
        "or https; allowed: ports, ranges and service names separated by commas: 80,443 or ssh or "
        "1000:2000\n");
  CHECK(told("listen = 1.2.3\n") ==
        "j.conf:3: [sshd] listen = \"1.2.3\": '1.2.3' is no address; allowed: an IPv4 or IPv6 "
        "address\n");
  CHECK(told("url = http://x\n") ==
        "j.conf:3: [sshd] url = \"http://x\": 'http://x' is no URL of the kind needed; allowed: "
        "https://HOST[:PORT][/PATH], without user name and password\n");
  CHECK(told("even = 3\n") == "j.conf:3: [sshd] even = \"3\": is odd; allowed: a whole number\n");
  CHECK(told("filter2 = %(nosuch)s\nmaxretry = %(nosuch)s\n") ==
        "j.conf:4: [sshd] maxretry: %(nosuch)s is set nowhere\n"
        "j.conf:3: [sshd] filter2: is no known key; did you mean filter?\n");
}

TEST_CASE("a network of stock configurations is accepted and told") {
  CHECK(told("ignoreip = 127.0.0.1/8 ::1\n") ==
        "j.conf:3: warning: [sshd] ignoreip: '127.0.0.1/8' has bits behind its length; it is read "
        "as 127.0.0.0/8\n");
}

TEST_CASE("secrets are never echoed") {
  const std::string told_token =
      "is no reference to a secret, and a secret itself must not stand here; allowed: "
      "vault:DOCUMENT/KEY, file:/PATH or credential:NAME; put it into the vault with `warder vault "
      "put` and write vault:DOCUMENT/KEY\n";
  for (const char* text : {"hunter2", "vault:", "vault:a", "vault:/a", "vault:a/", "file:relative",
                           "credential:", "credential:a/b", "credential:a b"}) {
    INFO(text);
    CHECK(told(std::string("token = ") + text + "\n") == "j.conf:3: [sshd] token: " + told_token);
  }
  CHECK(told("hook = hunter2\n") ==
        "j.conf:3: [sshd] hook: the value is not accepted (it is a secret and not shown); allowed: "
        "http or https://HOST[:PORT][/PATH], without user name and password\n");
  CHECK(told("url = https://me:hunter2@x/\n") ==
        "j.conf:3: [sshd] url: the URL holds a user name or password; allowed: "
        "https://HOST[:PORT][/PATH], without user name and password; take it out and name the "
        "secret with a key made for it\n");
  const std::string percent = "holds a '%' that begins no %(name)s with a value\n";
  CHECK(told("token = hunter%2\n") == "j.conf:3: [sshd] token: " + percent);
  CHECK(told("hook = https://h/%(hunter)s2\n") == "j.conf:3: [sshd] hook: " + percent);
  for (const char* text : {"file:/etc/token", "credential:token", "vault:a/b/c"}) {
    CHECK(told(std::string("token = ") + text + "\n") == "");
  }
}

TEST_CASE("a document of the vault may have slashes in its name") {
  Diagnostics diagnostics;
  const Values values =
      check(kJail, ini("[a]\nfilter=f\ntoken=vault:hooks/ops/url\n").section("a"), diagnostics);
  CHECK(values.secret("token").document == "hooks/ops");
  CHECK(values.secret("token").name == "url");
}

TEST_CASE("unknown, renamed, unused and missing keys") {
  CHECK(told("bnatime = 1h\ncolour = red\nmax_failures = 3\naction = x\n_mine = 1\n") ==
        "j.conf:3: [sshd] bnatime: is no known key; did you mean bantime?\n"
        "j.conf:4: [sshd] colour: is no known key\n"
        "j.conf:5: [sshd] max_failures: has a new name: maxretry\n"
        "j.conf:6: warning: [sshd] action: is not used: bans go to the kernel\n");
  CHECK(told("tries = 3\nmaxretry = %(tries)s\n") == "");
  Diagnostics diagnostics;
  check(kJail, ini("[a]\n[b]\nfilter =\n").section("a"), diagnostics);
  check(kJail, ini("[a]\n[b]\nfilter =\n").section("b"), diagnostics);
  CHECK(diagnostics.to_text() ==
        "j.conf:1: [a] filter: must be set; allowed: one line of text; for instance filter = sshd\n"
        "j.conf:3: [b] filter: must be set; allowed: one line of text; for instance filter = "
        "sshd\n");
}

TEST_CASE("values know whether all keys were accepted") {
  const auto complete = [](std::string_view text) {
    Diagnostics diagnostics;
    return check(kJail, ini(text).section("x"), diagnostics).complete();
  };
  CHECK(complete("[x]\nfilter=f\nunknown=1\nignoreip=10.0.0.1/8\n"));
  CHECK_FALSE(complete("[x]\nfilter=f\nmaxretry=0\n"));
  CHECK_FALSE(complete("[x]\nfilter=f\nstate=%(no)s\n"));
  CHECK_FALSE(complete("[x]\n"));
}

TEST_CASE("a whole document is checked at once") {
  static constexpr Key kAgentKeys[] = {
      {.name = "data",
       .type = Type::kPath,
       .fallback = "/var/lib/warder",
       .text = "T.",
       .example = "/srv"},
      {.name = "needed", .required = true, .text = "T.", .example = "x"}};
  static constexpr Key kStoreKeys[] = {
      {.name = "keep", .type = Type::kDuration, .fallback = "1y", .text = "T.", .example = "30d"}};
  static constexpr Key kHookKeys[] = {
      {.name = "url", .type = Type::kUrl, .required = true, .text = "T.", .example = "https://x"}};
  static constexpr Table kAgent{.section = "agent", .keys = kAgentKeys};
  static constexpr Table kStore{.section = "agent", .keys = kStoreKeys};
  static constexpr Table kHook{.section = "webhook *", .keys = kHookKeys};
  const Table* const tables[] = {&kAgent, &kStore, &kHook};
  CHECK(Table(kHook).find("url") == &kHookKeys[0]);

  Diagnostics diagnostics;
  const Checked good = check_document(tables,
                                      ini("[DEFAULT]\nkeep=2y\n[agent]\nneeded=1\n[webhook "
                                          "ops]\nurl=https://a\n[webhook b]\nurl=https://b\n"),
                                      diagnostics);
  CHECK(diagnostics.to_text() == "");
  CHECK(good.one(kStore).duration("keep") == std::chrono::seconds(2 * 31557600));
  CHECK(good.one(kAgent).string("needed") == "1");
  REQUIRE(good.all(kHook).size() == 2);
  CHECK(good.all(kHook)[0]->name() == "ops");
  CHECK(good.all(kHook)[1]->string("url") == "https://b");

  // Nothing is required of a section that is not there, but its defaults are there.
  const Checked empty = check_document(tables, ini(""), diagnostics);
  CHECK(diagnostics.to_text() == "");
  CHECK(empty.one(kAgent).path("data") == "/var/lib/warder");
  CHECK_FALSE(empty.one(kAgent).has("needed"));

  check_document(tables,
                 ini("[DEFAULT]\nkep=2y\nused=1\nkeep=x\n[agnet]\n[agent]\nneeded=%(used)s\nurl=1\n"
                     "[webhook a]\n[webhook ]\n[webhok ops]\n"),
                 diagnostics);
  CHECK(diagnostics.to_text() ==
        "j.conf:2: [DEFAULT] kep: is no known key; did you mean keep?\n"
        "j.conf:5: [agnet]: is no known section; did you mean agent?\n"
        "j.conf:4: [DEFAULT] keep = \"x\": 'x' is no time: a number is missing at character 1; "
        "write for instance 600, 10m, 1h30m or 1d; allowed: a time\n"
        "j.conf:8: [agent] url: is no known key\n"
        "j.conf:9: [webhook a] url: must be set; allowed: http or https://HOST[:PORT][/PATH], "
        "without user name and password; for instance url = https://x\n"
        "j.conf:10: [webhook ]: is no known section\n"
        "j.conf:11: [webhok ops]: is no known section; did you mean webhook ops?\n");
}

TEST_CASE("a bad default of all sections is told even if no section is written") {
  static constexpr Key kStoreKeys[] = {
      {.name = "keep", .type = Type::kInteger, .fallback = "1", .text = "T.", .example = "2"}};
  static constexpr Table kStore{.section = "store", .keys = kStoreKeys};
  const Table* const tables[] = {&kStore};
  Diagnostics diagnostics;
  check_document(tables, ini("[DEFAULT]\nkeep=x\n"), diagnostics);
  CHECK(diagnostics.to_text() ==
        "j.conf:2: [DEFAULT] keep = \"x\": 'x' is no whole number; allowed: a whole number\n");
}

TEST_CASE("a vault document is checked by the same tables") {
  Document document = ini("[sshd]\nfilter=sshd\nmaxretry=5\n");
  Diagnostics diagnostics;
  document.add(parse_json(R"({"sshd": {"maxretry": 0, "ignoreip": ["10.0.0.0/8"], "bantme": 1}})",
                          "jails", diagnostics));
  check(kJail, document.section("sshd"), diagnostics);
  CHECK(diagnostics.to_text() ==
        "vault jails#/sshd/maxretry: [sshd] maxretry = \"0\": '0' is too small; allowed: a whole "
        "number from 1 to 1000\n"
        "vault jails#/sshd/bantme: [sshd] bantme: is no known key; did you mean bantime?\n");
}

TEST_CASE("a module adds what spans keys") {
  Diagnostics diagnostics;
  const Values values =
      check(kJail, ini("[a]\nfilter=f\nbantime=5m\nhook=https://h/s\n").section("a"), diagnostics);
  diagnostics.add(values.about("bantime", "is shorter than findtime"));
  diagnostics.add(values.about("hook", "cannot be reached"));
  diagnostics.add(values.about("state", "is needed here", Severity::kWarning));
  CHECK(diagnostics.to_text() ==
        "j.conf:3: [a] bantime = \"5m\": is shorter than findtime\n"
        "j.conf:4: [a] hook: cannot be reached\n"
        "j.conf:1: warning: [a] state: is needed here\n");
}

TEST_CASE("defects of a table are found by its module's test") {
  static constexpr Key kBad[] = {
      {.name = "Upper", .text = "T.", .example = "x"},
      {.name = "twice", .text = "T.", .example = "x"},
      {.name = "twice"},
      {.name = "n",
       .type = Type::kInteger,
       .fallback = "0",
       .least = "1",
       .text = "T.",
       .example = "x"},
      {.name = "d", .type = Type::kDuration, .least = "soon", .text = "T.", .example = "1h"},
      {.name = "e", .type = Type::kEnum, .text = "T.", .example = "x"},
      {.name = "r",
       .fallback = "x",
       .required = true,
       .permanent = true,
       .text = "T.",
       .example = "x"},
      {.name = "s",
       .type = Type::kSecret,
       .fallback = "vault:a/b",
       .text = "T.",
       .example = "vault:a/b"},
  };
  static constexpr Renamed kWrong[] = {{"old", "nosuch"}};
  CHECK(defects(Table{.section = "x", .keys = kBad, .renamed = kWrong}) ==
        std::vector<std::string>{
            "Upper: the name must be lower case",
            "twice: the name stands twice",
            "twice: text and example must be given",
            "n: the default is refused: '0' is too small",
            "n: the example is refused: 'x' is no whole number",
            "d: the bound 'soon' is no value of the type",
            "e: an enum needs choices",
            "e: the example is refused: 'x' is none of the choices",
            "r: only a duration can be permanent",
            "r: a required key has no default",
            "s: a secret has no default",
            "old: renamed to nosuch, which is no key",
        });
}
