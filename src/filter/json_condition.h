#pragma once

#include "net/address.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The language of `condition` and `ignore` in JSON filters (json.md has the grammar). Parsing
// yields a plain tree; json_program.h joins the trees of all filters of a log.
namespace warder::filter {

// Bounds of what an operator or a vault may hand in.
inline constexpr std::size_t kLongestCondition = 16 * 1024;
inline constexpr std::size_t kDeepestCondition = 32;  // parentheses and `not` inside each other
inline constexpr std::size_t kDeepestPath = 16;       // steps of a path
inline constexpr std::size_t kLargestElement = 1023;  // index into an array
inline constexpr std::size_t kMostTests = 1000;       // in one condition

// Where a field stands in the line: `request.headers.User-Agent[0]`.
struct JsonPath {
  struct Step {
    std::string key;                     // of an object, unless `element` is set
    std::optional<std::size_t> element;  // of an array
    friend bool operator==(const Step&, const Step&) = default;
  };
  std::vector<Step> steps;

  // As an operator writes it; equal paths give equal texts.
  std::string to_string() const;
  friend bool operator==(const JsonPath&, const JsonPath&) = default;
};

// How a field's text is looked at.
enum class FieldView : std::uint8_t {
  kValue,    // as it stands, escapes undone
  kUriPath,  // path(FIELD): the path of a URI as a server routes it, see uri_path()
  kElement,  // any(FIELD): each text of an array; one that the test is content with is enough
};

struct NumberRange {
  double low = 0;  // both ends belong to it; infinite for an open end
  double high = 0;
};

enum class TestKind : std::uint8_t {
  kOneOf,     // equals one of the literals or lies in one of the ranges
  kMatches,   // RE2, found anywhere in the text
  kStarts,    //
  kEnds,      //
  kContains,  //
  kCidr,      // is an address in one of the prefixes
  kExists,    // is there, null included
};

// One question about one field. A field that is missing or of another type answers no.
struct Test {
  JsonPath field;
  FieldView view = FieldView::kValue;
  TestKind kind = TestKind::kExists;
  // kOneOf
  std::vector<NumberRange> numbers;
  std::vector<std::string> texts;
  bool accepts_true = false;
  bool accepts_false = false;
  bool accepts_null = false;
  // kMatches (the pattern), kStarts, kEnds, kContains
  std::string text;
  // kCidr
  std::vector<net::Prefix> prefixes;
};

struct Expression {
  enum class Kind : std::uint8_t { kTest, kNot, kAll, kAny };
  Kind kind = Kind::kTest;
  Test test;                         // kTest
  std::vector<Expression> children;  // kNot: one; kAll and kAny: two or more
};

// What is wrong with a text, at which byte of it.
struct ConditionProblem {
  std::size_t offset = 0;
  std::string text;  // "expected an operator (==, ...), found \"is\"; did you mean \"==\"?"
};

// Nothing on failure, and then `problem` says why. Regular expressions are compiled once to check
// them. Negative operators (!=, !~, not in, not cidr) are exactly the opposite of the positive
// ones, so they hold for a missing field.
std::optional<Expression> parse_condition(std::string_view text, ConditionProblem& problem);

// A path alone, as the options `time`, `address` and others name it.
std::optional<JsonPath> parse_json_path(std::string_view text, ConditionProblem& problem);

}  // namespace warder::filter
