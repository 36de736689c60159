#include "agent/ask.h"

#include "agent/output.h"
#include "agent/wiring.h"
#include "api/client.h"
#include "util/strings.h"

namespace warder::agent {

util::Result<std::string> ask_agent(const Globals& globals, const api::Request& request) {
  std::filesystem::path socket = globals.socket;
  if (socket.empty()) {
    WARDER_ASSIGN_OR_RETURN(socket, control_socket(globals));
  }
  return api::ask(socket, request);
}

ExitStatus ask_and_print(const Globals& globals, const api::Request& request,
                         const std::function<std::string(const nlohmann::json&)>& text) {
  const auto answer = ask_agent(globals, request);
  if (!answer) {
    return complain(answer.error());
  }
  print(globals.json ? *answer + '\n' : text(nlohmann::json::parse(*answer)));
  return ExitStatus::kOk;
}

util::Result<std::string> read_report() {
  WARDER_ASSIGN_OR_RETURN(std::string text, read_standard_input(api::Request::kLongestText));
  text = util::to_valid_utf8(text);
  if (util::trim(text).empty()) {
    return util::Error(util::ErrorCode::kInvalid,
                       "standard input is empty; what happened is read from there");
  }
  if (text.size() > api::Request::kLongestText) {
    return util::Error(util::ErrorCode::kInvalid,
                       "standard input is too long once its bytes are valid UTF-8; send it in "
                       "parts");
  }
  return text;
}

}  // namespace warder::agent
