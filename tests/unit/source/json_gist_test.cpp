// Lines that are too long to be kept, and what is kept of them.
#include "source/json_gist.h"

#include <catch2/catch.hpp>

#include <string>

using namespace warder::source;

namespace {

const MemberNames kWanted{"policies", "path", "data", "period"};

std::string gist(const std::string& text, std::size_t most = 64 * 1024) {
  JsonGist made(kWanted, most);
  made.feed(text);
  return std::string(made.result());
}

}  // namespace

TEST_CASE("what nobody asks for is left out below the second level") {
  CHECK(
      gist(
          R"({"time":"t","auth":{"policies":["root"],"x":{"y":1}},"request":{"path":"a","data":{"k":"v","period":[1, 2]}}})") ==
      R"({"time":"t","auth":{"policies":["root"],"x":{}},"request":{"path":"a","data":{"period":[1,2]}}})");
  CHECK(gist(R"(@cee: { "a" : true , "b" : -1.5e3 , "c" : null } )") ==
        R"({"a":true,"b":-1.5e3,"c":null})");
}

TEST_CASE("a million members and elements leave what stands beside them") {
  std::string text = R"({"auth":{"policies":["root"]},"request":{"data":{)";
  for (int i = 0; i < 1'000'000; ++i) {
    text += "\"key" + std::to_string(i) + "\":\"hmac-sha256:0123456789abcdef\",";
  }
  text += R"("period":"x"},"path":"auth/token/create"},"response":{"data":[)";
  for (int i = 0; i < 1'000'000; ++i) {
    text += "1,";
  }
  text += R"(2]},"type":"response"})";
  const std::string kept = gist(text);
  CHECK(kept.size() < 1000);
  CHECK(kept.starts_with(
      R"({"auth":{"policies":["root"]},"request":{"data":{"period":"x"},"path":"auth/token/create"})"));
  CHECK(kept.ends_with(R"(]},"type":"response"})"));
}

TEST_CASE("long texts are cut where nothing is torn") {
  for (const std::string unit :
       {"a", "\xC3\xA9", "\xF0\x9F\x98\x80", "\\n", "\\\\", "\\u00e9", "\\ud83d\\ude00"}) {
    for (const std::string before : {"", "x", "xy", "xyz"}) {
      INFO(unit << ' ' << before);
      std::string text = before;
      while (text.size() < 2 * JsonGist::kLongestText) {
        text += unit;
      }
      const std::string kept = gist("{\"path\":\"" + text + "\"}");
      const std::string inside = kept.substr(9, kept.size() - 11);
      CHECK(inside.size() <= JsonGist::kLongestText);
      CHECK(inside.size() > JsonGist::kLongestText - 12);
      CHECK((inside.size() - before.size()) % unit.size() == 0);
    }
  }
}

TEST_CASE("what is no object leaves nothing") {
  for (const char* text :
       {"", "text", "[1]", R"({"a":1)", R"({"a":1}})", R"({"a":[1}})", R"({"a":1} x)"}) {
    INFO(text);
    CHECK(gist(text).empty());
  }
  CHECK(gist(R"({"a":"0123456789"})", 10).empty());
  std::string deep = "{\"data\":";
  for (std::size_t i = 0; i < 2 * JsonGist::kDeepest; ++i) {
    deep += "[";
  }
  CHECK(gist(deep).empty());
}
