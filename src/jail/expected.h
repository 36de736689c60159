#pragma once

#include "model/finding.h"
#include "net/address.h"
#include "util/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace warder::jail {

// Which findings of a jail count.
enum class Outside : std::uint8_t {
  kNone,      // all
  kPaths,     // those whose field `path` lies outside of what `paths` assigns to the identity
  kNetworks,  // those whose address lies outside of what `networks` assigns to it
};

// What is expected of whom: lines "IDENTITY: WHAT WHAT ...". An identity is a name, `name*` for all
// that begin so, or * for everybody whom no other line names. Whom no line names is not judged:
// nobody said what to expect of it. Immutable.
class Expected {
 public:
  Expected() = default;
  // Paths end in * for all that begin so ("secret/data/web/*"). kInvalid names the line.
  static util::Result<Expected> paths(const std::vector<std::string>& lines);
  static util::Result<Expected> networks(const std::vector<std::string>& lines);

  // `identities`: all names that the finding has for who did it.
  bool allows_path(const std::vector<std::string_view>& identities, std::string_view path) const;
  bool allows_address(const std::vector<std::string_view>& identities,
                      const net::IpAddress& address) const;

 private:
  struct Line {
    std::string identity;
    std::vector<std::string> paths;
    std::vector<net::Prefix> networks;
  };
  template <typename Add>
  static util::Result<Expected> parse(const std::vector<std::string>& lines, Add add);
  template <typename Fits>
  bool allows(const std::vector<std::string_view>& identities, Fits fits) const;

  std::vector<Line> lines_;
};

}  // namespace warder::jail
