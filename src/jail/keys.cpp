#include "jail/keys.h"

#include "config/reference.h"
#include "jail/ban_time.h"
#include "jail/formula.h"
#include "jail/validate.h"
#include "net/port.h"
#include "util/duration.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <charconv>
#include <string>
#include <string_view>
#include <utility>

namespace warder::jail {
namespace {

using config::Type;

constexpr std::string_view kProtocols[] = {"tcp", "udp", "all"};
constexpr std::string_view kCountings[] = {"window", "compat"};
constexpr std::string_view kDnsUses[] = {"no", "warn", "yes", "raw"};
constexpr std::string_view kBlocktypes[] = {"drop"};
constexpr std::string_view kOutcomes[] = {"ban", "alert", "reread"};
constexpr std::string_view kOutsides[] = {"none", "paths", "networks"};

// max-count and max-time of `key="<ip>", max-count=100, max-time=5m`.
struct IgnoreCache {
  std::uint32_t count = 100;
  std::chrono::microseconds time{std::chrono::minutes(5)};
};
util::Result<IgnoreCache> parse_ignorecache(std::string_view text) {
  IgnoreCache cache;
  const auto wrong = [](std::string problem) {
    return util::Error(util::ErrorCode::kInvalid, std::move(problem));
  };
  const auto reference = config::parse_reference(fmt::format("ignorecache[{}]", text));
  if (!reference) {
    return wrong("write for instance max-count=100, max-time=5m");
  }
  for (const auto& [name, value] : reference->parameters) {
    if (name == "max-count") {
      const auto [end, error] =
          std::from_chars(value.data(), value.data() + value.size(), cache.count);
      if (error != std::errc() || end != value.data() + value.size() || cache.count < 1 ||
          cache.count > 100'000) {
        return wrong("max-count is a number from 1 to 100,000");
      }
    } else if (name == "max-time") {
      const auto time = util::parse_duration(value);
      if (!time || *time < std::chrono::seconds(1) || *time > std::chrono::hours(24)) {
        return wrong("max-time is a time from 1s to 1d");
      }
      cache.time = *time;
    } else if (name != "key") {  // the program with its arguments is the key
      return wrong("there are max-count and max-time");
    }
  }
  return cache;
}

util::Status check_ignorecache(std::string_view text) {
  const auto cache = parse_ignorecache(text);
  return cache ? util::Status() : util::Status(cache.error());
}

util::Status check_factor(std::string_view value) {
  const auto formula = Formula::parse(value, Formula::Names::kNone);
  return formula ? util::Status{} : formula.error();
}

util::Status check_formula(std::string_view value) {
  const auto formula = Formula::parse(value, Formula::Names::kBan);
  return formula ? util::Status{} : formula.error();
}

util::Status check_steps(std::string_view value) {
  const auto steps = parse_widening(value);
  return steps ? util::Status{} : steps.error();
}

util::Result<std::vector<double>> parse_multipliers(std::string_view text) {
  std::vector<double> multipliers;
  for (const std::string_view word : util::split_words(text)) {
    double value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc{} || end != word.data() + word.size() || !(value > 0)) {
      return util::Error(util::ErrorCode::kInvalid, fmt::format("'{}' is no number greater than 0",
                                                                util::printable(word, 40)));
    }
    multipliers.push_back(value);
  }
  return multipliers;
}

util::Status check_multipliers(std::string_view value) {
  const auto multipliers = parse_multipliers(value);
  return multipliers ? util::Status{} : multipliers.error();
}

constexpr config::Key kKeys[] = {
    {.name = "enabled",
     .type = Type::kBool,
     .fallback = "no",
     .text = "Whether the jail runs.",
     .example = "yes"},
    {.name = "filter",
     .type = Type::kString,
     .text = "The filter that finds failures in the lines, with parameters in brackets. Unless "
             "set, the filter that has the jail's name.",
     .example = "sshd[mode=aggressive]"},
    {.name = "logpath",
     .type = Type::kLines,
     .text =
         "The log files, one a line; * and ? match in names. A file may appear later. ` head` or "
         "` tail` behind a path says where reading begins, instead of [source] start_at. "
         "http://127.0.0.1:PORT/PATH takes lines by POST, tcp://127.0.0.1:PORT and unix:/PATH take "
         "a "
         "stream of lines; oci-audit:COMPARTMENT reads the audit events of a compartment of OCI.",
     .example = "/var/log/caddy/access.log"},
    {.name = "journalmatch",
     .type = Type::kLines,
     .text = "What is read from the systemd journal when the backend is systemd.",
     .example = "_SYSTEMD_UNIT=ssh.service"},
    {.name = "backend",
     .type = Type::kString,
     .fallback = "auto",
     .text = "Where lines come from: systemd reads the journal; auto and fail2ban's other names "
             "read the files of logpath, or the journal when there is only journalmatch.",
     .example = "systemd"},
    {.name = "datepattern",
     .type = Type::kLines,
     .text = "How dates stand in the lines, one pattern a line, in place of what the filter says: "
             "tokens of strptime (in a file, % is written %%), or {DEFAULT}, {^LN-BEG}, {DATE}, "
             "{EPOCH}, {NONE} and their like.",
     .example = "^%d.%m.%Y %H:%M:%S"},
    {.name = "logtimezone",
     .type = Type::kString,
     .text = "The time zone of dates that name none: an abbreviation or an offset (UTC+0200), or a "
             "zone of the system with its summer time. Unless set, the system's.",
     .example = "Europe/Berlin"},
    {.name = "logencoding",
     .type = Type::kString,
     .fallback = "auto",
     .text = "The encoding of the log, by a name that iconv knows; auto is UTF-8. What is no text "
             "in it becomes U+FFFD.",
     .example = "latin-1"},
    {.name = "port",
     .type = Type::kPorts,
     .fallback = "0:65535",
     .text = "The ports that a ban closes.",
     .example = "http,https"},
    {.name = "protocol",
     .type = Type::kEnum,
     .fallback = "tcp",
     .choices = kProtocols,
     .text = "The protocol that a ban closes.",
     .example = "all"},
    {.name = "blocktype",
     .type = Type::kEnum,
     .fallback = "drop",
     .choices = kBlocktypes,
     .text = "What happens to packets of a banned source.",
     .example = "drop"},
    {.name = "maxretry",
     .type = Type::kInteger,
     .fallback = "5",
     .least = "1",
     .most = "1000000",
     .text = "How many findings within findtime ban a source. More than 10,000 take counting = "
             "compat, outcome = ban and neither ipv4.widen nor ipv6.widen.",
     .example = "3"},
    {.name = "findtime",
     .type = Type::kDuration,
     .fallback = "10m",
     .least = "1s",
     .most = "366d",
     .text = "How long a finding counts.",
     .example = "1h"},
    {.name = "bantime",
     .type = Type::kDuration,
     .fallback = "10m",
     .least = "1s",
     .most = "50y",
     .permanent = true,
     .text = "How long a ban lasts; -1 for ever.",
     .example = "1d"},
    {.name = "maxmatches",
     .type = Type::kInteger,
     .fallback = "5",
     .least = "0",
     .most = "1000000",
     .text = "Of no effect, for configurations that come from fail2ban: the history keeps every "
             "finding that led to a ban, with its log and its place there (warder explain).",
     .example = "10"},
    {.name = "counting",
     .type = Type::kEnum,
     .fallback = "window",
     .choices = kCountings,
     .text = "How findings are counted: window counts exactly those of the last findtime; compat "
             "estimates a rate as fail2ban does, which now and then bans earlier or later.",
     .example = "compat"},
    {.name = "bantime.increment",
     .type = Type::kBool,
     .fallback = "no",
     .text = "Whether a source that was banned before is banned for longer.",
     .example = "yes"},
    {.name = "bantime.factor",
     .type = Type::kString,
     .fallback = "1",
     .text = "A number or arithmetic expression that bantime.multipliers and bantime.formula use.",
     .example = "2.0 / 2.885385",
     .check = check_factor},
    {.name = "bantime.multipliers",
     .type = Type::kString,
     .text = "Ban times as multiples of bantime: the first for the first ban, and so on; the last "
             "for all further ones. Used in place of bantime.formula.",
     .example = "1 2 4 8 16 32 64",
     .check = check_multipliers},
    {.name = "bantime.formula",
     .type = Type::kString,
     .fallback = "ban.Time * (1<<(ban.Count if ban.Count<20 else 20)) * banFactor",
     .text = "The ban time from ban.Time (bantime), ban.Count (earlier bans) and banFactor: "
             "arithmetic, A if C else B, <<, min, max, int, float, math.exp, math.log, math.pow, "
             "math.sqrt.",
     .example = "ban.Time * math.exp(float(ban.Count+1)*banFactor)/math.exp(1*banFactor)",
     .check = check_formula},
    {.name = "bantime.maxtime",
     .type = Type::kDuration,
     .least = "1s",
     .text = "The longest time that bantime.increment may reach.",
     .example = "5w"},
    {.name = "bantime.rndtime",
     .type = Type::kDuration,
     .fallback = "0s",
     .least = "0s",
     .most = "50y",
     .text = "Up to this much is added at random, so that a botnet does not learn the end.",
     .example = "10m"},
    {.name = "bantime.overalljails",
     .type = Type::kBool,
     .fallback = "no",
     .text = "Whether the bans of all jails count for bantime.increment, not only this jail's.",
     .example = "yes"},
    {.name = "ignoreip",
     .type = Type::kPrefixes,
     .text = "Addresses and prefixes that are never banned.",
     .example = "127.0.0.0/8 ::1 192.0.2.0/24"},
    {.name = "ignoreself",
     .type = Type::kBool,
     .fallback = "yes",
     .text = "Whether the host's own addresses are never banned.",
     .example = "yes"},
    {.name = "usedns",
     .type = Type::kEnum,
     .fallback = "no",
     .choices = kDnsUses,
     .text =
         "What becomes of a line that names a host in place of an address. no: it is not "
         "counted. yes, warn: the name is looked up, and each of its addresses (16 at most) "
         "counts; whoever owns the name then chooses whom to ban, so this is for logs that hold "
         "no addresses. raw: any text matches, and is told, but only addresses are banned.",
     .example = "no"},
    {.name = "ignorecommand",
     .type = Type::kLines,
     .most = "100",
     .text = "A program that is asked whether an address is ignored, by its whole path, each "
             "argument on a line of its own; <ip>, <family> and <name> (the jail) are filled in. "
             "It runs beside the lines without a shell and with an empty environment, for at most "
             "10 s; status 0 is ignore, 1 is not, everything else counts as not.",
     .example = "/usr/local/bin/is-ours"},
    {.name = "ignorecache",
     .type = Type::kString,
     .fallback = "max-count=100, max-time=5m",
     .text = "How many answers of ignorecommand are kept, and how long.",
     .example = "max-count=1000, max-time=1h",
     .check = check_ignorecache},
    {.name = "prefregex",
     .type = Type::kLines,
     .most = "1",
     .text = "In place of the filter's, and so are the next four.",
     .example = "^<F-CONTENT>.+</F-CONTENT>$"},
    {.name = "failregex",
     .type = Type::kLines,
     .text = "What to look for, one expression a line.",
     .example = "^login failed for \\S+ from <ADDR>$"},
    {.name = "ignoreregex",
     .type = Type::kLines,
     .text = "What is not meant, one expression a line.",
     .example = "from <ADDR> port 22$"},
    {.name = "maxlines",
     .type = Type::kInteger,
     .least = "1",
     .most = "100",
     .text = "How many lines the expressions see at once.",
     .example = "2"},
    {.name = "outcome",
     .type = Type::kEnum,
     .fallback = "ban",
     .choices = kOutcomes,
     .text = "What comes of maxretry findings within findtime: ban keeps the address out; alert "
             "tells people and keeps nobody out; reread has the vault's documents read again at "
             "once with the first finding.",
     .example = "alert"},
    {.name = "key",
     .type = Type::kWords,
     .fallback = "address",
     .text = "With outcome = alert: by what findings are counted, names of the filter's fields, "
             "user or address; of each finding the first that says something.",
     .example = "role entity address"},
    {.name = "distinct",
     .type = Type::kString,
     .text = "With outcome = alert: not findings are counted, but different values of this field, "
             "each of them once within findtime. Beside the filter's fields: user, address, and "
             "hour, which is that of the finding's time (UTC).",
     .example = "path"},
    {.name = "learn",
     .type = Type::kDuration,
     .least = "0s",
     .most = "366d",
     .text = "With outcome = alert and distinct: not so many different values alert, but each that "
             "its key did not have within findtime, once the key has been known for so long "
             "(0s: from its second value on). maxretry then has no meaning.",
     .example = "14d"},
    {.name = "trigger",
     .type = Type::kString,
     .text = "With outcome = alert: a rule of the filter. Findings of its other rules only count; "
             "one of this rule alerts when maxretry of them came before.",
     .example = "success"},
    {.name = "quiet",
     .type = Type::kDuration,
     .fallback = "1h",
     .least = "0s",
     .most = "366d",
     .text = "With outcome = alert: how long the same key is not told again; findings about it are "
             "only counted meanwhile.",
     .example = "10m"},
    {.name = "severity",
     .type = Type::kEnum,
     .fallback = "high",
     .choices = model::kSeverityNames,
     .text = "With outcome = alert: how bad it is.",
     .example = "critical"},
    {.name = "outside",
     .type = Type::kEnum,
     .fallback = "none",
     .choices = kOutsides,
     .text = "With outcome = alert: only findings count whose field path, or whose address, lies "
             "outside of what paths, or networks, assigns to one of the fields of key.",
     .example = "paths"},
    {.name = "paths",
     .type = Type::kLines,
     .text = "What is expected of whom, a line each: IDENTITY: PATH PATH ... A * ends a path or a "
             "name and stands for any end; * alone is everybody else. Whom no line names is not "
             "judged.",
     .example = "web-1: secret/data/web/* kv/web/*"},
    {.name = "networks",
     .type = Type::kLines,
     .text = "The same with addresses and prefixes.",
     .example = "web-1: 192.0.2.0/24"},
    {.name = "silence",
     .type = Type::kDuration,
     .fallback = "0s",
     .least = "0s",
     .most = "366d",
     .text = "With outcome = alert: tell when the jail's logs bring no line at all for so long; 0s "
             "never does. The log of a vault that this agent asks is never silent for longer than "
             "[vault] interval.",
     .example = "5m"},
    {.name = "observe",
     .type = Type::kBool,
     .fallback = "no",
     .text = "Decide and record what would be banned, but ban nobody.",
     .example = "yes"},
    {.name = "destinations",
     .type = Type::kWords,
     .text = "The destinations that are told about this jail; all unless set.",
     .example = "webhook journal"},
    {.name = "ipv6.prefix",
     .type = Type::kInteger,
     .fallback = "64",
     .least = "48",
     .most = "128",
     .text = "IPv6 sources are counted and banned by prefixes of this length, since one host has "
             "a whole /64 of addresses.",
     .example = "128"},
    {.name = "ipv6.widen",
     .type = Type::kString,
     .fallback = "56:8 48:8",
     .text =
         "Wider bans, LENGTH:CHILDREN, narrowest first: with 56:8 a /56 is banned when eight of "
         "its networks are banned, or eight of them fail 8 x maxretry times within findtime. "
         "none for no wider bans.",
     .example = "56:16",
     .check = check_steps},
    {.name = "ipv4.widen",
     .type = Type::kString,
     .fallback = "24:16",
     .text = "The same for IPv4.",
     .example = "none",
     .check = check_steps},
    {.name = "widen.limit",
     .type = Type::kInteger,
     .fallback = "64",
     .least = "0",
     .most = "100000",
     .text = "At most so many wider bans of this jail at one time. With 64 of /24 at most 16,384 "
             "IPv4 addresses, 0.0004% of all, can be hit by them.",
     .example = "16"},
    {.name = "sources",
     .type = Type::kInteger,
     .fallback = "200000",
     .least = "100",
     .most = "10000000",
     .text =
         "How many sources are counted at one time. When more come, those furthest from a ban "
         "are forgotten. 200,000 take up to 10 MB, and nothing before they come. With a maxretry "
         "over 5 the same memory holds fewer.",
     .example = "50000"},
};

constexpr std::string_view kNativeBans =
    "bans are made in the kernel by the agent itself; actions are not run";
constexpr std::string_view kDestinationsTell = "destinations tell people, see [destination NAME]";

constexpr config::Unused kUnused[] = {
    {"action", kNativeBans},
    {"action_", kNativeBans},
    {"action_mw", kDestinationsTell},
    {"action_mwl", kDestinationsTell},
    {"banaction", kNativeBans},
    {"banaction_allports", kNativeBans},
    {"chain", kNativeBans},
    {"destemail", kDestinationsTell},
    {"sender", kDestinationsTell},
    {"mta", kDestinationsTell},
    {"fail2ban_agent", kDestinationsTell},
    {"skip_if_nologs", "a log that is missing is awaited"},
    {"systemd_if_nologs", "a log that is missing is awaited"},
};

constexpr config::Table kTable{.section = "*",
                               .text =
                                   "A jail: which log is watched by which filter, and when a "
                                   "source is banned for how long.",
                               .keys = kKeys,
                               .unused = kUnused};

std::vector<std::string> port_words(const std::vector<net::PortRange>& ports) {
  std::vector<std::string> words;
  if (ports == std::vector{net::PortRange{}}) {
    return words;
  }
  const std::string text = net::format_ports(ports);
  for (const std::string_view word : util::split(text, ',')) {
    words.emplace_back(word);
  }
  return words;
}

IncrementOptions increment_options(const config::Values& values) {
  IncrementOptions increment;
  increment.enabled = values.boolean("bantime.increment");
  increment.factor = values.string("bantime.factor");
  increment.formula = values.string("bantime.formula");
  if (values.has("bantime.multipliers")) {
    increment.multipliers = parse_multipliers(values.string("bantime.multipliers")).value_or({});
  }
  if (values.has("bantime.maxtime")) {
    increment.maxtime = values.duration("bantime.maxtime");
  }
  increment.rndtime = values.duration("bantime.rndtime");
  increment.overalljails = values.boolean("bantime.overalljails");
  return increment;
}

void warn(const config::Values& values, std::string_view key, std::string problem,
          config::Diagnostics& diagnostics) {
  config::Diagnostic diagnostic = values.about(key, std::move(problem));
  diagnostic.severity = config::Severity::kWarning;
  diagnostics.add(std::move(diagnostic));
}

// Of the keys that have a value even when nobody wrote one: unset only after an error.
bool complete(const config::Values& values) {
  for (const config::Values::Item& item : values.items()) {
    if (item.key->fallback && !values.has(item.key->name)) {
      return false;
    }
  }
  return true;
}

// The keys of jails that do not ban; told when they say nothing here, or contradict each other.
void read_outcome(const config::Values& values, JailOptions& options,
                  config::Diagnostics& diagnostics) {
  options.outcome = values.choice<Outcome>("outcome");
  options.key = values.list("key");
  if (values.has("distinct")) {
    options.distinct = values.string("distinct");
  }
  if (values.has("learn")) {
    options.learn = values.duration("learn");
  }
  if (values.has("trigger")) {
    options.trigger = values.string("trigger");
  }
  options.quiet = values.duration("quiet");
  options.severity = static_cast<model::Severity>(values.choice_index("severity"));
  options.outside = values.choice<Outside>("outside");
  if (values.has("paths")) {
    options.paths = values.list("paths");
  }
  if (values.has("networks")) {
    options.networks = values.list("networks");
  }
  options.silence = values.duration("silence");
  if (options.outcome != Outcome::kAlert) {
    for (const std::string_view key : {"key", "distinct", "learn", "trigger", "quiet", "severity",
                                       "outside", "paths", "networks", "silence"}) {
      if (values.has(key) && !values.is_default(key)) {
        diagnostics.add(values.about(key, "only a jail with outcome = alert has a use for it"));
      }
    }
    return;
  }
  if (options.key.empty()) {
    diagnostics.add(values.about("key", "nothing is named by which findings could be counted"));
  }
  if (options.learn && (options.distinct.empty() || !options.trigger.empty())) {
    diagnostics.add(values.about("learn",
                                 "it is for a jail with distinct and without trigger: say "
                                 "which field's values are to be known"));
  } else if (options.learn && *options.learn > values.duration("findtime")) {
    diagnostics.add(values.about("learn",
                                 "it is longer than findtime, after which a key that is "
                                 "not seen is forgotten"));
  }
  const auto read = [&](std::string_view key, const util::Result<Expected>& expected) {
    if (!expected) {
      diagnostics.add(values.about(key, expected.error().message()));
    }
  };
  read("paths", Expected::paths(options.paths));
  read("networks", Expected::networks(options.networks));
  if (options.outside == Outside::kPaths && options.paths.empty()) {
    diagnostics.add(values.about("outside",
                                 "say in paths what is expected of whom, for instance "
                                 "paths = web-1: secret/data/web/*"));
  }
  if (options.outside == Outside::kNetworks && options.networks.empty()) {
    diagnostics.add(values.about("outside",
                                 "say in networks what is expected of whom, for "
                                 "instance networks = web-1: 192.0.2.0/24"));
  }
}

// A prefix other than the default one makes the default steps meaningless.
std::vector<WideningStep> steps_from(const config::Values& values, std::string_view key,
                                     bool usable_default) {
  if (values.is_default(key) && !usable_default) {
    return {};
  }
  return parse_widening(values.string(key)).value_or({});
}

}  // namespace

const config::Table& jail_table() { return kTable; }

std::optional<JailOptions> jail_options(const config::Values& values,
                                        config::Diagnostics& diagnostics) {
  if (!complete(values)) {
    return std::nullopt;  // told already
  }
  JailOptions options;
  options.name = values.section();
  options.enabled = values.boolean("enabled");
  options.filter = values.has("filter") ? values.string("filter") : options.name;
  if (values.has("logpath")) {
    options.logpath = values.list("logpath");
  }
  if (values.has("journalmatch")) {
    options.journalmatch = values.list("journalmatch");
  }
  options.backend = values.string("backend");
  if (values.has("datepattern")) {
    options.datepattern = values.list("datepattern");
  }
  if (values.has("logtimezone")) {
    options.logtimezone = values.string("logtimezone");
  }
  options.logencoding = values.string("logencoding");
  options.port = port_words(values.ports("port"));
  options.protocol = kProtocols[values.choice_index("protocol")];
  options.blocktype = kBlocktypes[values.choice_index("blocktype")];
  options.maxretry = static_cast<std::uint32_t>(values.integer("maxretry"));
  options.findtime = values.duration("findtime");
  options.bantime = values.duration_or_forever("bantime");
  options.counting = values.choice<Counting>("counting");
  options.increment = increment_options(values);
  if (values.has("ignoreip")) {
    options.ignoreip = values.prefixes("ignoreip");
    if (std::any_of(options.ignoreip.begin(), options.ignoreip.end(),
                    [](const net::Prefix& prefix) { return prefix.length() == 0; })) {
      warn(values, "ignoreip",
           "this jail never bans anybody of that kind of address; to see who would be banned, set "
           "observe = yes instead",
           diagnostics);
    }
  }
  options.ignoreself = values.boolean("ignoreself");
  options.observe = values.boolean("observe");
  if (values.has("destinations")) {
    options.destinations = values.list("destinations");
  }
  options.ipv6_prefix = static_cast<std::uint8_t>(values.integer("ipv6.prefix"));
  options.ipv6_widen = steps_from(values, "ipv6.widen", options.ipv6_prefix == 64);
  options.ipv4_widen = steps_from(values, "ipv4.widen", true);
  options.widen_limit = static_cast<std::uint32_t>(values.integer("widen.limit"));
  options.sources = static_cast<std::uint32_t>(values.integer("sources"));

  const std::string_view usedns = kDnsUses[values.choice_index("usedns")];
  options.names = usedns == "no"    ? UseNames::kNo
                  : usedns == "raw" ? UseNames::kRaw
                                    : UseNames::kLookUp;
  if (options.names == UseNames::kRaw) {
    warn(values, "usedns", "only addresses are banned; what else the filter finds is told",
         diagnostics);
  }
  if (values.has("ignorecommand")) {
    options.ignorecommand = values.list("ignorecommand");
    if (options.ignorecommand.empty() || !options.ignorecommand.front().starts_with('/')) {
      diagnostics.add(
          values.about("ignorecommand", "its first line must be the program's whole path"));
      return std::nullopt;
    }
  }
  if (const auto cache = parse_ignorecache(values.string("ignorecache"))) {
    options.ignorecache_count = cache->count;
    options.ignorecache_time = cache->time;
  }
  const std::size_t errors = diagnostics.errors();
  read_outcome(values, options, diagnostics);
  if (const auto rule = BanTime::create(options.bantime, options.increment); !rule) {
    diagnostics.add(values.about("bantime.increment", rule.error().message()));
  }
  const auto check_steps_of = [&](std::string_view key, const util::Status& valid) {
    if (!valid) {
      diagnostics.add(values.about(key, valid.error().message()));
    }
  };
  check_steps_of("ipv6.widen",
                 validate_widening(options.ipv6_widen, net::Family::kIpv6, options.ipv6_prefix));
  check_steps_of("ipv4.widen", validate_widening(options.ipv4_widen, net::Family::kIpv4, 32));
  if (diagnostics.errors() == errors) {
    if (const util::Status valid = validate(options); !valid) {
      diagnostics.add(values.about("enabled", valid.error().message()));
    }
  }
  return diagnostics.errors() == errors ? std::optional(std::move(options)) : std::nullopt;
}

}  // namespace warder::jail
