#pragma once

#include "util/result.h"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace warder::filter {

// Where a value of a filter stands.
struct Place {
  std::string file;
  std::size_t line = 0;
};

// "file:line: text", as every error of this module begins.
std::string at(const Place& place, std::string_view text);

// One option of a filter file with what its value has become after includes, `.local` files,
// interpolation and parameters.
struct Option {
  std::string value;
  // Of the option's name; for a value of several lines the first.
  Place place;
};

// One line of a multi-line value.
struct ValueLine {
  std::string text;
  // Exact where the value was written in one piece; comment lines and %(...)s within it shift it.
  Place place;
};

// The lines of a multi-line value without the empty ones.
std::vector<ValueLine> value_lines(const Option& option);

// A filter file as the engines see it: sections of options, all text final. Plain value. Option
// names are lower case, section names as written ("Definition", "Samples").
struct Definition {
  std::string name;  // of the filter, without ".conf"
  std::string file;  // the main file, for errors that concern it as a whole
  std::map<std::string, std::map<std::string, Option>> sections;

  const Option* find(std::string_view section, std::string_view option) const;
};

// Everything that is wrong with a filter, so that the operator sees it all at once.
class Problems {
 public:
  void add(const Place& place, std::string_view text) { texts_.push_back(at(place, text)); }
  // A text that begins with its place already.
  void add(std::string placed_text) { texts_.push_back(std::move(placed_text)); }
  bool empty() const { return texts_.empty(); }
  const std::vector<std::string>& texts() const { return texts_; }
  // kInvalid with all texts, one a line. Only when not empty.
  util::Error to_error() const;

 private:
  std::vector<std::string> texts_;
};

}  // namespace warder::filter
