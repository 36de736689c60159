// Text of an attacker in every field of an event: each form is valid JSON in valid UTF-8 within its
// limits, with the fields we set and no others, and nobody is mentioned.
#include "fuzz/require.h"
#include "ship/alert_forms.h"
#include "ship/digest.h"
#include "ship/forms.h"
#include "ship/oci_logging.h"
#include "ship/report_forms.h"
#include "ship/text.h"
#include "util/strings.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

using namespace warder;
using nlohmann::json;
using warder::testing::require;

namespace {

json parsed(const std::string& text) {
  require(util::to_valid_utf8(text) == text);
  json result = json::parse(text, nullptr, false);
  require(!result.is_discarded());
  return result;
}

// No "@" that a chat program would act upon.
void require_defused(const std::string& text) {
  for (std::size_t at = text.find('@'); at != std::string::npos; at = text.find('@', at + 1)) {
    require(text.compare(at + 1, 3, "\xE2\x80\x8B") == 0);
  }
  require(text.find("://") == std::string::npos);
}

void check(const ship::Message& message) {
  const ship::Sender sender{"web-1", "ops"};
  const json slack = parsed(ship::slack_body(sender, message));
  require(slack.size() == 4);
  const auto text = slack["text"].get<std::string>();
  require(text.size() < 4000 && text.find('<') == std::string::npos);
  require_defused(text);
  const json discord = parsed(ship::discord_body(sender, message));
  require(discord.size() == 2 && discord["allowed_mentions"]["parse"].empty());
  require(discord["embeds"][0]["title"].get<std::string>().size() <= 256);
  require(discord["embeds"][0]["description"].get<std::string>().size() <= 4096);
  require_defused(discord["embeds"][0]["description"]);
  const json ntfy = parsed(ship::ntfy_body(sender, "topic", message));
  require(ntfy.size() == 5 && ntfy["topic"] == "topic");
  require(ntfy["message"].get<std::string>().size() < 4096);
  require_defused(ntfy["message"]);
  const std::string teams = ship::teams_body(sender, message);
  require(teams.size() < 28'000);
  const json card = parsed(teams)["attachments"][0]["content"];
  require(card.size() == 4);
  for (const json& block : card["body"]) {
    require(block["type"] == "RichTextBlock" && block["inlines"][0]["type"] == "TextRun");
    require_defused(block["inlines"][0]["text"]);
  }
  const json gotify = parsed(ship::gotify_body(sender, message));
  require(gotify.size() == 4 && gotify["extras"].size() == 1);
  require_defused(gotify["title"]);
  require_defused(gotify["message"]);
  const json page = parsed(ship::pagerduty_body(sender, "key", message));
  require(page.size() == 5 && page["routing_key"] == "key" && page["payload"].size() == 7);
  require(page["payload"]["summary"].get_ref<const std::string&>().size() <= 1024);
  require(page["dedup_key"].get_ref<const std::string&>().size() == 64);
  const json alerts = parsed(ship::alertmanager_body(sender, message));
  require(alerts.size() == 1 && alerts[0].size() == 3 && alerts[0]["annotations"].size() == 4);
  for (const auto& [name, value] : alerts[0]["labels"].items()) {
    require(value.is_string());
  }
  if (const auto report = ship::abuse_report_of(message)) {
    for (const std::string& body : {ship::abuseipdb_body("15", *report),
                                    ship::blocklist_body("ops@example.org", "key", *report)}) {
      // No text breaks out of its field.
      require(std::count(body.begin(), body.end(), '=') ==
              1 + std::count(body.begin(), body.end(), '&'));
      require(
          body.size() < 4096 &&
          body.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 "-._~%=&") == std::string::npos);
    }
  }
  const std::vector<ship::Message> one{message};
  const json generic = parsed(ship::generic_body(sender, one, util::WallTime{}));
  require(generic["messages"].size() == 1 && generic["messages"][0]["key"].is_string());
  const json logs = parsed(ship::put_logs_body("host", one, util::WallTime{}));
  const json entry = logs["logEntryBatches"][0]["entries"][0];
  require(entry["data"].get_ref<const std::string&>().size() <= 10'000);
  parsed(entry["data"].get<std::string>());
  const std::string line = ship::json_line(sender, message);
  require(line.find('\n') == std::string::npos);
  parsed(line);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  ship::Digest digest("ops", std::chrono::seconds(60));
  for (std::uint64_t id = 1; id <= 3; ++id) {
    model::OutboxItem item;
    item.id = id;
    item.event.kind = size % 2 == 0 ? model::EventKind::kBan : model::EventKind::kSecurity;
    item.event.severity = static_cast<model::Severity>(size % 5);
    item.event.jail = id == 1 ? text : text.substr(0, size / 2);
    item.event.message = text;
    item.event.detail = text;
    digest.add(item, util::MonotonicTime{});
  }
  while (const auto message = digest.take(util::MonotonicTime(std::chrono::minutes(2)))) {
    check(*message);
  }
  for (const std::size_t limit : {0U, 1U, 10U, 100U}) {
    require(ship::plain_text(text, limit).size() <= limit);
    require(ship::chat_text(text, limit).size() <= limit);
    require(ship::slack_text(text, limit).size() <= limit);
    require(ship::discord_text(text, limit).size() <= limit);
  }
  return 0;
}
