#include "vault/env_file.h"

#include <catch2/catch.hpp>

using namespace warder;

namespace {

std::string read(std::string_view text) {
  const auto variables = vault::parse_env_file(text);
  if (!variables) {
    return "error: " + variables.error().message();
  }
  std::string all;
  for (const vault::EnvVariable& variable : *variables) {
    all += variable.name + "=<" + std::string(variable.value.view()) + ">";
  }
  return all;
}

}  // namespace

TEST_CASE("lines of an environment file as a shell reads them, nothing expanded") {
  CHECK(read("") == "");
  CHECK(read("# a comment\n\nA=1\n  export B=two words  # behind\r\n") == "A=<1>B=<two words>");
  CHECK(read("A='single # $HOME'\nB=\"a \\\"b\\\" \\\\ \\$x\\n\"") ==
        "A=<single # $HOME>B=<a \"b\" \\ $x\n>");
  CHECK(read("A=\"two\nlines\"\nB=#not a comment") == "A=<two\nlines>B=<#not a comment>");
  CHECK(read("A=$(id)`id`") == "A=<$(id)`id`>");
  CHECK(read("A=\nA=last") == "A=<last>");
  CHECK(read("A= ") == "A=<>");
}

TEST_CASE("what is no variable is told by its line, all at once, without a value") {
  CHECK(
      read("A=1\ncanary\n1B=canary\nC='canary'x\nD=\"canary") ==
      "error: line 2: is no NAME=value\nline 3: is no NAME=value\nline 4: something stands behind "
      "the value of C\nline 5: the value of D has no closing quote");
  CHECK(read(std::string((std::size_t{1} << 20U) + 1, 'x')) ==
        "error: the file is longer than 1048576 bytes");
}
