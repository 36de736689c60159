#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace warder::util {

// The name and the real user of a process, from /proc/PID/status (proc(5)): "Name:\t...", as
// printable text, and "Uid:\t1000\t...". The name is chosen by whoever runs the process.
struct ProcessStatus {
  std::string name;
  std::uint32_t user = 0;
  friend bool operator==(const ProcessStatus&, const ProcessStatus&) = default;
};
std::optional<ProcessStatus> parse_process_status(std::string_view text);

// Empty when it is gone. `proc` is /proc, or what stands for it.
std::optional<ProcessStatus> process_status(const std::filesystem::path& proc, std::int64_t pid);

// "vi (pid 7, user root)"
std::string to_text(const ProcessStatus& process, std::int64_t pid);

}  // namespace warder::util
