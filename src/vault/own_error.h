#pragma once

#include "util/result.h"

namespace warder::vault {

// What keeps us from asking a provider at all: a secret of our own login that is not there, a
// profile without what it needs. The same text as kConfiguration where the code is kNotFound or
// kInvalid, which are what a provider answers of a document.
util::Error own_error(const util::Error& error);

}  // namespace warder::vault
