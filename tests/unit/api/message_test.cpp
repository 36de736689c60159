#include "api/message.h"

#include "api/frame.h"

#include <catch2/catch.hpp>

using namespace warder;
using namespace warder::api;

TEST_CASE("a request survives the wire") {
  Request request;
  request.command = Command::kBan;
  request.jail = "sshd";
  request.address = net::Prefix::parse("2001:db8::/64").value();
  request.duration = std::chrono::seconds(-1);
  request.limit = 7;
  const auto again = decode_request(encode(request));
  REQUIRE(again);
  CHECK(again->command == Command::kBan);
  CHECK(again->jail == "sshd");
  CHECK(again->address == request.address);
  CHECK(again->duration == request.duration);
  CHECK(again->limit == 7);
}

TEST_CASE("who asks is not read from the wire") {
  Request request;
  request.command = Command::kAcknowledge;
  request.key = "12";
  request.text = "on it";
  request.uid = 1000;
  const auto again = decode_request(encode(request));
  REQUIRE(again);
  CHECK(again->key == "12");
  CHECK(again->text == "on it");
  CHECK_FALSE(again->uid);
  CHECK(decode_request(R"({"command":"acknowledge","key":"12","uid":0})").error().message() ==
        "the request has an unknown field 'uid'");
  CHECK(required_role(Command::kAcknowledge) == Role::kAdmin);
  CHECK(required_role(Command::kIncidents) == Role::kReadOnly);
}

TEST_CASE("what is no request is refused with the reason") {
  const auto why = [](std::string_view text) { return decode_request(text).error().message(); };
  CHECK(why("") == "the request is no JSON object");
  CHECK(why("[1]") == "the request is no JSON object");
  CHECK(why("{}") == "the request has no field 'command'");
  CHECK(why(R"({"command":"format"})") == "the request has an unknown command 'format'");
  CHECK(why(R"({"command":"ban"})") == "the command 'ban' needs the field 'address'");
  CHECK(why(R"({"command":"status","colour":1})") == "the request has an unknown field 'colour'");
  CHECK(why(R"({"command":"status","limit":-1})") ==
        "the request's field 'limit' must be a whole number from 0");
  CHECK(why(R"({"command":"ban","address":"1.2.3.4","duration":-2})") ==
        "the request's field 'duration' must be seconds from 0, or -1 for ever");
  CHECK(why(R"({"command":"ban","address":"1.2.3.4/8"})").find("did you mean 1.0.0.0/8?") !=
        std::string::npos);
  CHECK(why(R"({"command":"bans","jail":7})") == "the request's field 'jail' must be text");
}

TEST_CASE("a response carries a document or an error") {
  const auto good = decode_response(encode(Response{std::nullopt, R"({"bans":[1]})"}));
  REQUIRE(good);
  CHECK(good->body == R"({"bans":[1]})");
  const auto bad =
      decode_response(encode(Response{util::Error(util::ErrorCode::kDenied, "no \xFF"), {}}));
  REQUIRE(bad);
  REQUIRE(bad->error);
  CHECK(bad->error->code() == util::ErrorCode::kDenied);
  CHECK(bad->error->message() == "no \xEF\xBF\xBD");
  CHECK_FALSE(decode_response("{}"));
}

TEST_CASE("commands that change something need the admin role") {
  CHECK(required_role(Command::kStatus) == Role::kReadOnly);
  CHECK(required_role(Command::kExplain) == Role::kReadOnly);
  CHECK(required_role(Command::kBan) == Role::kAdmin);
  CHECK(required_role(Command::kReload) == Role::kAdmin);
}

TEST_CASE("frames come whole, however they are cut") {
  const std::string bytes = frame("one") + frame("") + frame("three");
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    FrameReader reader(16);
    std::vector<std::string> got;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      REQUIRE(reader.feed(std::string_view(bytes).substr(at, piece)));
      while (auto payload = reader.next()) {
        got.push_back(*payload);
      }
    }
    CHECK(got == std::vector<std::string>{"one", "", "three"});
  }
  FrameReader reader(16);
  CHECK(reader.feed("\xFF\xFF\xFF\xFF").error().message() ==
        "a message of 4294967295 bytes; at most 16 are allowed");
}
