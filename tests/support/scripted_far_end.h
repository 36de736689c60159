#pragma once

#include "ship/far_end.h"

#include <fmt/core.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::testing {

// A cloud that takes everything and remembers it, or fails as it is told.
class ScriptedCloud : public ship::Cloud {
 public:
  struct Sent {
    Service service;
    std::string ocid;
    std::string body;
  };

  util::Result<ship::Taken> send(Service service, std::string_view ocid,
                                 std::string_view body) override {
    if (failure) {
      return *failure;
    }
    sent.push_back({service, std::string(ocid), std::string(body)});
    return ship::Taken{answer, "request-1"};
  }
  void cancel() override { cancelled = true; }

  std::optional<util::Error> failure;
  std::string answer;
  std::vector<Sent> sent;
  bool cancelled = false;
};

// A vault whose trail takes each path once, or fails from the n-th call on.
class ScriptedTrail : public ship::Trail {
 public:
  util::Result<std::string> create(std::string_view mount, std::string_view path,
                                   std::string_view fields) override {
    if (failure && calls++ >= failing_from) {
      return *failure;
    }
    const std::string where = fmt::format("{}/{}", mount, path);
    const bool fresh = stored.emplace(where, fields).second;
    return fresh ? fmt::format("request-{}", stored.size()) : std::string("there since");
  }
  util::Result<std::string> commit(std::string_view device, std::string_view text) override {
    if (failure && calls++ >= failing_from) {
      return *failure;
    }
    hashed.push_back(fmt::format("{} {}", device, text));
    return std::string("hmac-sha256:00");
  }
  void cancel() override { cancelled = true; }

  std::optional<util::Error> failure;
  std::size_t failing_from = 0;
  std::size_t calls = 0;
  std::map<std::string, std::string> stored;
  std::vector<std::string> hashed;
  bool cancelled = false;
};

}  // namespace warder::testing
