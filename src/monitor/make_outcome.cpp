#include "monitor/make_outcome.h"

#include "monitor/text.h"
#include "util/result.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <cerrno>
#include <utility>

namespace warder::monitor {

std::string facts_text(const nlohmann::json& facts) {
  return facts.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Outcome unknown(std::string text, std::string cause, std::string next) {
  Outcome outcome;
  outcome.state = Outcome::State::kUnknown;
  outcome.mark = mark_of(cause);
  outcome.text = util::printable_again(text, Outcome::kLongestText);
  outcome.cause = std::move(cause);
  outcome.next = std::move(next);
  return outcome;
}

Outcome unreachable(const std::filesystem::path& path, int error) {
  return unknown(util::errno_error(util::printable(path.string()), error).message(),
                 error == EACCES ? "the agent's user may not reach it" : "it is not there",
                 fmt::format("ls -ld {}", shell_word(path.string())));
}

}  // namespace warder::monitor
