#pragma once

#include "filter/definition.h"
#include "filter/pattern.h"
#include "filter/text_options.h"
#include "util/clock.h"
#include "util/result.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace warder::config {
class FileReader;
}

namespace warder::filter {

class JsonFilter;
class TextFilter;

enum class Format : std::uint8_t { kText, kJson };

// What a filter file must bring along: an own filter everything, one taken over from fail2ban what
// it has.
enum class SamplePolicy : std::uint8_t {
  // At least one line that must match and one that must not, and all hold; injected text cannot
  // move the address of a pattern (lint.h), or the file says why that is accepted.
  kRequire,
  // May have none; those there are must hold. What the lint finds becomes a warning.
  kAllowNone,
  // Are not run: what they say of the filter does not hold with `overrides`. Nor is the lint.
  kIgnore,
  // Are not run, but the lint is; what it finds becomes a warning, but for a log that others can
  // forge, which is refused as for kRequire.
  kLintOnly,
};

// What becomes of a parameter that the filter does not have.
enum class UnknownParameters : std::uint8_t {
  kRefuse,  // it would silently do nothing
  kIgnore,  // as fail2ban does, whose jails give every filter a `mode`
};

// Which filter, with what.
struct FilterRequest {
  // As in `filter = name[a=b]`, without the parameters.
  std::string name;
  // Override [Definition] and [Init] options of the same name, e.g. mode = aggressive.
  std::map<std::string, std::string> parameters;
  // Where the jail names the filter, for errors about the parameters.
  Place given_at;
  // Searched in this order; the first that holds NAME.conf or NAME.local is the filter's folder.
  std::vector<std::filesystem::path> folders;
  // The option `logtype` of filters that tell a file's lines from the journal's: file or journal.
  std::string logtype = "file";
  SamplePolicy samples = SamplePolicy::kRequire;
  // Options of [Definition] that take the place of what the file says, known to it or not: what is
  // tried on a command line.
  std::map<std::string, std::string> overrides;
  TextOptions text;
  // Options of [Definition] that the jail sets itself (failregex, datepattern...). Final texts.
  std::map<std::string, Option> jail_options = {};
  // What only %(name)s of the file sees, before its own options: fail2ban shows a filter its
  // jail's.
  std::map<std::string, std::string> surroundings = {};
  // Variables of all files, beaten by options: fail2ban_version, fail2ban_confpath.
  std::map<std::string, std::string> variables = {};
  UnknownParameters unknown_parameters = UnknownParameters::kRefuse;
};

// One case of the filter's [Samples] section; filters/README.md describes how it is written.
struct Sample {
  bool must_match = false;
  // Given in this order to a new matcher. `must_match`: exactly one finding comes of them all, else
  // none.
  std::vector<std::string> lines;
  // What the finding must say, "-" for no address. Empty when the lines must not match.
  std::string address;
  std::optional<std::string> user;     // not compared when empty
  std::optional<std::string> rule;     // name of the JSON filter's rule, not compared when empty
  std::optional<util::WallTime> time;  // not compared when empty
  Place place;
};

// A filter, loaded, checked and compiled. Immutable: shared by matchers of several logs and by
// threads.
class Filter {
 public:
  // What there is to know beside the engine's part.
  struct Parts {
    std::string name;
    std::vector<Sample> samples;
    std::vector<std::string> journalmatch;
    std::vector<std::string> warnings = {};
  };
  Filter(Parts parts, std::shared_ptr<const TextFilter> text);
  Filter(Parts parts, std::shared_ptr<const JsonFilter> json);
  ~Filter();

  const std::string& name() const { return parts_.name; }
  Format format() const { return text_ ? Format::kText : Format::kJson; }
  // The failregexes or rules; Finding::pattern and Counters::patterns count in this order.
  const std::vector<Pattern>& patterns() const;
  // Those that apply with the parameters given.
  const std::vector<Sample>& samples() const { return parts_.samples; }
  // The lines of `journalmatch`: which entries of the journal the filter is made for.
  const std::vector<std::string>& journalmatch() const { return parts_.journalmatch; }

  // What the operator should look at, each beginning "file:line: ".
  const std::vector<std::string>& warnings() const { return parts_.warnings; }

  // Exactly one of them is set, by format().
  const std::shared_ptr<const TextFilter>& text() const { return text_; }
  const std::shared_ptr<const JsonFilter>& json() const { return json_; }

 private:
  Parts parts_;
  std::shared_ptr<const TextFilter> text_;
  std::shared_ptr<const JsonFilter> json_;
};

// Reads NAME.conf and what belongs to it (filters/README.md describes the format), compiles it and
// runs its samples through a Matcher of its own. Errors: kNotFound with the folders searched;
// kInvalid with everything that is wrong, one a line, each beginning "file:line: ".
util::Result<std::shared_ptr<const Filter>> load_filter(const FilterRequest& request);
// The same from another file system.
util::Result<std::shared_ptr<const Filter>> load_filter(const FilterRequest& request,
                                                        config::FileReader& files);

// A filter without a file: `options` are those of its [Definition] (failregex, datepattern, ...).
// kInvalid as above; places name the file "command line".
util::Result<std::shared_ptr<const Filter>> make_filter(
    const std::map<std::string, std::string>& options);

}  // namespace warder::filter
