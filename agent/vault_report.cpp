#include "agent/ask.h"
#include "agent/output.h"
#include "agent/vault_words.h"
#include "agent/wiring.h"
#include "model/event.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <string>

namespace warder::agent {
namespace {

// The agent keeps the history, so it is the one to write.
ExitStatus report(const Globals& globals, const VaultWords& words, std::string_view fallback) {
  api::Request request;
  request.command = api::Command::kReport;
  request.severity = words.severity.empty() ? std::string(fallback) : words.severity;
  if (!model::parse_severity(request.severity)) {
    return complain(util::Error(util::ErrorCode::kInvalid,
                                fmt::format("--severity: '{}' is none; info, notice, warning, "
                                            "high or critical",
                                            util::printable(request.severity, 40))));
  }
  auto text = read_standard_input(api::Request::kLongestText);
  if (!text) {
    return complain(text.error());
  }
  request.text = util::to_valid_utf8(*text);
  if (util::trim(request.text).empty()) {
    return complain(util::Error(util::ErrorCode::kInvalid,
                                "standard input is empty; what happened is read from there"));
  }
  if (request.text.size() > api::Request::kLongestText) {
    return complain(util::Error(util::ErrorCode::kInvalid,
                                "standard input is too long once its bytes are valid UTF-8; send "
                                "it in parts"));
  }
  request.by = user_name();
  const auto answer = ask_agent(globals, request);
  if (!answer) {
    return complain(answer.error());
  }
  print(globals.json ? *answer + '\n' : "recorded\n");
  return ExitStatus::kOk;
}

}  // namespace

ExitStatus log_audit(const Globals& globals, const VaultWords& words) {
  return report(globals, words, "info");
}

ExitStatus log_security_event(const Globals& globals, const VaultWords& words) {
  return report(globals, words, "high");
}

}  // namespace warder::agent
