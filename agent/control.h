#pragma once

#include "api/server.h"
#include "engine/engine.h"
#include "engine/shipping.h"
#include "util/result.h"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace warder::agent {

// Answers the control socket: each command is a question to the engine, the store or the shippers.
class Control : public api::Handler {
 public:
  struct Parts {
    engine::Engine* engine = nullptr;
    engine::Shipping* shipping = nullptr;
    std::filesystem::path database;
    std::function<util::Result<std::vector<std::string>>(const std::string& accepted)> reload;
    std::function<util::Status(const std::string& monitor)> accept_schema;
    // How many differences become part of the baseline.
    std::function<util::Result<std::size_t>(const std::string& section, const std::string& path)>
        accept_files;
    std::function<util::Status(const std::string& section)> scan_files;
    std::function<util::Status(const std::string& section)> baseline_files;
    // What the vault does, for status: a JSON object.
    std::function<std::string()> vault_state;
    std::function<std::string()> configuration;
  };
  explicit Control(Parts parts) : parts_(std::move(parts)) {}

  api::Response handle(const api::Request& request) override;

 private:
  util::Result<std::string> answer(const api::Request& request);
  util::Result<std::string> status();
  util::Result<std::string> bans(const api::Request& request);
  util::Result<std::string> diagnose(const std::string& jail);
  util::Result<std::string> probe(const std::string& jail);
  // control_alerts.cpp
  util::Result<std::string> report(const api::Request& request);
  util::Result<std::string> test_alert(const std::string& destination, const std::string& kind);
  util::Result<std::string> incidents(const api::Request& request);
  util::Result<std::string> acknowledge(const api::Request& request);

  const Parts parts_;
};

}  // namespace warder::agent
