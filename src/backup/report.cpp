#include "backup/report.h"

#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace warder::backup {
namespace {

using nlohmann::json;
using util::Error;
using util::ErrorCode;

constexpr std::size_t kMostParts = 200;

std::string dump(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string cut(std::string text, std::size_t most) {
  if (text.size() <= most) {
    return text;
  }
  text.resize(most);
  return util::to_valid_utf8(text);
}

std::vector<std::string> next_steps(ErrorCode code, const Report& report) {
  const bool restores = report.verb == "restore";
  const std::string again = restores ? "the same command again"
                                     : fmt::format("warder backup {} {}", report.verb, report.set);
  if (report.lack == Lack::kPassphrase) {
    return {"warder vault test --backup-passphrase      # where it should lie",
            report.verb == "now" || report.verb == "re-encrypt"
                ? again
                : "with the passphrase on paper: the same command and --passphrase-file FILE"};
  }
  switch (code) {
    case ErrorCode::kDenied:
      return {"see the rights of what the cause names: whose it is, who may read it",
              fmt::format("warder backup check {}", report.set)};
    case ErrorCode::kUnavailable:
    case ErrorCode::kTimeout:
      return {"look whether the vault and the storage can be reached", again};
    case ErrorCode::kIo:
      return {"df -h", again};
    case ErrorCode::kConflict:
      if (restores) {
        return {"do what the cause says", again};
      }
      return {fmt::format("warder backup list {}", report.set)};
    case ErrorCode::kNotFound:
      if (restores) {
        return {
            fmt::format("warder backup list {}      # what there is, here and outside", report.set),
            again};
      }
      return {fmt::format("warder check      # are the paths of [backup {}] right?", report.set),
              again};
    default:
      return {fmt::format("warder backup verify {} --all", report.set),
              fmt::format("warder backup list {}", report.set)};
  }
}

}  // namespace

void Report::fail(const Error& error, std::string what) {
  good = false;
  summary = std::move(what);
  cause = error.message();
  next = next_steps(error.code(), *this);
}

std::string to_text(const Report& report) {
  std::string text;
  if (report.good) {
    text += fmt::format("{}\n", report.summary);
  } else {
    text += fmt::format("ERROR: {}\nCAUSE: {}\n", report.summary, report.cause);
    text += "NEXT STEPS:\n";
    for (std::size_t i = 0; i < report.next.size(); ++i) {
      text += fmt::format("  {}. {}\n", i + 1, report.next[i]);
    }
  }
  std::size_t width = 0;
  for (const auto& [name, value] : report.facts) {
    width = std::max(width, name.size());
  }
  for (const auto& [name, value] : report.facts) {
    text += fmt::format("  {:<{}}  {}\n", name, width, value);
  }
  for (const std::string& note : report.notes) {
    text += fmt::format("  note: {}\n", note);
  }
  return text;
}

json to_json(const Report& report) {
  json document{{"verb", report.verb},
                {"set", report.set},
                {"host", report.host},
                {"begun", util::format_rfc3339(report.begun)},
                {"seconds", report.seconds},
                {"good", report.good},
                {"summary", report.summary},
                {"notes", report.notes},
                {"cause", report.cause},
                {"next", report.next},
                {"failures_in_a_row", report.failures_in_a_row},
                {"facts", json::array()}};
  for (const auto& [name, value] : report.facts) {
    document["facts"].push_back({name, value});
  }
  return document;
}

util::Result<Report> read_report(std::string_view text) {
  const json document = json::parse(text, nullptr, false);
  const Error wrong(ErrorCode::kInvalid, "this is no report of a backup");
  if (!document.is_object()) {
    return wrong;
  }
  Report report;
  bool good = true;
  const auto take_text = [&](const char* name, std::string& out) {
    const auto found = document.find(name);
    good = good && found != document.end() && found->is_string();
    if (good) {
      out = found->get<std::string>();
    }
  };
  const auto take_list = [&](const char* name, std::vector<std::string>& out) {
    const auto found = document.find(name);
    good = good && found != document.end() && found->is_array() && found->size() <= kMostParts &&
           std::ranges::all_of(*found, [](const json& one) { return one.is_string(); });
    if (good) {
      out = found->get<std::vector<std::string>>();
    }
  };
  std::string begun;
  take_text("verb", report.verb);
  take_text("set", report.set);
  take_text("host", report.host);
  take_text("begun", begun);
  take_text("summary", report.summary);
  take_text("cause", report.cause);
  take_list("notes", report.notes);
  take_list("next", report.next);
  if (!good || !document.contains("seconds") || !document["seconds"].is_number() ||
      !document.contains("good") || !document["good"].is_boolean() ||
      !document.contains("failures_in_a_row") ||
      !document["failures_in_a_row"].is_number_unsigned() || !document.contains("facts") ||
      !document["facts"].is_array() || document["facts"].size() > kMostParts) {
    return wrong;
  }
  const auto time = util::parse_rfc3339(begun);
  if (!time) {
    return wrong;
  }
  report.begun = *time;
  report.seconds = document["seconds"].get<double>();
  report.good = document["good"].get<bool>();
  report.failures_in_a_row = document["failures_in_a_row"].get<std::uint64_t>();
  for (const json& fact : document["facts"]) {
    if (!fact.is_array() || fact.size() != 2 || !fact[0].is_string() || !fact[1].is_string()) {
      return wrong;
    }
    report.facts.emplace_back(fact[0].get<std::string>(), fact[1].get<std::string>());
  }
  return report;
}

model::Event event_of(const Report& report) {
  model::Event event;
  event.kind = model::EventKind::kBackup;
  event.time = report.begun;
  if (report.good) {
    event.severity = report.notes.empty() ? model::Severity::kInfo : model::Severity::kNotice;
  } else {
    event.severity = report.failures_in_a_row >= kFailuresTold ? model::Severity::kCritical
                                                               : model::Severity::kHigh;
  }
  std::string message = fmt::format("backup {} {}: {}", report.verb, report.set, report.summary);
  if (report.failures_in_a_row >= kFailuresTold) {
    message += fmt::format(" ({} failures in a row)", report.failures_in_a_row);
  }
  if (!report.good) {
    message += ": " + report.cause;
  }
  event.message =
      cut(util::printable(message, model::Event::kLongestMessage), model::Event::kLongestMessage);
  // Ordered: who reads the facts in a mail reads them as the report tells them.
  nlohmann::ordered_json detail{
      {"verb", report.verb}, {"set", report.set},
      {"good", report.good}, {"seconds", report.seconds},
      {"next", report.next}, {"failures_in_a_row", report.failures_in_a_row}};
  // One that works ends what one that failed began.
  detail["incident"] = fmt::format("backup/{}/{}", report.set, report.verb);
  detail["state"] = report.good ? "good" : "bad";
  if (!report.good) {
    detail["cause"] = report.cause;
  }
  auto& facts = detail["facts"] = nlohmann::ordered_json::object();
  for (const auto& [name, value] : report.facts) {
    facts[name] = value;
  }
  std::string text = dump(detail);
  if (text.size() > model::Event::kLongestDetail) {
    detail.erase("facts");
    text = dump(detail);
  }
  event.detail = text.size() > model::Event::kLongestDetail ? std::string() : text;
  return event;
}

}  // namespace warder::backup
