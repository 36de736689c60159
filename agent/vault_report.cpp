#include "agent/ask.h"
#include "agent/output.h"
#include "agent/user_name.h"
#include "agent/vault_words.h"
#include "agent/wiring.h"

#include <string>
#include <utility>

namespace warder::agent {
namespace {

// The agent keeps the history, so it is the one to write.
ExitStatus report(const Globals& globals, const VaultWords& words, std::string_view fallback) {
  api::Request request;
  request.command = api::Command::kReport;
  request.severity = words.severity.empty() ? std::string(fallback) : words.severity;
  auto text = read_report();
  if (!text) {
    return complain(text.error());
  }
  request.text = std::move(*text);
  request.by = user_name();
  return ask_and_print(globals, request, [](const nlohmann::json&) { return "recorded\n"; });
}

}  // namespace

ExitStatus log_audit(const Globals& globals, const VaultWords& words) {
  return report(globals, words, "info");
}

ExitStatus log_security_event(const Globals& globals, const VaultWords& words) {
  return report(globals, words, "high");
}

}  // namespace warder::agent
