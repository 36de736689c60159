#include "filter/regex_edit.h"

#include <algorithm>

namespace warder::filter {

std::string edited(std::string_view text, RegexEdits edits) {
  std::sort(edits.begin(), edits.end(),
            [](const RegexEdit& a, const RegexEdit& b) { return a.begin > b.begin; });
  std::string result(text);
  for (const RegexEdit& edit : edits) {
    result.replace(edit.begin, edit.length, edit.text);
  }
  return result;
}

}  // namespace warder::filter
