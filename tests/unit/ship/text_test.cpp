#include "ship/text.h"

#include <catch2/catch.hpp>

using namespace warder;

TEST_CASE("hostile text becomes one harmless line") {
  CHECK(ship::plain_text("a\r\nBcc: x\x1b[2J\xE2\x80\xAE\xFF", 200) ==
        "a\\x0d\\x0aBcc: x\\x1b[2J\\u{202e}\\xff");
  CHECK(ship::plain_text(std::string(1 << 20, 'a'), 10) == "aaaaaaa...");
}

TEST_CASE("mentions and links are defused") {
  CHECK(ship::chat_text("@everyone see https://evil.example/x", 200) ==
        "@\xE2\x80\x8B"
        "everyone see https:\xE2\x80\x8B//evil.example/x");
}

TEST_CASE("Slack's control sequences") {
  CHECK(ship::slack_text("<!channel> <@U1> <http://x|y> &amp;", 200) ==
        "&lt;!channel&gt; &lt;@\xE2\x80\x8BU1&gt; &lt;http:\xE2\x80\x8B//x|y&gt; &amp;amp;");
}

TEST_CASE("Discord's markup") {
  CHECK(ship::discord_text("**b** _i_ `c` ||s|| [t](u) <@1> # h", 200) ==
        "\\*\\*b\\*\\* \\_i\\_ \\`c\\` \\|\\|s\\|\\| \\[t\\]\\(u\\) \\<@\xE2\x80\x8B"
        "1\\> \\# h");
}

TEST_CASE("a limit never tears an escape or a character") {
  for (std::size_t limit = 0; limit < 24; ++limit) {
    const std::string cut = ship::slack_text("a&b<c>d@e\xC3\xA9", limit);
    CHECK(cut.size() <= limit);
  }
  CHECK(ship::slack_text("&&&&", 20) == "&amp;&amp;&amp;&amp;");
  CHECK(ship::slack_text("&&&&&", 20) == "&amp;&amp;&amp;...");
}
