#pragma once

#include "filter/date_templates.h"
#include "util/clock.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace warder::filter {

// Finds the date of each line of a log, with the templates of a recipe. One thread at a time.
//
// kOwn keeps no memory: what one line says does not change how the next one is read. A template
// that is anchored at the begin of the line wins in the order of the list; else the date that
// begins first, the order deciding between equals. What names an unknown zone counts only when
// nothing else is found.
//
// kCompat learns from line to line which template serves the log, and takes templates that serve it
// well to the front, exactly as fail2ban does (reference/fail2ban-compat.md 10.5). It differs where
// the reference shares counts of hits between jails, and counts bytes where that counts characters.
class DateFinder {
 public:
  // By kOwn, for a single line.
  static std::optional<FoundDate> find_alone(const DateTemplates& templates, std::string_view text);

  DateFinder(const DateTemplates& templates, DateRules rules);

  // `now` says when a template was used last.
  std::optional<FoundDate> find(std::string_view text, util::WallTime now);

  // How often each template found the date of a line, in the order of now.
  struct Use {
    std::shared_ptr<const DateTemplate> date_template;
    std::uint64_t hits = 0;     // lines whose date it was
    std::uint64_t matches = 0;  // times it matched, also where another was taken
    util::WallTime last_used{};
    std::size_t distance = SIZE_MAX;  // where it began in the last line
    double weight() const;
  };
  const std::vector<Use>& uses() const { return uses_; }

 private:
  // Lists that are read by hand.
  enum class List : std::uint8_t { kOther, kDefault, kLineBegin };
  // A place in a line with the characters beside it; -1 for none.
  struct Edge {
    std::size_t at = 0;
    int before = -1;
    int behind = -1;
  };
  struct Hit {
    FoundDate found;
    std::size_t index = 0;
  };

  static List kind_of(const DateTemplates& templates);
  static std::optional<FoundDate> find_alone(const DateTemplates& templates, List list,
                                             std::string_view text);
  std::optional<Hit> find_learned(std::string_view text);
  std::optional<Hit> try_last(std::string_view text, std::optional<Hit>& candidate,
                              std::size_t& tried);
  std::optional<FoundDate> match(std::size_t index, std::string_view text, std::size_t from = 0);
  void learn(const Hit& hit, std::string_view text, util::WallTime now);
  std::size_t reorder(std::size_t index);
  bool stands_where_last(std::string_view text) const;

  DateTemplates templates_;
  DateRules rules_;
  List list_;
  std::vector<Use> uses_;
  // Of the last hit (kCompat).
  std::size_t last_ = SIZE_MAX;
  Edge begin_{1, -1, -1};
  Edge end_{SIZE_MAX, -1, -1};
  std::size_t first_unused_ = 0;
};

}  // namespace warder::filter
