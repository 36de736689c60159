#include "config/manual.h"

#include "config/check.h"
#include "config/ini.h"

#include <catch2/catch.hpp>

using namespace warder::config;

namespace {

constexpr Key kAgentKeys[] = {
    {.name = "data",
     .type = Type::kPath,
     .fallback = "/var/lib/warder",
     .change = Change::kRestart,
     .text = "Where the agent keeps its state. The folder belongs to the agent's user and to "
             "nobody else.",
     .example = "/srv/warder"},
    {.name = "pattern", .text = "A | in a table.", .example = "a|b"},
};
constexpr Key kStoreKeys[] = {
    {.name = "keep",
     .type = Type::kDuration,
     .fallback = "1y",
     .least = "1d",
     .change = Change::kLive,
     .text = "How long events are kept.",
     .example = "90d"},
};
constexpr Key kHookKeys[] = {
    {.name = "url",
     .type = Type::kUrl,
     .required = true,
     .secret = true,
     .text = "Where to.",
     .example = "https://h/x"},
    {.name = "token",
     .type = Type::kSecret,
     .text = "What proves it.",
     .example = "vault:alerts/t"},
    {.name = "kinds",
     .type = Type::kLines,
     .fallback = "ban\nunban",
     .text = "What is sent.",
     .example = "ban"},
};
constexpr Table kAgent{.section = "agent", .text = "The agent itself.", .keys = kAgentKeys};
constexpr Table kStore{.section = "agent", .keys = kStoreKeys};
constexpr Table kHook{.section = "webhook *", .text = "A webhook.", .keys = kHookKeys};
const Table* const kTables[] = {&kAgent, &kHook, &kStore};

}  // namespace

TEST_CASE("the manual for a terminal") {
  CHECK(manual_text(kTables) == R"([agent]
  The agent itself.

  data
      Where the agent keeps its state. The folder belongs to the agent's user
      and to nobody else.
      Allowed: an absolute path.
      Default: /var/lib/warder. A change needs a restart of the agent.
      Example: data = /srv/warder

  pattern
      A | in a table.
      Allowed: one line of text.
      Default: unset. A change is taken by `warder reload`.
      Example: pattern = a|b

  keep
      How long events are kept.
      Allowed: a time of at least 1d.
      Default: 1y. A change is taken at once.
      Example: keep = 90d

[webhook NAME]
  A webhook.

  url
      Where to.
      Allowed: http or https://HOST[:PORT][/PATH], without user name and
      password.
      Default: must be set. A change is taken by `warder reload`.
      Example: url = https://h/x

  token
      What proves it.
      Allowed: vault:DOCUMENT/KEY, file:/PATH or credential:NAME.
      Default: unset. A change is taken by `warder reload`.
      Example: token = vault:alerts/t

  kinds
      What is sent.
      Allowed: a list, one entry a line.
      Default: ban, unban. A change is taken by `warder reload`.
      Example: kinds = ban
)");
}

TEST_CASE("the manual as Markdown") {
  const Table* const tables[] = {&kAgent};
  CHECK(manual_markdown(tables) == R"(## `[agent]`

The agent itself.

| key | default | allowed | meaning |
|---|---|---|---|
| `data` | /var/lib/warder | an absolute path | Where the agent keeps its state. The folder belongs to the agent's user and to nobody else. Example: `/srv/warder`. A change needs a restart of the agent. |
| `pattern` | unset | one line of text | A \| in a table. Example: `a\|b`. A change is taken by `warder reload`. |
)");
}

TEST_CASE("the sample says every key and reads as a configuration") {
  const std::string sample = sample_config(kTables);
  CHECK(sample == R"(# The agent itself.
[agent]

# Where the agent keeps its state. The folder belongs to the agent's user and to
# nobody else.
# Allowed: an absolute path.
# data = /var/lib/warder

# A | in a table.
# Allowed: one line of text.
# pattern = a|b

# How long events are kept.
# Allowed: a time of at least 1d.
# keep = 1y

# A webhook.
# [webhook NAME]

# Where to.
# Allowed: http or https://HOST[:PORT][/PATH], without user name and password.
# url = https://h/x

# What proves it.
# Allowed: vault:DOCUMENT/KEY, file:/PATH or credential:NAME.
# token = vault:alerts/t

# What is sent.
# Allowed: a list, one entry a line.
# kinds = ban
#   unban
)");
  Diagnostics diagnostics;
  Document document;
  document.add(parse_ini(sample, "sample.conf", diagnostics));
  check_document(kTables, document, diagnostics);
  CHECK(diagnostics.to_text() == "");
}

TEST_CASE("effective values with the place of each, without secrets") {
  Diagnostics diagnostics;
  Document document;
  document.add(
      parse_ini("[webhook ops]\nurl=https://h/hunter2\ntoken=vault:alerts/t\n[agent]\nkeep=2y\n",
                "w.conf", diagnostics));
  const Checked checked = check_document(kTables, document, diagnostics);
  CHECK(diagnostics.to_text() == "");
  const std::string text = dump(checked.list());
  CHECK(text == R"([webhook ops]
# w.conf:2
url = (secret)
# w.conf:3
token = vault:alerts/t
# default
kinds = ban
  unban

[agent]
# default
data = /var/lib/warder
# w.conf:5
keep = 2y
)");
}
