#pragma once

#include <cstddef>
#include <string>

namespace warder::config {

// Where something stands, so that every error and every value can be found again.
struct Place {
  // A file as the caller named it ("jails/sshd.conf"), a key of a vault document
  // ("vault jails#/sshd/maxretry"), or "default".
  std::string source;
  // From 1; 0 where the source has no lines.
  std::size_t line = 0;

  // "jails/sshd.conf:14"
  std::string to_string() const;

  friend bool operator==(const Place&, const Place&) = default;
};

}  // namespace warder::config
