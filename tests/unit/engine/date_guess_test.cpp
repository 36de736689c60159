#include "engine/date_guess.h"

#include <catch2/catch.hpp>

using warder::engine::guess_datepattern;

TEST_CASE("dates of common forms get a datepattern", "[date_guess]") {
  CHECK(guess_datepattern("24.11.2026 10/01/02 login failed") == "^%d\\.%m\\.%Y %H/%M/%S");
  CHECK(guess_datepattern("[2026_11_24-10.01.02] x") == "%Y_%m_%d-%H\\.%M\\.%S");
  CHECK(guess_datepattern("24-Nov-2026 10h01m02") == "");
  CHECK(guess_datepattern("24-Nov-2026 10.01.02 x") == "^%d-%b-%Y %H\\.%M\\.%S");
  CHECK(guess_datepattern("11/24/2026 10.01.02 x") == "^%m/%d/%Y %H\\.%M\\.%S");
  CHECK(guess_datepattern("pid 4711 24.11.26 10.01.02 x") == "%d\\.%m\\.%y %H\\.%M\\.%S");
}

TEST_CASE("what is no date gets none", "[date_guess]") {
  CHECK(guess_datepattern("login failed from 192.0.2.1").empty());
  CHECK(guess_datepattern("2026.13.24 10.01.02").empty());
  CHECK(guess_datepattern("").empty());
}
