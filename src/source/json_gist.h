#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace warder::source {

// Names of members that somebody asks for, at whatever depth.
using MemberNames = std::set<std::string, std::less<>>;

// What is kept of a JSON object that is too long to be a line: read byte by byte, in constant
// memory, whatever its length. Of the object and of the objects in it all members are kept, below
// that only those whose names are wanted, of each text at most kLongestText bytes and of each array
// kMostElements elements. The result is a JSON object again, in which what is wanted stands where
// it stood. Text in front of the object (a prefix) is passed over.
//
// An audit entry of 30 MB is a response with a million keys of a list, or a request with as many
// members: who did what to which path stands in a few short members beside them.
class JsonGist {
 public:
  static constexpr std::size_t kLongestText = 4096;
  static constexpr std::size_t kMostElements = 256;
  static constexpr std::size_t kDeepest = 32;
  static constexpr std::size_t kAllMembersTo = 2;  // levels of which every member is kept

  // `most` bytes of result at most. `wanted` must outlive it.
  JsonGist(const MemberNames& wanted, std::size_t most) : wanted_(&wanted), most_(most) {}

  void feed(std::string_view bytes);
  // The object, when one was read to its end, fits, and nothing but blanks stood behind it; empty
  // otherwise.
  std::string_view result() const { return state_ == State::kDone ? out_ : std::string_view{}; }

 private:
  enum class State : std::uint8_t { kBefore, kInside, kDone, kFailed };
  struct Level {
    bool array = false;
    bool kept = false;      // what is in it goes to the result
    bool any = false;       // something was written in it
    bool key_next = false;  // of an object: a member's name is expected
    std::size_t elements = 0;
  };

  void take(char c);
  void in_text(char c);
  void begin_value();
  void open(char bracket);
  void close(char bracket);
  void end_text();
  void put(char c);
  void put(std::string_view text);

  const MemberNames* wanted_;
  std::size_t most_;
  State state_ = State::kBefore;
  std::vector<Level> levels_;
  std::string out_;
  std::string text_;  // of the text that is being read, with its quotes' inside as it stands
  bool text_open_ = false;
  bool escaped_ = false;
  bool scalar_ = false;      // within a number or a word
  bool keep_value_ = false;  // of the value that comes
};

}  // namespace warder::source
