// Speed of the file source alone: how fast lines come out when the handler does nothing.
//   bench_source [megabytes]
#include "source/file_source.h"

#include <fmt/core.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace warder;

namespace {

struct Counting : source::LineHandler {
  std::uint64_t lines = 0;
  std::uint64_t bytes = 0;
  void on_line(const model::Line& line) override {
    ++lines;
    bytes += line.text.size();
  }
  void on_notice(const source::Notice& notice) override { fmt::print("{}\n", notice.text); }
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void measure(const char* what, std::size_t length, std::size_t megabytes, std::size_t burst) {
  std::string name = (std::filesystem::temp_directory_path() / "warder-bench.XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    std::abort();
  }
  const std::string log = name + "/bench.log";
  std::string piece;
  while (piece.size() < burst) {
    piece += std::string(length - 1, 'x') + "\n";
  }
  util::SystemClock clock;
  source::FileOptions options;
  options.start_at = source::StartAt::kHead;
  auto made = source::FileSource::create(options, {{0, log}}, {}, clock);
  Counting handler;
  double spent = 0;
  std::vector<model::Position> positions;
  std::ofstream out(log, std::ios::binary | std::ios::app);
  for (std::size_t written = 0; written < megabytes << 20U; written += piece.size()) {
    out << piece << std::flush;
    const auto start = std::chrono::steady_clock::now();
    while ((*made)->pump(handler, util::mebibytes(1)).more) {
    }
    spent += seconds_since(start);
    positions.clear();
    (*made)->take_positions(positions);
  }
  fmt::print("{:<34} {:>12.0f} lines/s {:>9.0f} MB/s\n", what,
             static_cast<double>(handler.lines) / spent,
             static_cast<double>(handler.bytes + handler.lines) / spent / 1e6);
  std::filesystem::remove_all(name);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t megabytes = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 256;
  measure("backlog, 120 byte lines", 120, megabytes, megabytes << 20U);
  measure("backlog, 600 byte lines (Caddy)", 600, megabytes, megabytes << 20U);
  measure("bursts of 64 KiB, 120 byte lines", 120, megabytes, 64UL * 1024);
  measure("one 120 byte line at a time", 120, megabytes / 64 + 1, 120);
}
