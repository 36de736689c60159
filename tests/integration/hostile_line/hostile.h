#pragma once

#include "filter/matcher.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

// What both judges of hostile lines need.
namespace warder::testing {

class Nobody : public filter::MatchHandler {
 public:
  void on_finding(std::size_t, model::Finding&&) override {}
  void on_notice(std::size_t, const filter::Notice&) override {}
};

// The filters of a folder, sorted.
inline std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".conf") {
      names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace warder::testing
