#include "filter/sieve.h"

#include "filter/regex_scanner.h"

#include <fmt/format.h>
#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace warder::filter {
namespace {

// For the automaton of all expressions; it is built as lines come, and is started anew when it is
// full, so that this bounds memory and not what can be matched.
constexpr std::int64_t kLeastMemory = 8 << 20;
constexpr std::int64_t kMemoryPerExpression = 64 << 10;
constexpr std::int64_t kMostMemory = 64 << 20;

re2::RE2::Options set_options(std::size_t expressions, SieveText text) {
  re2::RE2::Options options;
  options.set_encoding(text == SieveText::kBytes ? re2::RE2::Options::EncodingLatin1
                                                 : re2::RE2::Options::EncodingUTF8);
  options.set_log_errors(false);
  options.set_never_capture(true);
  options.set_max_mem(std::min(
      kMostMemory, kLeastMemory + kMemoryPerExpression * static_cast<std::int64_t>(expressions)));
  return options;
}

// Can the expression match at the begin of a text only?
bool begins_with_anchor(std::string_view expression) {
  if (!expression.starts_with('^')) {
    return false;
  }
  for (RegexScanner scanner(expression); !scanner.done(); scanner.next()) {
    if (scanner.is('|') && scanner.depth() == 0) {
      return false;
    }
  }
  return true;
}

}  // namespace

struct Sieve::Half {
  std::unique_ptr<re2::RE2::Set> set;
  std::vector<std::size_t> numbers;  // by the set's own index
};

Sieve::Sieve(SieveText text)
    : text_(text), anchored_(std::make_unique<Half>()), floating_(std::make_unique<Half>()) {}
Sieve::~Sieve() = default;
Sieve::Sieve(Sieve&&) noexcept = default;
Sieve& Sieve::operator=(Sieve&&) noexcept = default;

util::Result<std::size_t> Sieve::add(std::string_view expression) {
  const auto known = std::find(expressions_.begin(), expressions_.end(), expression);
  if (known != expressions_.end()) {
    return static_cast<std::size_t>(known - expressions_.begin());
  }
  re2::RE2 probe(re2::StringPiece(expression.data(), expression.size()), set_options(1, text_));
  if (!probe.ok()) {
    return util::Error(util::ErrorCode::kInvalid, probe.error());
  }
  expressions_.emplace_back(expression);
  return expressions_.size() - 1;
}

util::Status Sieve::compile() {
  const re2::RE2::Options options = set_options(expressions_.size(), text_);
  for (std::size_t number = 0; number < expressions_.size(); ++number) {
    const std::string& expression = expressions_[number];
    const bool anchored = begins_with_anchor(expression);
    Half& half = anchored ? *anchored_ : *floating_;
    if (half.set == nullptr) {
      half.set = std::make_unique<re2::RE2::Set>(
          options, anchored ? re2::RE2::ANCHOR_START : re2::RE2::UNANCHORED);
    }
    std::string error;
    if (half.set->Add(expression, &error) < 0) {
      return util::Error(util::ErrorCode::kInvalid, error);
    }
    half.numbers.push_back(number);
  }
  for (Half* half : {anchored_.get(), floating_.get()}) {
    if (half->set != nullptr && !half->set->Compile()) {
      return util::Error(util::ErrorCode::kInvalid,
                         fmt::format("{} expressions together need more memory than the {} MiB "
                                     "they may use; use fewer filters on this log",
                                     half->numbers.size(), options.max_mem() >> 20));
    }
  }
  return {};
}

Sieve::Outcome Sieve::search(std::string_view text, std::vector<std::size_t>& numbers) {
  numbers.clear();
  for (const Half* half : {anchored_.get(), floating_.get()}) {
    if (half->set == nullptr) {
      continue;
    }
    re2::RE2::Set::ErrorInfo info{};
    hits_.clear();
    if (half->set->Match(re2::StringPiece(text.data(), text.size()), &hits_, &info)) {
      for (const int hit : hits_) {
        numbers.push_back(half->numbers[static_cast<std::size_t>(hit)]);
      }
    } else if (info.kind != re2::RE2::Set::kNoError) {
      numbers.resize(expressions_.size());
      std::iota(numbers.begin(), numbers.end(), std::size_t{0});
      return Outcome::kOutOfMemory;
    }
  }
  return Outcome::kFound;
}

}  // namespace warder::filter
