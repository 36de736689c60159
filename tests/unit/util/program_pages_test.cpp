#include "util/program_pages.h"

#include <catch2/catch.hpp>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

namespace warder::util {
namespace {

struct Code {
  std::size_t kibibytes = 0;
  std::size_t mapped = 0;
};

// What /proc/PID/smaps (proc(5)) says of code. `touch` reads a byte of each page.
Code code_of_this_process(bool touch) {
  std::ifstream smaps("/proc/self/smaps");
  Code code;
  bool is_code = false;
  for (std::string text; std::getline(smaps, text);) {
    std::istringstream line(text);
    std::string first;
    std::size_t amount = 0;
    line >> first;
    if (first == "Rss:" && is_code && line >> amount) {
      code.mapped += amount;
    } else if (first == "Size:" && is_code && line >> amount) {
      code.kibibytes += amount;
    } else if (const auto dash = first.find('-'); dash != std::string::npos) {
      std::string rights;
      line >> rights;
      is_code = rights == "r-xp" && text.find(" /") != std::string::npos;
      for (auto at = std::stoull(first, nullptr, 16);
           touch && is_code && at < std::stoull(first.substr(dash + 1), nullptr, 16); at += 4096) {
        // NOLINTNEXTLINE(performance-no-int-to-ptr): how smaps gives places.
        static_cast<void>(*reinterpret_cast<const volatile char*>(std::uintptr_t{at}));
      }
    }
  }
  return code;
}

int g_written = 1;

TEST_CASE("pages of the program that nobody writes to are given back, and come when needed") {
  static_cast<void>(code_of_this_process(true));
  const Code before = code_of_this_process(false);
  REQUIRE(before.kibibytes > 1024);
  CHECK(before.mapped == before.kibibytes);
  g_written = 2;
  give_back_program_pages();
  CHECK(code_of_this_process(false).mapped < before.mapped / 2);
  CHECK(g_written == 2);
  CHECK(code_of_this_process(true).kibibytes == before.kibibytes);
}

}  // namespace
}  // namespace warder::util
