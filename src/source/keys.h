#pragma once

#include "config/keys.h"
#include "config/values.h"
#include "source/file_source.h"

namespace warder::source {

// [source] of warder.conf: how logs are read, whichever jail wants them.
const config::Table& source_table();

// The options that the values of [source] say; the rest is as FileOptions has it. longest_line is
// meant for the journal and standard input too.
FileOptions file_options(const config::Values& values);

}  // namespace warder::source
