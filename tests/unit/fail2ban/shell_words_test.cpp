#include "fail2ban/shell_words.h"

#include <catch2/catch.hpp>

using namespace warder;

namespace {

using Words = std::vector<std::string>;

std::string why(std::string_view command) {
  const auto words = fail2ban::plain_words(command);
  return words ? "(" + std::to_string(words->size()) + " words)" : words.error().message();
}

}  // namespace

TEST_CASE("a program with arguments needs no shell") {
  CHECK(*fail2ban::plain_words("/bin/ban <ip>") == Words{"/bin/ban", "<ip>"});
  CHECK(*fail2ban::plain_words("  ban\t'a b'  \"c d\" e'f'\"g\"h '' ") ==
        Words{"ban", "a b", "c d", "efgh", ""});
  CHECK(*fail2ban::plain_words("ban \\\n--net=<ip>/32 '{\"a\": \"$x\"}'") ==
        Words{"ban", "--net=<ip>/32", R"({"a": "$x"})"});
  CHECK(*fail2ban::plain_words("ban a=b x#y z~ <F-USER> <jail.name> <ip-rev>") ==
        Words{"ban", "a=b", "x#y", "z~", "<F-USER>", "<jail.name>", "<ip-rev>"});
}

TEST_CASE("what is the shell's to do is named") {
  for (const auto& [command, told] : std::vector<std::pair<std::string, std::string>>{
           {"a\nb", "a second command, on a line of its own, needs a shell"},
           {"a; b", "';', more than one command, needs a shell"},
           {"a && b", "'&', more than one command, needs a shell"},
           {"a | b", "'|', more than one command, needs a shell"},
           {"a > b", "a redirection needs a shell"},
           {"a <b", "a redirection needs a shell"},
           {"a < <ip>", "a redirection needs a shell"},
           {"a $b", "'$', something to be replaced, needs a shell"},
           {"a \"$b\"", "'$' within double quotes needs a shell"},
           {"a `b`", "'`', something to be replaced, needs a shell"},
           {"a *.x", "'*', a pattern, needs a shell"},
           {"a {b,c}", "'{', a pattern, needs a shell"},
           {"(a)", "'(' needs a shell"},
           {"a \\b", "'\\' needs a shell"},
           {"a \"\\n\"", "'\\' within double quotes needs a shell"},
           {"a 'b", "a quote that does not end needs a shell"},
           {"a 'b\nc'", "a line end within quotes needs a shell"},
           {"a # b", "a comment needs a shell"},
           {"a ~/b", "'~' for a home folder needs a shell"},
           {"A=b c", "a variable before the command needs a shell"},
           {"if x", "'if', a word of the shell's, needs a shell"},
           {"exec x", "'exec', a word of the shell's, needs a shell"},
           {"/bin/sh -c x", "/bin/sh is one: it needs a shell"},
           {"<cmd> x", "a program that a tag names needs a shell"},
           {"a \x01", "a control character needs a shell"},
           {"", "there is no command"}}) {
    CHECK(why(command) == told);
  }
  std::string many = "a";
  for (int i = 0; i < 99; ++i) {
    many += " b";
  }
  CHECK(why(many) == "(100 words)");
  CHECK(why(many + " c") == "there are more than 100 words");
}
