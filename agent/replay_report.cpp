#include "agent/replay_report.h"

#include "agent/output.h"
#include "util/duration.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace warder::agent {
namespace {

using engine::ReplayChange;
using engine::ReplayedBan;
using engine::ReplayReport;
using nlohmann::json;

constexpr std::size_t kBansShown = 50;
constexpr std::size_t kChangesShown = 100;
constexpr std::size_t kInnocentsShown = 20;

std::string length_text(std::optional<std::chrono::microseconds> time) {
  return time ? util::format_duration(std::chrono::floor<std::chrono::seconds>(*time)) : "for ever";
}

std::optional<std::chrono::microseconds> length_of(const ReplayedBan& ban) {
  return ban.end ? std::optional<std::chrono::microseconds>(*ban.end - ban.start) : std::nullopt;
}

std::string place_text(const ReplayedBan& ban) {
  if (ban.line > 0) {
    return fmt::format("{}:{}", util::printable(ban.log, 80), ban.line);
  }
  return fmt::format("{} at byte {}", util::printable(ban.log, 80), ban.offset);
}

std::string start_text(const ReplayedBan& ban) {
  return short_time(util::format_rfc3339(ban.start));
}

std::string head_text(std::string_view name, const ReplayReport& report) {
  std::string text = report.lines > 0 ? fmt::format("{}, ", counted(report.lines, "line")) : "";
  text = fmt::format("{}{}{}, {}", name, text, counted(report.findings, "finding"),
                     counted(report.bans.size() + report.bans_left_out, "ban"));
  if (report.ignored > 0) {
    text += fmt::format(", {} ignored by the jail", counted(report.ignored, "finding"));
  }
  if (report.prevented > 0) {
    text += fmt::format(", {} of those banned at the time", counted(report.prevented, "finding"));
  }
  if (report.undated > 0) {
    text += fmt::format(", {} without a date", report.undated);
  }
  if (report.named > 0) {
    text += fmt::format(", {} with a host's name, which replay does not look up", report.named);
  }
  return text + '\n';
}

std::string bans_text(const ReplayReport& report) {
  TextTable table({"START", "ADDRESS", "FOR", "NUMBER", "WHY", "LINE"});
  for (std::size_t i = 0; i < report.bans.size() && i < kBansShown; ++i) {
    const ReplayedBan& ban = report.bans[i];
    table.add({start_text(ban), ban.address.to_string(), length_text(length_of(ban)),
               std::to_string(ban.count), util::printable(ban.reason, 80), place_text(ban)});
  }
  if (table.empty()) {
    return "\nnobody would be banned\n";
  }
  std::string text = '\n' + table.to_text();
  if (report.bans.size() > kBansShown) {
    text += fmt::format("{} more, see --json\n", report.bans.size() - kBansShown);
  }
  return text;
}

std::string painted(ReplayChange::Kind kind, const Paint& paint) {
  const std::string word(to_string(kind));
  switch (kind) {
    case ReplayChange::Kind::kAdded:
    case ReplayChange::Kind::kLonger:
    case ReplayChange::Kind::kSooner:
      return paint.red(word);
    default:
      return paint.green(word);
  }
}

std::string changes_text(const std::vector<ReplayChange>& changes, const Paint& paint) {
  if (changes.empty()) {
    return "\nthe change makes no difference in these lines\n";
  }
  TextTable table({"CHANGE", "ADDRESS", "BEFORE", "AFTER", "LINE"});
  for (std::size_t i = 0; i < changes.size() && i < kChangesShown; ++i) {
    const ReplayChange& change = changes[i];
    const auto side = [&](const ReplayedBan* ban,
                          std::optional<std::chrono::microseconds> time) -> std::string {
      if (ban != nullptr) {
        return fmt::format("{} from {}", length_text(time), start_text(*ban));
      }
      return change.covered_by != nullptr
                 ? fmt::format("within {}", change.covered_by->address.to_string())
                 : "not banned";
    };
    table.add({painted(change.kind, paint), change.address.to_string(),
               side(change.before, change.before_time), side(change.after, change.after_time),
               place_text(change.after != nullptr ? *change.after : *change.before)});
  }
  std::string text = '\n' + table.to_text();
  if (changes.size() > kChangesShown) {
    text += fmt::format("{} more, see --json\n", changes.size() - kChangesShown);
  }
  std::size_t counts[6] = {};
  for (const ReplayChange& change : changes) {
    ++counts[static_cast<std::size_t>(change.kind)];
  }
  std::string summary;
  for (std::size_t i = 0; i < 6; ++i) {
    if (counts[i] > 0) {
      summary += fmt::format("{}{} {}", summary.empty() ? "" : ", ", counts[i],
                             to_string(static_cast<ReplayChange::Kind>(i)));
    }
  }
  return text + '\n' + summary + '\n';
}

std::string innocents_text(const std::vector<engine::Innocent>& found, const Paint& paint) {
  if (found.empty()) {
    return {};
  }
  TextTable table({"ADDRESS", "BANS", "FINDINGS", "SUCCESSES"});
  for (std::size_t i = 0; i < found.size() && i < kInnocentsShown; ++i) {
    const engine::Innocent& one = found[i];
    const std::string successes = std::to_string(one.seen.successes);
    table.add({one.address.to_string(), std::to_string(one.seen.bans),
               std::to_string(one.seen.findings),
               one.seen.successes > 0 ? paint.yellow(successes) : successes});
  }
  std::string text =
      '\n' + paint.bold("PERHAPS INNOCENT: banned, but also logged in, or stopped at the limit") +
      '\n' + table.to_text();
  if (found.size() > kInnocentsShown) {
    text += fmt::format("{} more, see --json\n", found.size() - kInnocentsShown);
  }
  return text;
}

json optional_time(const std::optional<util::WallTime>& time) {
  return time ? json(util::format_rfc3339(*time)) : json(nullptr);
}

json ban_json(const ReplayedBan& ban) {
  json row{{"address", ban.address.to_string()},
           {"start", util::format_rfc3339(ban.start)},
           {"end", optional_time(ban.end)},
           {"count", ban.count},
           {"reason", ban.reason},
           {"log", ban.log},
           {"offset", ban.offset},
           {"text", ban.text}};
  if (ban.line > 0) {
    row["line"] = ban.line;
  }
  return row;
}

json report_json(const ReplayReport& report) {
  json bans = json::array();
  for (const ReplayedBan& ban : report.bans) {
    bans.push_back(ban_json(ban));
  }
  return {{"lines", report.lines},
          {"findings", report.findings},
          {"ignored", report.ignored},
          {"prevented", report.prevented},
          {"undated", report.undated},
          {"named", report.named},
          {"first", optional_time(report.first)},
          {"last", optional_time(report.last)},
          {"bans", std::move(bans)},
          {"bans_left_out", report.bans_left_out}};
}

}  // namespace

std::string replay_text(const ReplayView& view, const Paint& paint) {
  const ReplayReport& looked_at = view.after != nullptr ? *view.after : view.before;
  std::string text;
  if (view.before.first && view.before.last) {
    text += paint.bold(fmt::format("jail {}, findings from {} to {}", view.jail,
                                   short_time(util::format_rfc3339(*view.before.first)),
                                   short_time(util::format_rfc3339(*view.before.last)))) +
            '\n';
  } else {
    text += paint.bold(fmt::format("jail {}", view.jail)) + '\n';
  }
  if (view.after == nullptr) {
    text += head_text("", view.before) + bans_text(view.before);
  } else {
    text += head_text("before: ", view.before) + head_text("after:  ", *view.after);
    text += changes_text(compare(view.before.bans, view.after->bans), paint);
  }
  return text + innocents_text(innocents(looked_at, view.maxretry), paint);
}

std::string replay_json(const ReplayView& view) {
  const ReplayReport& looked_at = view.after != nullptr ? *view.after : view.before;
  json document = report_json(view.before);
  document["jail"] = view.jail;
  json perhaps = json::array();
  for (const engine::Innocent& one : innocents(looked_at, view.maxretry)) {
    perhaps.push_back({{"address", one.address.to_string()},
                       {"bans", one.seen.bans},
                       {"findings", one.seen.findings},
                       {"successes", one.seen.successes}});
  }
  document["perhaps_innocent"] = std::move(perhaps);
  if (view.after != nullptr) {
    json changes = json::array();
    for (const ReplayChange& change : compare(view.before.bans, view.after->bans)) {
      json row{{"change", to_string(change.kind)},
               {"address", change.address.to_string()},
               {"before", nullptr},
               {"after", nullptr}};
      if (change.before != nullptr) {
        row["before"] = ban_json(*change.before);
      }
      if (change.after != nullptr) {
        row["after"] = ban_json(*change.after);
      }
      if (change.covered_by != nullptr) {
        row["covered_by"] = change.covered_by->address.to_string();
      }
      changes.push_back(std::move(row));
    }
    document["after"] = report_json(*view.after);
    document["changes"] = std::move(changes);
  }
  return document.dump(-1, ' ', false, json::error_handler_t::replace) + '\n';
}

}  // namespace warder::agent
