#include "files/findings.h"

#include <utility>

namespace warder::files {
namespace {

constexpr std::size_t kBatch = 2000;  // differences that packages are asked about at once

}  // namespace

util::Status Findings::add(Difference difference) {
  batch_.push_back(std::move(difference));
  return batch_.size() < kBatch ? util::Status() : explain();
}

util::Status Findings::explain() {
  if (options_.expects_packages && !batch_.empty()) {
    WARDER_RETURN_IF_ERROR(packages_.explain(batch_, options_.fields, pace_));
  }
  for (Difference& one : batch_) {
    if (!one.package.empty()) {
      if (expected.size() < kMostExpected) {
        expected.push_back(std::move(one));
      } else {
        ++not_taken;
      }
      continue;
    }
    ++all;
    if (found.size() < kMostListed) {
      found.push_back(std::move(one));
    }
  }
  batch_.clear();
  return {};
}

}  // namespace warder::files
