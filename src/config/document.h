#pragma once

#include "config/layer.h"
#include "config/section.h"
#include "util/result.h"

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace warder::config {

// What a caller adds to the look-up of %(name)s.
struct Context {
  // Beat every option: `filter = sshd[mode=aggressive]`. Taken literally.
  Parameters parameters;
  // What %(known/name)s means below all layers: for a jail the options of its filter.
  Parameters known;
  // `known` comes before what the section's own earlier files say, as in fail2ban.
  bool known_first = false;
};

// Sources laid over each other: files in reading order, then vault documents. A later layer
// overrides per option; the values below stay reachable as %(known/name)s, at any depth. Values are
// resolved when asked for, so an option from [DEFAULT] sees the section's overrides.
// Source: reference/fail2ban-compat, sections 1.2 and 3. Not thread safe while layers are added.
class Document {
 public:
  // Lays `layer` over all earlier ones.
  void add(const Layer& layer);
  // A %(name)s that is available everywhere unless an option has that name. __name__ (the section)
  // is always there.
  void set_variable(std::string name, std::string value);

  // In order of first appearance, without DEFAULT and INCLUDES.
  const std::vector<std::string>& sections() const { return order_; }
  bool has_section(std::string_view section) const;
  // Does it stand in the section itself?
  bool has_option(std::string_view section, std::string_view option) const;

  // One option, resolved; empty when neither the section nor [DEFAULT] has it. kInvalid, with the
  // place, when a %(...)s in it cannot be resolved: an unknown name, more than 10 levels, a lone
  // '%', or a result beyond 256 KiB.
  util::Result<std::optional<Value>> get(std::string_view section, std::string_view option,
                                         const Context& context = {}) const;
  // The value that the newest one overrode; the newest where it overrode none.
  util::Result<std::optional<Value>> get_known(std::string_view section,
                                               std::string_view option) const;
  // The section with all its options and those of [DEFAULT]. An unknown section has no options of
  // its own. "DEFAULT" is allowed.
  Section section(std::string_view name, const Context& context = {}) const;

 private:
  struct Entry {
    std::size_t layer;
    std::string value;
    Place place;
    bool interpolates;
  };
  // Oldest first; the last one counts.
  using Chain = std::vector<Entry>;
  struct Merged {
    Place place;
    std::vector<std::string> order;
    std::map<std::string, Chain, std::less<>> options;
  };
  class Resolver;

  const Merged* find(std::string_view section) const;
  // Remembers the names of all %(name)s in a value.
  void note_used(std::string_view value);

  Merged defaults_;
  std::vector<std::string> order_;
  std::map<std::string, Merged, std::less<>> sections_;
  Parameters variables_;
  std::set<std::string, std::less<>> used_;
  std::size_t layers_ = 0;
};

}  // namespace warder::config
