#include "firewall/firewall.h"

#include <fmt/core.h>

#include <cstring>

namespace warder::firewall {
namespace {

std::string_view kind_of(Reason reason) {
  switch (reason) {
    case Reason::kOwnAddress:
      return "an address of this host";
    case Reason::kGateway:
      return "a default gateway";
    case Reason::kSshPeer:
      return "where an administrator is logged in from";
    case Reason::kConfigured:
      return "on the never-ban list";
    default:
      return "reserved (loopback, link-local, multicast or the like)";
  }
}

std::string why(const Refusal& refusal, const net::Prefix& prefix) {
  switch (refusal.reason) {
    case Reason::kTooShort:
      return "it covers too many addresses; lower min_prefix_ipv4 or min_prefix_ipv6 if that is "
             "meant";
    case Reason::kUnknownScope:
      return "its protocol and ports are not in the running set";
    case Reason::kFull:
      return "the kernel's set is full; raise max_elements";
    case Reason::kTooManySets:
      return "too many different prefix lengths are in use";
    case Reason::kKernel:
      return fmt::format("the kernel refused it: {}", std::strerror(refusal.kernel_error));
    default:
      break;
  }
  if (!refusal.because || *refusal.because == prefix) {
    return fmt::format("it is {}", kind_of(refusal.reason));
  }
  if (refusal.because->contains(prefix)) {
    return fmt::format("it lies in {}, {}", refusal.because->to_string(), kind_of(refusal.reason));
  }
  return fmt::format("it contains {}, {}", refusal.because->to_string(), kind_of(refusal.reason));
}

}  // namespace

std::string describe(const Refusal& refusal, const net::Prefix& prefix) {
  return fmt::format("{} is not banned: {}", prefix.to_string(), why(refusal, prefix));
}

}  // namespace warder::firewall
