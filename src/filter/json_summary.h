#pragma once

#include "model/finding.h"

#include <cstddef>
#include <span>
#include <string>

namespace warder::filter {

// What happened, for people, from the captures of a finding: the values of the `chosen` ones in
// this order ("GET vault.example.org /.env 404"), or of all with their names ("status=404
// uri=/.env") when none are chosen; the line itself when there are no captures. A value that is
// empty is "-"; one with blanks or quotes stands in quotes, so that it cannot pass for several; a
// long one is cut, so that it does not hide those behind it. Control characters are left to
// util::printable().
std::string json_summary(std::span<const std::size_t> chosen, const model::Finding& finding);

}  // namespace warder::filter
