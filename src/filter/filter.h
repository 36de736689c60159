#pragma once

#include "filter/definition.h"
#include "filter/pattern.h"
#include "util/result.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace warder::filter {

class JsonFilter;
class TextFilter;

enum class Format : std::uint8_t { kText, kJson };

// What a filter file must bring along.
enum class SamplePolicy : std::uint8_t {
  kRequire,    // at least one line that must match and one that must not, and all hold
  kAllowNone,  // may have none (filters taken over from fail2ban); those there are must hold
};

// Which filter, with what.
struct FilterRequest {
  // As in `filter = name[a=b]`, without the parameters.
  std::string name;
  // Override [Definition] and [Init] options of the same name, e.g. mode = aggressive.
  std::map<std::string, std::string> parameters;
  // Searched in this order; the first that holds NAME.conf or NAME.local is the filter's folder.
  std::vector<std::filesystem::path> folders;
  SamplePolicy samples = SamplePolicy::kRequire;
};

// A line of the filter's [Samples] section.
struct Sample {
  // What the finding must be; empty in a line that must not match.
  std::string address;
  std::string user;  // empty: not compared
  std::string time;  // empty: not compared; else RFC 3339
  std::string line;
  bool must_match = false;
  Place place;
};

// A filter, loaded, checked and compiled. Immutable: shared by matchers of several logs and by
// threads.
class Filter {
 public:
  Filter(std::string name, std::shared_ptr<const TextFilter> text, std::vector<Sample> samples);
  Filter(std::string name, std::shared_ptr<const JsonFilter> json, std::vector<Sample> samples);
  ~Filter();

  const std::string& name() const { return name_; }
  Format format() const { return text_ ? Format::kText : Format::kJson; }
  const std::vector<Pattern>& patterns() const;
  const std::vector<Sample>& samples() const { return samples_; }

  // Exactly one of them is set, by format().
  const std::shared_ptr<const TextFilter>& text() const { return text_; }
  const std::shared_ptr<const JsonFilter>& json() const { return json_; }

 private:
  std::string name_;
  std::shared_ptr<const TextFilter> text_;
  std::shared_ptr<const JsonFilter> json_;
  std::vector<Sample> samples_;
};

// Reads NAME.conf and what belongs to it (filters/README.md describes the format), compiles it and
// runs its samples through a Matcher of its own. Errors: kNotFound with the folders searched;
// kInvalid with everything that is wrong, one a line, each beginning "file:line: ".
util::Result<std::shared_ptr<const Filter>> load_filter(const FilterRequest& request);

}  // namespace warder::filter
