#pragma once

#include "source/file_source.h"
#include "source/json_gist.h"
#include "source/source.h"
#include "util/bytes.h"
#include "util/result.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace warder::engine {

// What begins like this in a logpath is a log elsewhere: the audit events of an OCI compartment.
inline constexpr std::string_view kOciAudit = "oci-audit:";

// A log elsewhere that jails want.
struct RemoteInput {
  std::string address;  // as it stands in logpath
  std::vector<std::uint32_t> jails;
  source::StartAt start_at = source::StartAt::kTail;
  util::ByteCount longest_line;
  source::MemberNames kept_members;  // of a longer one
};
// Opens it; must not wait for the network. The error says cause and remedy.
using OpenRemote = std::function<util::Result<std::unique_ptr<source::Source>>(
    const RemoteInput& input, const source::PositionLookup& positions)>;

}  // namespace warder::engine
