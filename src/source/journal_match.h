#pragma once

#include "util/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace warder::source {

// A journalmatch of fail2ban: alternatives of terms "FIELD=value". In one alternative different
// fields must all hold, and of one field any value (sd_journal_add_match(3)).
using JournalMatch = std::vector<std::vector<std::string>>;

// Lines and `+` stand between alternatives; words as in a shell (blanks, '...', "...", \c).
// kInvalid for a word that is no FIELD=value with a field name as systemd.journal-fields(7) has it,
// an open quote, a `+` with nothing on one side. No words at all: no alternative, every entry.
util::Result<JournalMatch> parse_journal_match(std::string_view text);

}  // namespace warder::source
