#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace warder::agent {

// Rows under headings, columns as wide as they must be. The last column is not padded.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> headings) : rows_{std::move(headings)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.size() == 1; }
  std::string to_text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// "2026-11-02T12:00:00.123Z" as "2026-11-02 12:00:00": what a person reads.
std::string short_time(std::string_view rfc3339);

// "1 finding", "2 findings".
std::string counted(std::uint64_t count, std::string_view noun);

// Writes to standard output. What nobody reads any more is dropped.
void print(std::string_view text);

}  // namespace warder::agent
