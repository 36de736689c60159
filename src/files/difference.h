#pragma once

#include "files/entry.h"
#include "model/event.h"
#include "util/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::files {

// One path that is not as the baseline has it. Plain value.
struct Difference {
  enum class Kind : std::uint8_t { kChanged, kNew, kMissing };

  std::string path;
  std::optional<Entry> before;  // empty: it is new
  std::optional<Entry> after;   // empty: it is missing
  std::string package;          // "coreutils 9.1-1": the package whose content it is; empty: none
  std::string by;               // the process that was seen to do it; empty: not known

  Kind kind() const { return !before ? Kind::kNew : !after ? Kind::kMissing : Kind::kChanged; }
  // As far as `fields` asks.
  Changes changes(Fields fields) const;
  // "changed /etc/passwd: mode 0644 -> 0666", at most some 900 bytes, printable.
  std::string to_text(Fields fields) const;
  // Is what is there now what `other` found there, as far as `fields` asks?
  bool finds_the_same(const Difference& other, Fields fields) const;

  friend bool operator==(const Difference&, const Difference&) = default;
};

std::string_view to_string(Difference::Kind kind);

// How severe it is, where a changed file is `configured`.
model::Severity severity_of(const Difference& difference, model::Severity configured);

// For the store: a list of differences in the order of their paths, as bytes. parse gives kInvalid
// for anything else than what the other wrote.
std::string differences_text(const std::vector<Difference>& differences);
util::Result<std::vector<Difference>> parse_differences(std::string_view text);

}  // namespace warder::files
