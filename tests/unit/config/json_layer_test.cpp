#include "config/json_layer.h"

#include <catch2/catch.hpp>

using namespace warder::config;

namespace {

std::string shown(const Layer& layer) {
  std::string text;
  for (const RawSection& section : layer.sections) {
    text += "[" + section.name + "] at " + section.place.to_string() + "\n";
    for (const RawOption& option : section.options) {
      text += option.name + " = " + option.value + " at " + option.place.to_string() + "\n";
    }
  }
  return text;
}

std::string errors(std::string_view json) {
  Diagnostics diagnostics;
  parse_json(json, "jails", diagnostics);
  return diagnostics.to_text();
}

}  // namespace

TEST_CASE("an object of objects becomes sections of options") {
  Diagnostics diagnostics;
  const Layer layer = parse_json(
      R"({"DEFAULT": {}, "sshd": {"MaxRetry": 5, "f": 1.10, "n": -1, "enabled": true, "off": false,
          "ignoreip": ["192.0.2.0/24", 7, true], "none": [], "a/b~c": "x\ny"}, "Web": {}})",
      "jails", diagnostics);
  CHECK(diagnostics.to_text() == "");
  CHECK_FALSE(layer.interpolates);
  CHECK(shown(layer) ==
        "[DEFAULT] at vault jails#/DEFAULT\n"
        "[sshd] at vault jails#/sshd\n"
        "maxretry = 5 at vault jails#/sshd/MaxRetry\n"
        "f = 1.10 at vault jails#/sshd/f\n"
        "n = -1 at vault jails#/sshd/n\n"
        "enabled = true at vault jails#/sshd/enabled\n"
        "off = false at vault jails#/sshd/off\n"
        "ignoreip = 192.0.2.0/24\n7\ntrue at vault jails#/sshd/ignoreip\n"
        "none =  at vault jails#/sshd/none\n"
        "a/b~c = x\ny at vault jails#/sshd/a~1b~0c\n"
        "[Web] at vault jails#/Web\n");
}

TEST_CASE("everything of a wrong type is told at once") {
  CHECK(errors(R"({"a": 1, "b": [1, [2]], "c": {"x": {"deep": {"deeper": [{}]}}, "y": [1, [2, [3]],
                 {"z": 1}], "n": null, "m": [null, "a\nb"], "nul": "\u0000"}, "INCLUDES": {},
                 "": {}, "d": {"": 1}})") ==
        "vault jails#/a: a value stands where a section is expected; a document is an object of "
        "sections with options\n"
        "vault jails#/b: a list is no section; a document is an object of sections with options\n"
        "vault jails#/c/x: an object is no value; a document is an object of sections with "
        "options\n"
        "vault jails#/c/y: a list in a list is no value; a document is an object of sections with "
        "options\n"
        "vault jails#/c/y: an object is no value; a document is an object of sections with "
        "options\n"
        "vault jails#/c/n: null is no value; leave the key out to get the default\n"
        "vault jails#/c/m: null is no value; leave the key out to get the default\n"
        "vault jails#/c/m: an element of a list holds a line break; make it two elements\n"
        "vault jails#/c/nul: the text holds a NUL character\n"
        "vault jails#/INCLUDES: a vault document cannot include files\n"
        "vault jails#/: a name must have 1 to 200 characters\n"
        "vault jails#/d/: a name must have 1 to 200 characters\n");
  // Nothing inside of what is refused counts.
  Diagnostics diagnostics;
  const Layer layer = parse_json(R"([{"a": {"x": 1}}])", "jails", diagnostics);
  CHECK(layer.sections.empty());
  CHECK(shown(parse_json(R"({"a": [{"x": 1}, 5], "b": {"y": [{"z": 1}, 6, [7]], "w": 8}})", "jails",
                         diagnostics)) ==
        "[b] at vault jails#/b\ny = 6 at vault jails#/b/y\nw = 8 at vault jails#/b/w\n");
  CHECK(diagnostics.errors() == 4);
  CHECK(errors("[]") ==
        "vault jails#: a list is no section; a document is an object of sections with options\n");
  CHECK(errors("7") ==
        "vault jails#: a value stands where a section is expected; a document is an object of "
        "sections with options\n");
}

TEST_CASE("a key that stands twice is told, in any case") {
  CHECK(errors(R"({"a": {"x": 1, "x": 2, "X": 3}, "a": {}})") ==
        "vault jails#/a/x: the key stands twice; keep one of them\n"
        "vault jails#/a/X: the key stands twice; keep one of them\n"
        "vault jails#/a: the key stands twice; keep one of them\n");
}

TEST_CASE("what is no JSON is told with its place and without its content") {
  CHECK(errors("{\"a\": {\n\"password\": \"hunter2\" \"more\"}}") ==
        "vault jails:2: the document is no JSON: error at byte 36\n");
  CHECK(errors("") == "vault jails:1: the document is no JSON: error at byte 1\n");
  CHECK(errors("{} {}") == "vault jails:1: the document is no JSON: error at byte 4\n");
  CHECK(errors("{\"a\": {\"x\": \"\xFF\"}}") ==
        "vault jails:1: the document is no JSON: error at byte 14\n");
  CHECK(errors("{\"a\": {\"x\": 1e999}}") ==
        "vault jails:1: the document is no JSON: error at byte 17\n");
  CHECK(errors(std::string(1024 * 1024 + 1, ' ')) ==
        "vault jails: the document has 1048577 bytes; at most 1048576 are read\n");
}

TEST_CASE("nesting costs nothing") {
  CHECK(errors("{\"a\":{\"x\":" + std::string(200000, '[') + std::string(200000, ']') + "}}") ==
        "vault jails#/a/x: a list in a list is no value; a document is an object of sections with "
        "options\n");
  CHECK(errors(std::string(500000, '['))
            .ends_with("the document is no JSON: error at byte 500001\n"));
}
