#pragma once

#include "filter/definition.h"
#include "filter/lint.h"

#include <string>
#include <string_view>
#include <vector>

namespace warder::filter {

// Slips that are no errors of syntax. Each adds to the report's errors or warnings.

// Options with the name of a tag: <host> and <HOST> are different things to this program, and the
// same to a reader, and to fail2ban's interpolation.
void check_names(const Definition& definition, LintReport& report);

// <F-NOFAIL> without <F-MLFID> does nothing; an ignoreregex next to a prefregex is searched in more
// than fail2ban searches, which is told of filters from there.
void check_patterns(const Definition& definition, Origin origin, LintReport& report);

// A log into which others write whole lines (option `forgeable`, with the reason): a refusal, until
// the jail accepts it by name (parameter `forged-lines`).
void check_forgeable(const Definition& definition, LintReport& report);

// Lines of a filter's file of which ` ;` cuts off what looks like a part of an expression. Each
// begins "file:line: ".
std::vector<std::string> find_cut_expressions(std::string_view text, std::string_view file);

}  // namespace warder::filter
