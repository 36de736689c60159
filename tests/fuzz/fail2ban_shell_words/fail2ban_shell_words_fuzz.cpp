#include "fail2ban/action_destination.h"
#include "fail2ban/shell_words.h"
#include "fuzz/require.h"
#include "util/strings.h"

#include <cstdint>
#include <string>
#include <string_view>

using namespace warder;
using warder::testing::require;

// What is taken for a plain command holds nothing outside of quotes that a shell would act on; what
// is put into arguments has no tag but those that stand for addresses and numbers.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto words = fail2ban::plain_words(text);
  if (words) {
    require(!words->empty() && words->size() <= 100);
    if (text.find_first_of("'\"") == std::string_view::npos) {
      require(text.find_first_of(";&|$`*?()[]{}") == std::string_view::npos);
    }
    for (const std::string& word : *words) {
      require(word.find('\n') == std::string::npos);
    }
  }
  const auto command = fail2ban::command_destination(text, text, "a", "j", {});
  if (command) {
    // Blanks around a command, a carriage return too, are none of it.
    require(fail2ban::plain_words(util::trim(text)).has_value());
    for (const auto& [key, value] : command->keys) {
      require(value.find("<matches>") == std::string::npos);
      require(value.find("<F-") == std::string::npos);
    }
  }
  (void)fail2ban::webhook_destination(text, "a");
  return 0;
}
