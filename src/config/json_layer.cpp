#include "config/json_layer.h"

#include "util/bytes.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

namespace warder::config {
namespace {

constexpr util::ByteCount kLargestDocument = util::mebibytes(1);
constexpr std::size_t kLongestName = 200;

// One step of an RFC 6901 pointer.
std::string pointer_step(std::string_view key) {
  std::string step = "/";
  for (const char c : key) {
    if (c == '~') {
      step += "~0";
    } else if (c == '/') {
      step += "~1";
    } else {
      step += c;
    }
  }
  return step;
}

// Takes the events of nlohmann's parser, which itself uses no recursion, so that depth costs
// nothing but counting. Always goes on after an error in the content, so that all are told.
//
// Depth 1 is the document, 2 a section, 3 the array of an option. What lies where it may not is
// told once and its inside skipped.
class Reader : public nlohmann::json_sax<nlohmann::json> {
 public:
  Reader(std::string_view text, std::string_view document, Diagnostics& diagnostics)
      : text_(text), source_(fmt::format("vault {}", document)), diagnostics_(diagnostics) {
    layer_.interpolates = false;
  }

  Layer finish() { return std::move(layer_); }

  bool null() override {
    return refuse("null is no value", "leave the key out to get the default");
  }
  bool boolean(bool value) override { return scalar(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return scalar(fmt::format("{}", value)); }
  bool number_unsigned(number_unsigned_t value) override {
    return scalar(fmt::format("{}", value));
  }
  // As it was written: 1.10 stays 1.10.
  bool number_float(number_float_t, const string_t& written) override { return scalar(written); }
  bool string(string_t& value) override {
    if (value.find('\0') != std::string::npos) {
      return refuse("the text holds a NUL character");
    }
    if (in_array_ && value.find('\n') != std::string::npos) {
      return refuse("an element of a list holds a line break", "make it two elements");
    }
    return scalar(value);
  }
  bool binary(binary_t&) override { return refuse("binary data is no value"); }

  bool start_object(std::size_t) override {
    if (skipped_ == 0 && depth_ < 2) {
      if (depth_ == 1) {
        start_section();
      }
      ++depth_;
      return true;
    }
    return start_refused("an object is no value");
  }
  bool end_object() override { return end(); }

  bool start_array(std::size_t) override {
    if (skipped_ == 0 && depth_ == 2) {
      in_array_ = true;
      start_option("");
      ++depth_;
      return true;
    }
    return start_refused(depth_ == 3 ? "a list in a list is no value" : "a list is no section");
  }
  bool end_array() override {
    if (skipped_ == 0) {
      in_array_ = false;
    }
    return end();
  }

  bool key(string_t& name) override {
    if (skipped_ > 0) {
      return true;
    }
    if (depth_ == 1) {
      section_ = name;
      option_.clear();
    } else {
      option_ = name;
    }
    if (name.empty() || name.size() > kLongestName) {
      return refuse("a name must have 1 to 200 characters");
    }
    if (depth_ == 1 && name == kIncludesSection) {
      return refuse("a vault document cannot include files");
    }
    // Option names are lower-cased as in files, so two spellings of one are a duplicate too.
    const bool is_new =
        depth_ == 1 ? sections_.insert(name).second : options_.insert(util::to_lower(name)).second;
    return is_new || refuse("the key stands twice", "keep one of them");
  }

  // The library's own text quotes what it read last, which may be a secret.
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    const std::string_view before = text_.substr(0, position == 0 ? 0 : position - 1);
    const auto line = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
    diagnostics_.error(Place{source_, line},
                       fmt::format("the document is no JSON: error at byte {}", position));
    return false;
  }

 private:
  bool refuse(std::string problem, std::string suggestion = {}) {
    if (skipped_ == 0) {
      diagnostics_.error(place(), std::move(problem), std::move(suggestion));
    }
    return true;
  }

  bool start_refused(std::string_view problem) {
    refuse(std::string(problem), "a document is an object of sections with options");
    ++skipped_;
    return true;
  }

  bool end() {
    --(skipped_ > 0 ? skipped_ : depth_);
    return true;
  }

  Place place() const {
    std::string pointer = source_ + "#";
    if (depth_ >= 1) {
      pointer += pointer_step(section_);
    }
    if (depth_ >= 2) {
      pointer += pointer_step(option_);
    }
    return {std::move(pointer), 0};
  }

  void start_section() {
    options_.clear();
    layer_.sections.push_back({section_, place(), {}});
    option_.clear();
  }

  void start_option(std::string value) {
    layer_.sections.back().options.push_back({util::to_lower(option_), std::move(value), place()});
  }

  bool scalar(std::string value) {
    if (skipped_ > 0) {
      return true;
    }
    if (depth_ < 2) {
      return refuse("a value stands where a section is expected",
                    "a document is an object of sections with options");
    }
    if (!in_array_) {
      start_option(std::move(value));
      return true;
    }
    std::string& list = layer_.sections.back().options.back().value;
    if (!list.empty()) {
      list += '\n';
    }
    list += value;
    return true;
  }

  std::string_view text_;
  std::string source_;
  Diagnostics& diagnostics_;
  Layer layer_;
  std::size_t depth_ = 0;
  std::size_t skipped_ = 0;
  bool in_array_ = false;
  std::string section_;
  std::string option_;
  std::set<std::string> sections_;
  std::set<std::string> options_;
};

}  // namespace

Layer parse_json(std::string_view text, std::string_view document, Diagnostics& diagnostics) {
  Reader reader(text, document, diagnostics);
  if (text.size() > kLargestDocument.value) {
    diagnostics.error(Place{fmt::format("vault {}", document), 0},
                      fmt::format("the document has {} bytes; at most {} are read", text.size(),
                                  kLargestDocument.value));
    return reader.finish();
  }
  nlohmann::json::sax_parse(text, &reader);
  return reader.finish();
}

}  // namespace warder::config
