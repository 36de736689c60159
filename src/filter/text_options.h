#pragma once

#include <cstdint>

namespace warder::filter {

// What stands at the place of <HOST>: `usedns` of a jail (reference/fail2ban-compat.md 11.1, 11.4).
enum class UseDns : std::uint8_t {
  // An address. A line with a name in its place does not match.
  kNo,
  // An address or a name. Lines with names match and are told of (kHostName).
  kName,
  // yes and warn: an address or a name; a name is the identifier, for whoever looks it up.
  kLookUp,
  // raw: an address or any other text, which is the identifier as it stands.
  kRaw,
};

// In what ignoreregex is searched.
enum class IgnoreScope : std::uint8_t {
  // The whole message and the content that a prefix leaves.
  kEverywhere,
  // As in fail2ban: the content, and the whole message only where there are at least three
  // failregexes more than ignoreregexes.
  kReference,
};

// What becomes of <name>, where the filter has no option of that name.
enum class UnknownTags : std::uint8_t {
  kRefuse,  // mostly a parameter has a wrong value (<lines-agressive>), and nothing would match
  kText,    // stands for itself, as in fail2ban: <script>
};

// What the jail says about how a text filter is to be read. Plain value.
struct TextOptions {
  UseDns usedns = UseDns::kNo;
  IgnoreScope ignore = IgnoreScope::kEverywhere;
  UnknownTags unknown_tags = UnknownTags::kRefuse;
};

}  // namespace warder::filter
