#include "firewall/capabilities.h"

#include "firewall/table_client.h"

#include <linux/capability.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace warder::firewall {
namespace {

constexpr std::uint32_t kNetAdmin = 1U << CAP_NET_ADMIN;
static_assert(CAP_NET_ADMIN < 32);

}  // namespace

util::Status keep_only_net_admin() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> held{};
  if (::syscall(SYS_capget, &header, held.data()) != 0) {
    return util::errno_error("reading the capabilities", errno);
  }
  if ((held[0].permitted & kNetAdmin) == 0) {
    return firewall_error(EPERM);
  }
  // The bounding set needs CAP_SETPCAP to shrink, so it goes first; without it there is nothing
  // that could use what is left, since no new privileges come.
  for (int capability = 0; capability <= CAP_LAST_CAP; ++capability) {
    if (capability != CAP_NET_ADMIN) {
      ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    }
  }
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> wanted{};
  wanted[0].permitted = kNetAdmin;
  wanted[0].effective = kNetAdmin;
  const bool is_done = held[0].permitted == kNetAdmin && held[0].effective == kNetAdmin &&
                       held[1].permitted == 0 && held[1].effective == 0;
  // A system call filter may forbid capset where nothing is left to do.
  if (!is_done && ::syscall(SYS_capset, &header, wanted.data()) != 0) {
    return util::errno_error("giving up capabilities", errno);
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return util::errno_error("giving up new privileges", errno);
  }
  return {};
}

}  // namespace warder::firewall
