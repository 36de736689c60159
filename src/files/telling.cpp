#include "files/telling.h"

#include "util/encoding.h"
#include "util/strings.h"
#include "util/users.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace warder::files {
namespace {

using nlohmann::json;
using Kind = Difference::Kind;

constexpr std::size_t kMostFolders = 20;
constexpr std::size_t kMostBytesOfList = 9000;
constexpr std::size_t kLongestIncidentPath = 120;
constexpr std::size_t kLongestPathInWords = 300;
constexpr std::size_t kLongestGroup = 100;

bool is_over(Tale tale) { return tale != Tale::kDiffers; }

json facts_of(const Entry& entry) {
  json facts{{"type", to_string(entry.type)},
             {"mode", fmt::format("{:04o}", entry.mode)},
             {"owner", util::user_name(entry.owner)},
             {"group", util::group_name(entry.group)}};
  if (entry.type == FileType::kFile) {
    facts["size"] = entry.size;
    if (entry.content == Content::kRead) {
      facts["sha256"] = util::to_hex(entry.digest);
    }
  } else if (entry.type == FileType::kLink) {
    facts["link"] = util::printable(entry.link, kLongestPathInWords);
  }
  return facts;
}

// For a shell: in single quotes, or nothing where that would not be what it is.
std::string quoted(const std::string& path) {
  const std::string shown = util::printable(path, kLongestPathInWords);
  return shown == path && path.find('\'') == std::string::npos ? fmt::format("'{}'", path)
                                                               : std::string();
}

std::string cause_of(const Difference& one) {
  if (!one.package.empty()) {
    return one.after ? fmt::format("the package manager: it is what {} brings", one.package)
                     : "the package manager: its package does not have it any more";
  }
  const std::string who = one.by.empty() ? "somebody" : one.by;
  switch (one.kind()) {
    case Kind::kNew:
      return fmt::format("{} made it after the baseline, and no package has it", who);
    case Kind::kMissing:
      return fmt::format("{} removed or renamed it", who);
    case Kind::kChanged:
      break;
  }
  return fmt::format("{} changed it, and no package explains it", who);
}

std::string next_of(const FilesOptions& options, const Difference& one) {
  const std::string path = quoted(one.path);
  const std::string accept = path.empty()
                                 ? fmt::format("warder files accept {}", options.name)
                                 : fmt::format("warder files accept {} {}", options.name, path);
  std::string look = fmt::format("warder files show {}", options.name);
  if (!path.empty() && one.after) {
    look = fmt::format("{}; stat {}", look, path);
    if (options.expects_packages && options.root == "/") {
      look = fmt::format("{}; dpkg -S {}", look, path);
    }
  }
  return fmt::format("{}; if it was you: {}", look, accept);
}

std::string_view word_of(Tale tale) {
  switch (tale) {
    case Tale::kDiffers:
      return "";
    case Tale::kExpected:
      return "expected: ";
    case Tale::kOver:
      return "as in the baseline again: ";
    case Tale::kAccepted:
      return "accepted: ";
  }
  return "";
}

model::Severity severity_in(const FilesOptions& options, Tale tale, const Difference& one) {
  return is_over(tale) ? std::min(options.severity, model::Severity::kNotice)
                       : severity_of(one, options.severity);
}

model::Event event_of(const FilesOptions& options, model::Severity severity, std::string message,
                      const json& detail, util::WallTime now) {
  model::Event event;
  event.kind = model::EventKind::kIntegrity;
  event.severity = severity;
  event.time = now;
  event.jail = options.name;
  event.message = util::printable_again(message, model::Event::kLongestMessage);
  event.detail = detail.dump(-1, ' ', false, json::error_handler_t::replace);
  return event;
}

model::Event single(const FilesOptions& options, Tale tale, const Difference& one,
                    util::WallTime now) {
  json detail{{"files", options.name},
              {"path", util::printable(one.path, 1000)},
              {"change", to_string(one.kind())},
              {"state", is_over(tale) ? "good" : "bad"},
              {"severity", model::to_string(severity_of(one, options.severity))},
              {"incident", incident_of(options.name, one.path)}};
  if (one.before) {
    detail["before"] = facts_of(*one.before);
  }
  if (one.after && tale != Tale::kOver) {
    detail["after"] = facts_of(*one.after);
  }
  if (!one.package.empty()) {
    detail["package"] = one.package;
  }
  if (!one.by.empty()) {
    detail["by"] = one.by;
  }
  if (tale == Tale::kDiffers) {
    detail["cause"] = cause_of(one);
    detail["next"] = next_of(options, one);
  } else if (tale == Tale::kExpected) {
    detail["cause"] = cause_of(one);
  }
  std::string text = one.to_text(options.fields);
  if (tale == Tale::kOver) {
    text = util::printable(one.path, 400);
  } else if (tale == Tale::kExpected) {
    text +=
        one.after ? fmt::format("; {}", one.package) : "; its package does not have it any more";
  }
  return event_of(options, severity_in(options, tale, one),
                  fmt::format("{}{}", word_of(tale), text), detail, now);
}

std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? "/" : path.substr(0, slash);
}

model::Event together(const FilesOptions& options, Tale tale,
                      std::span<const Difference> differences, util::WallTime now) {
  std::size_t kinds[3] = {};
  std::map<std::string, std::size_t> groups;
  json list = json::array();
  std::size_t bytes = 0;
  auto severity = model::Severity::kInfo;
  for (const Difference& one : differences) {
    ++kinds[static_cast<std::size_t>(one.kind())];
    ++groups[tale == Tale::kExpected ? one.package
                                     : util::printable(folder_of(one.path), kLongestGroup)];
    severity = std::max(severity, severity_in(options, tale, one));
    std::string text = one.to_text(options.fields);
    // In JSON a byte may take two (a quote, a backslash).
    bytes += 2 * text.size() + 4;
    if (bytes <= kMostBytesOfList) {
      list.push_back(std::move(text));
    }
  }
  std::vector<std::pair<std::size_t, std::string>> largest;
  for (const auto& [group, count] : groups) {
    largest.emplace_back(count, group);
  }
  std::sort(largest.begin(), largest.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  const std::size_t others = largest.size() - std::min(largest.size(), kMostFolders);
  largest.resize(largest.size() - others);
  json shown = json::object();
  std::string most;
  for (const auto& [count, group] : largest) {
    shown[group] = count;
    if (shown.size() <= 4) {
      most += fmt::format("{}{} ({})", most.empty() ? "" : ", ", group, count);
    }
  }
  std::string text;
  for (const Kind kind : {Kind::kChanged, Kind::kNew, Kind::kMissing}) {
    if (const std::size_t count = kinds[static_cast<std::size_t>(kind)]; count > 0) {
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, to_string(kind));
    }
  }
  const std::string message =
      fmt::format("{}{} files and folders: {}; most {} {}", word_of(tale), differences.size(), text,
                  tale == Tale::kExpected ? "of" : "in", most);
  json detail{{"files", options.name},
              {"state", is_over(tale) ? "good" : "bad"},
              {"severity", model::to_string(severity)},
              {"incident", fmt::format("files/{}", options.name)},
              {"facts",
               {{"changed", kinds[0]},
                {"new", kinds[1]},
                {"missing", kinds[2]},
                {tale == Tale::kExpected ? "packages" : "folders", shown},
                {"others", others},
                {"first", list},
                {"not_listed", differences.size() - list.size()}}}};
  if (tale == Tale::kDiffers) {
    detail["cause"] =
        "many files changed at once: an upgrade that dpkg did not make, a restore, "
        "or somebody who replaces the system";
    detail["next"] = fmt::format("warder files show {}; if it was you: warder files accept {}",
                                 options.name, options.name);
  }
  return event_of(options, severity, message, detail, now);
}

}  // namespace

std::string incident_of(std::string_view name, std::string_view path) {
  const std::string shown = util::printable(path, 4 * kLongestPath);
  return fmt::format("files/{}{}", name,
                     shown.size() <= kLongestIncidentPath
                         ? shown
                         : "/" + util::to_hex(crypto::sha256(util::as_bytes(path))).substr(0, 32));
}

std::vector<model::Event> tell(const FilesOptions& options, Tale tale,
                               std::span<const Difference> differences, util::WallTime now) {
  std::vector<model::Event> events;
  if (differences.size() > kMostSingly) {
    events.push_back(together(options, tale, differences, now));
    return events;
  }
  for (const Difference& one : differences) {
    events.push_back(single(options, tale, one, now));
  }
  return events;
}

model::Event tell_whole(const FilesOptions& options, model::Severity severity,
                        std::string_view state, const std::string& message,
                        const std::string& cause, const std::string& next, const std::string& facts,
                        util::WallTime now) {
  json detail{{"files", options.name},
              {"state", state},
              {"severity", model::to_string(severity)},
              {"incident", fmt::format("files/{}", options.name)}};
  if (!cause.empty()) {
    detail["cause"] = cause;
  }
  if (!next.empty()) {
    detail["next"] = next;
  }
  if (json given = json::parse(facts, nullptr, false); given.is_object()) {
    detail["facts"] = std::move(given);
  }
  return event_of(options, severity, message, detail, now);
}

}  // namespace warder::files
