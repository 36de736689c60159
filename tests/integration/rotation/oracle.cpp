#include "integration/rotation/oracle.h"

#include <algorithm>
#include <set>

namespace warder::testing {

void Oracle::judged(std::vector<Recorder::Read> lines) {
  for (Recorder::Read& line : lines) {
    const auto before = forgotten_.find(line.text);
    if (before != forgotten_.end() && before->second != Id{line.generation, line.offset}) {
      wrong_ = "came again under another id: " + line.text;
    }
    judged_.push_back(std::move(line));
  }
}

void Oracle::killed() {
  for (std::size_t i = stored_; i < judged_.size(); ++i) {
    forgotten_[judged_[i].text] = {judged_[i].generation, judged_[i].offset};
  }
  judged_.resize(stored_);
}

std::optional<std::string> Oracle::complaint() const {
  if (wrong_) {
    return wrong_;
  }
  std::set<Id> ids;
  for (std::size_t i = 0; i < std::max(written_.size(), judged_.size()); ++i) {
    if (i >= judged_.size()) {
      return "never judged: " + written_[i];
    }
    if (i >= written_.size()) {
      return "judged beyond the last: " + judged_[i].text;
    }
    if (written_[i] != judged_[i].text) {
      return "line " + std::to_string(i) + " should be '" + written_[i] + "' and is '" +
             judged_[i].text + "'";
    }
    if (!ids.emplace(judged_[i].generation, judged_[i].offset).second) {
      return "two lines under one id, the second: " + judged_[i].text;
    }
  }
  return std::nullopt;
}

}  // namespace warder::testing
