#include "ship/witness_notes.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace warder;

namespace {

const std::string kNote = "warder/web-1\n9\nqRzsaFZ1\n\n\xe2\x80\x94 warder/web-1 Az3grl\n";
const std::string kOther =
    "warder/web-1\n12\nAAAA\n\n\xe2\x80\x94 warder/web-1 Az3grl\n"
    "\xe2\x80\x94 witness.example Bz\n";

std::vector<std::string> read(std::string_view text) {
  ship::NoteReader reader;
  while (!text.empty()) {
    const auto end = text.find('\n');
    reader.line(text.substr(0, end));
    text.remove_prefix(std::min(end, text.size() - 1) + 1);
  }
  return reader.finish();
}

}  // namespace

TEST_CASE("a note is found wherever a destination puts it") {
  const std::string inner = R"({"checkpoint":"a\nb\n","size":9})";
  for (const std::string& text : {
           inner,
           R"({"key":"x","kind":"store","detail":)" + inner + "}",
           std::string(R"({"detail":"{\"checkpoint\":\"a\\nb\\n\"}"})"),
           R"({"logContent":{"data":{"data":{"additionalDetails":{"detail":)" + inner + "}}}}}",
       }) {
    CHECK(ship::note_in_json(text) == "a\nb\n");
  }
  for (const std::string text : {"", "{}", "checkpoint", R"({"checkpoint":1})", "[1",
                                 R"({"message":"checkpoint of 9 events"})"}) {
    CHECK_FALSE(ship::note_in_json(text));
  }
}

TEST_CASE("notes one after the other, and lines of JSON between") {
  CHECK(read(kNote) == std::vector{kNote});
  CHECK(read(kNote + kOther) == std::vector{kNote, kOther});
  CHECK(read("\n" + kNote + "\n\n" + kOther) == std::vector{kNote, kOther});
  CHECK(read(R"({"detail":{"checkpoint":"n"}})"
             "\n"
             R"({"kind":"ban"})"
             "\n" +
             kNote) == std::vector<std::string>{"n", kNote});
  CHECK(read("").empty());
  // A cut one is handed on, so that its fault is told and not passed over.
  CHECK(read("warder/web-1\n9\n") == std::vector<std::string>{"warder/web-1\n9\n"});
}
