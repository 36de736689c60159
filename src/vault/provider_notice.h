#pragma once

#include "model/event.h"

#include <string>

namespace warder::vault {

// Something that happened to the provider itself and that its documents do not tell.
struct ProviderNotice {
  model::Severity severity = model::Severity::kNotice;
  std::string text;  // what, and what to look at; printable
};

}  // namespace warder::vault
