#include "jail/formula.h"

#include <catch2/catch.hpp>

#include <string>

namespace warder::jail {
namespace {

std::string evaluated(std::string_view text, const Formula::Variables& variables = {}) {
  const auto formula = Formula::parse(text, Formula::Names::kBan);
  if (!formula) {
    return formula.error().message();
  }
  const auto value = formula->evaluate(variables);
  if (!value) {
    return value.error().message();
  }
  std::string number = Catch::StringMaker<double>::convert(value->number);
  return number + (value->whole ? " whole" : "");
}

double number(std::string_view text) {
  const auto formula = Formula::parse(text, Formula::Names::kBan);
  REQUIRE(formula);
  const auto value = formula->evaluate({600, 3, 0.5, false});
  REQUIRE(value);
  return value->number;
}

// Each expected value is what Python 3.11 prints.
TEST_CASE("A formula has Python's precedence and results") {
  CHECK(number("1+2*3") == 7);
  CHECK(number("(1+2)*3") == 9);
  CHECK(number("2**3**2") == 512);
  CHECK(number("-2**2") == -4);
  CHECK(number("2**-1") == 0.5);
  CHECK(number("10-4-3") == 3);
  CHECK(number("100/10/5") == 2);
  CHECK(number("7//2") == 3);
  CHECK(number("-7//2") == -4);
  CHECK(number("7%3") == 1);
  CHECK(number("-7%3") == 2);
  CHECK(number("1<<2+1") == 8);
  CHECK(number("1 << 2 << 3") == 32);
  CHECK(number("1 if 2 < 1 else 3") == 3);
  CHECK(number("1 if 0 else 2 if 0 else 3") == 3);
  CHECK(number("1+1 if 1 == 1 else 9+9") == 2);
  CHECK(number("5 if ban.Count else 6") == 5);
  CHECK(number("1 if 2 != 2 else 0") == 0);
  CHECK(number("1 if 2 <= 2 else 0") == 1);
  CHECK(number("1 if 2 >= 3 else 0") == 0);
  CHECK(number("+-+1") == -1);
  CHECK(number("min(3, 1, 2)") == 1);
  CHECK(number("max(3, 1, 2)") == 3);
  CHECK(number("int(-2.7)") == -2);
  CHECK(number("math.pow(2, 0.5)") == Approx(1.4142135623730951));
  CHECK(number("math.sqrt(2)") == Approx(1.4142135623730951));
  CHECK(number("math.exp(1)") == Approx(2.718281828459045));
  CHECK(number("math.log(10)") == Approx(2.302585092994046));
  CHECK(number("math.log(8, 2)") == Approx(3));
  CHECK(number("1e3 + .5 + 2.") == 1002.5);
  CHECK(number("ban.Time * ban.Count * banFactor") == 900);
  CHECK(number("(\n ban.Time\t+ 1 )") == 601);
}

TEST_CASE("A formula tells whole numbers from fractions as Python does") {
  CHECK(evaluated("4") == "4.0 whole");
  CHECK(evaluated("4.0") == "4.0");
  CHECK(evaluated("4/2") == "2.0");
  CHECK(evaluated("4//2") == "2.0 whole");
  CHECK(evaluated("int(4/2)") == "2.0 whole");
  CHECK(evaluated("float(4)") == "4.0");
  CHECK(evaluated("ban.Time", {600, 0, 1, true}) == "600.0 whole");
  CHECK(evaluated("1 << int(2.9)") == "4.0 whole");
}

TEST_CASE("Only the chosen branch of a condition is evaluated") {
  CHECK(number("1 if 1 else 1/0") == 1);
  CHECK(number("1/0 if 0 else 2") == 2);
}

TEST_CASE("What a formula cannot be is refused with its place") {
  const auto refused = [](std::string_view text) {
    const auto formula = Formula::parse(text, Formula::Names::kBan);
    return formula ? "accepted" : formula.error().message();
  };
  const std::string known =
      " is not known; known are ban.Time, ban.Count, banFactor, math.exp, math.log, math.pow, "
      "math.sqrt, min, max, float and int";
  CHECK(refused("") == "at character 1: the expression ends too early");
  CHECK(refused("1 +") == "at character 4: the expression ends too early");
  CHECK(refused("1 2") == "at character 3: '2' is not understood here");
  CHECK(refused("(1") == "at character 3: ')' expected");
  CHECK(refused("1 if 1") == "at character 7: 'else' expected");
  CHECK(refused("__import__('os')") == "at character 1: '__import__'" + known);
  CHECK(refused("ban.__class__") == "at character 1: 'ban.__class__'" + known);
  CHECK(refused("math.sin(1)") == "at character 1: 'math.sin'" + known);
  CHECK(refused("lambda: 1") == "at character 1: 'lambda'" + known);
  CHECK(refused("[1]") == "at character 1: '[' is not understood here");
  CHECK(refused("'a'") == "at character 1: ''' is not understood here");
  CHECK(refused("1 >> 2") == "at character 3: '>>' is not understood here");
  CHECK(refused("1 < 2 < 3") == "at character 7: '<' is not understood here");
  CHECK(refused("1 < 2") == "at character 1: a comparison is no number; write A if THIS else B");
  CHECK(refused("(1 < 2) + 1") ==
        "at character 1: a comparison is no number; write A if THIS else B");
  CHECK(refused("min(1)") == "at character 1: 'min' takes at least 2 values");
  CHECK(refused("math.exp(1, 2)") == "at character 11: ')' expected");
  CHECK(refused("1e999") == "at character 1: '1e999' is no number");
  CHECK(refused("1\x1b[0m") == "at character 2: '\\x1b' is not understood here");
  CHECK(refused(std::string(1001, '1')) ==
        "an expression of 1001 characters; at most 1000 are read");
  CHECK(refused(std::string(200, '(')) == "at character 51: nested too deeply");
  CHECK(refused(std::string(200, '-') + "1") == "at character 50: nested too deeply");
  std::string chain = "1";
  for (int i = 0; i < 300; ++i) {
    chain += "+1";
  }
  CHECK(refused(chain) == "at character 404: too many operators");
  CHECK(Formula::parse("ban.Time", Formula::Names::kNone).error().message() ==
        "at character 1: 'ban.Time' cannot be used here");
}

TEST_CASE("What has no value is an error with the place of the operator") {
  CHECK(evaluated("1/0") == "at character 2: division by zero");
  CHECK(evaluated("1 % 0") == "at character 3: division by zero");
  CHECK(evaluated("1 // 0") == "at character 3: division by zero");
  CHECK(evaluated("1.5 << 2") ==
        "at character 5: << wants whole numbers, the right one from 0 to 1000");
  CHECK(evaluated("1 << 1001") ==
        "at character 3: << wants whole numbers, the right one from 0 to 1000");
  CHECK(evaluated("1 << -1") ==
        "at character 3: << wants whole numbers, the right one from 0 to 1000");
  CHECK(evaluated("math.log(0)") == "at character 1: this logarithm does not exist");
  CHECK(evaluated("math.log(2, 1)") == "at character 1: this logarithm does not exist");
  CHECK(evaluated("math.sqrt(-1)") == "at character 1: the square root of a negative number");
  CHECK(evaluated("10 ** 400") == "at character 4: the result is no finite number");
  CHECK(evaluated("math.exp(1000)") == "at character 1: the result is no finite number");
  CHECK(evaluated("(-1) ** 0.5") == "at character 6: the result is no finite number");
}

}  // namespace
}  // namespace warder::jail
