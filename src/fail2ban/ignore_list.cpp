#include "fail2ban/ignore_list.h"

#include "util/bytes.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <optional>
#include <utility>

namespace warder::fail2ban {
namespace {

constexpr std::size_t kMostWords = 10'000;
constexpr util::ByteCount kLargestFile = util::mebibytes(1);
constexpr std::string_view kSeparators = " \t\r\n,";

// The length of a netmask written as an address; empty when its bits are not one run.
std::optional<unsigned> mask_length(const net::IpAddress& mask) {
  unsigned length = 0;
  bool ended = false;
  for (const char c : mask.byte_view()) {
    const auto byte = static_cast<std::uint8_t>(c);
    const auto ones = static_cast<unsigned>(std::countl_one(byte));
    if ((ended && byte != 0) || std::popcount(byte) != static_cast<int>(ones)) {
      return std::nullopt;
    }
    ended = ended || ones < 8;
    length += ones;
  }
  return length;
}

std::optional<net::Prefix> parse_prefix(std::string_view word) {
  const std::size_t slash = word.find('/');
  const auto address = net::IpAddress::parse(word.substr(0, slash));
  if (!address) {
    return std::nullopt;
  }
  if (slash == std::string_view::npos) {
    return net::Prefix(*address);
  }
  const std::string_view written = word.substr(slash + 1);
  unsigned length = 0;
  if (const auto mask = net::IpAddress::parse(written)) {
    const auto bits = mask_length(*mask);
    if (!bits) {
      return std::nullopt;
    }
    length = *bits;
  } else {
    const auto [end, error] =
        std::from_chars(written.data(), written.data() + written.size(), length);
    if (error != std::errc{} || end != written.data() + written.size()) {
      return std::nullopt;
    }
  }
  // The reference cuts off bits behind the length; so does the constructor.
  return length <= address->bits() ? std::optional(net::Prefix(*address, length)) : std::nullopt;
}

bool is_host_name(std::string_view word) {
  return word.size() <= 253 && std::all_of(word.begin(), word.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '.' || c == '_';
         });
}

class Reading {
 public:
  Reading(const config::Place& place, config::FileReader& files, const Resolve& resolve)
      : place_(place), files_(files), resolve_(resolve) {}

  void words(std::string_view text) {
    for (const std::string_view word : util::split_words(text, kSeparators)) {
      if (++count_ > kMostWords) {
        remark(Verdict::kRefused, fmt::format("more than {} words", kMostWords),
               "ban and unban are not the place for a list of this length; use prefixes");
        return;
      }
      take(word);
    }
  }

  IgnoreList list;

 private:
  void remark(Verdict verdict, std::string text, std::string remedy) {
    list.remarks.push_back({verdict, place_, "ignoreip", std::move(text), std::move(remedy)});
  }

  void take(std::string_view word) {
    if (const auto prefix = parse_prefix(word)) {
      list.prefixes.push_back(*prefix);
    } else if (word.starts_with("file:")) {
      file(word.substr(5));
    } else if (is_host_name(word)) {
      name(std::string(word));
    } else {
      remark(Verdict::kDiffers,
             fmt::format("'{}' is no address, prefix, name or file, and protects nobody",
                         util::printable(word, 80)),
             "only addresses are banned, so only addresses can be left out");
    }
  }

  void name(const std::string& word) {
    if (!list.names.insert(word).second) {
      return;
    }
    auto addresses = resolve_(word);
    if (!addresses) {
      remark(Verdict::kDiffers,
             fmt::format("the name '{}' is not known now, and protects nobody until it is: {}",
                         word, addresses.error().message()),
             "write the address if it does not change");
      return;
    }
    for (const net::IpAddress& address : *addresses) {
      list.prefixes.emplace_back(address);
    }
  }

  // file:PATH, file:/PATH, file:///PATH.
  void file(std::string_view path) {
    if (path.starts_with("//")) {
      path.remove_prefix(2);
    }
    if (!list.files.insert(std::string(path)).second) {
      return;
    }
    const auto text = files_.read(std::string(path), kLargestFile);
    if (!text) {
      remark(Verdict::kDiffers, text.error().message(),
             "the file protects nobody until it can be read");
      return;
    }
    for (const std::string_view line : util::split(*text, '\n')) {
      words(line.substr(0, line.find_first_of("#;")));
    }
  }

  const config::Place& place_;
  config::FileReader& files_;
  const Resolve& resolve_;
  std::size_t count_ = 0;
};

}  // namespace

IgnoreList read_ignore_list(std::string_view text, const config::Place& place,
                            config::FileReader& files, const Resolve& resolve) {
  Reading reading(place, files, resolve);
  reading.words(text);
  return std::move(reading.list);
}

}  // namespace warder::fail2ban
