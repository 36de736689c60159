#pragma once

#include "config/document.h"
#include "config/section.h"
#include "util/result.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace warder::config {

// What <name> stands for; empty when nothing has that name.
using TagLookup = std::function<util::Result<std::optional<std::string>>(std::string_view)>;

// Replaces every <tag> of `text` that `lookup` knows, innermost first, until nothing changes;
// others
// (<HOST>, <F-USER>, <ip>) stay as they are. `own_name` is the option that holds the text. kInvalid
// for a tag that refers to itself or is replaced more than 25 times, and for a result beyond 256
// KiB. Always ends. Source: reference/fail2ban-compat, section 5.
util::Result<std::string> substitute_tags(std::string_view text, std::string_view own_name,
                                          const TagLookup& lookup);

// The options of a filter as a jail sees them: [Definition], over it [Init], over it the parameters
// of `filter = name[...]`, with %(...)s and then <tag> resolved. A tag may name any option of this
// set, any option that [Definition] can see, <section/option> and <known/option>.
//
// `document` must outlive it.
class Definition {
 public:
  // `given_at` is the place of the jail's `filter = ...`, for values that come from a parameter.
  // `automatic` is for what the program knows itself (logtype=file): used as a parameter unless the
  // parameters, [Init] or [Definition] itself set it. `surroundings`: what only %(name)s sees,
  // before the document's own options (fail2ban lets a filter see its jail's options so).
  Definition(const Document& document, Parameters parameters, Place given_at,
             const Parameters& automatic = {}, const Parameters& surroundings = {});

  // The final text; empty when it is not set. kInvalid, with the place, when it cannot be resolved.
  util::Result<std::optional<Value>> get(std::string_view option) const;
  // Everything, for check().
  Section section() const;

 private:
  // The option before its tags are replaced.
  util::Result<std::optional<Value>> untagged(std::string_view option) const;
  util::Result<std::optional<std::string>> meaning(std::string_view tag) const;

  const Document& document_;
  Parameters parameters_;
  // For %(name)s: the parameters, and what surrounds them.
  Context context_;
  Place given_at_;
};

}  // namespace warder::config
