#include "monitor/proc.h"

#include <catch2/catch.hpp>

#include <limits>

using namespace warder;
using monitor::FileLock;

TEST_CASE("locks as the kernel tells them; who waits holds none") {
  const auto locks = monitor::parse_locks(
      "1: POSIX  ADVISORY  WRITE 4711 08:01:131265 120 120\n"
      "1: -> POSIX  ADVISORY  WRITE 4712 08:01:131265 120 120\n"
      "2: OFDLCK ADVISORY  READ  -1 fe:10:7 0 EOF\n"
      "3: FLOCK  ADVISORY  WRITE x 08:01:1 0 EOF\n"
      "4: POSIX  ADVISORY  WRITE 1 08:01 0 0\n\nnonsense");
  CHECK(locks == std::vector<FileLock>{
                     {true, 4711, 8, 1, 131265, 120, 120},
                     {false, -1, 0xfe, 0x10, 7, 0, std::numeric_limits<std::uint64_t>::max()}});
}

TEST_CASE("a watched file as the kernel names it") {
  CHECK(monitor::parse_watched_file(
            "pos:\t0\nflags:\t02000000\nmnt_id:\t17\nino:\t1038\n"
            "inotify wd:1 ino:1f sdev:800013 mask:400 ignored_mask:0 fhandle-bytes:8\n") ==
        monitor::FileIdentity{8, 0x13, 0x1f});
  CHECK_FALSE(monitor::parse_watched_file("pos:\t0\n"));
  CHECK_FALSE(monitor::parse_watched_file("inotify wd:1 ino:x sdev:29 mask:400"));
  CHECK_FALSE(monitor::parse_watched_file("inotify wd:1 ino:5 sdev:1ffffffff mask:400"));
}

TEST_CASE("memory in use") {
  CHECK(
      monitor::parse_meminfo("MemTotal:       1000 kB\nMemFree: 1 kB\nMemAvailable:    250 kB\n") ==
      monitor::MemoryFigures{1000 * 1024, 250 * 1024});
  CHECK_FALSE(monitor::parse_meminfo("MemTotal:       1000 kB\n"));
  CHECK_FALSE(monitor::parse_meminfo("MemTotal: 10 kB\nMemAvailable: 11 kB\n"));
}
