#include "agent/far_ends.h"

#include "vault/oci_sender.h"
#include "vault/server_trail.h"

#include <memory>
#include <utility>

namespace warder::agent {
namespace {

class OciCloud : public ship::Cloud {
 public:
  OciCloud(const vault::VaultOptions& options, const util::Clock& clock)
      : sender_(options.oci, options.environment, clock) {}

  util::Result<ship::Taken> send(Service service, std::string_view ocid,
                                 std::string_view body) override {
    auto answer = [&] {
      switch (service) {
        case Service::kNotifications:
          return sender_.publish(ocid, body);
        case Service::kMonitoring:
          return sender_.post_metrics(body);
        case Service::kLogging:
          break;
      }
      return sender_.put_logs(ocid, body);
    }();
    if (!answer) {
      return answer.error();
    }
    return ship::Taken{std::move(answer->body), std::move(answer->request_id)};
  }
  void cancel() override { sender_.stop(); }

 private:
  vault::OciSender sender_;
};

class VaultTrail : public ship::Trail {
 public:
  VaultTrail(vault::VaultOptions options, vault::ServerVault* shared, const util::Clock& clock)
      : trail_(std::move(options), shared, clock) {}

  util::Result<std::string> create(std::string_view mount, std::string_view path,
                                   std::string_view fields) override {
    return trail_.create(mount, path, fields);
  }
  util::Result<std::string> commit(std::string_view device, std::string_view text) override {
    return trail_.commit(device, text);
  }
  void cancel() override { trail_.stop(); }

 private:
  vault::ServerTrail trail_;
};

}  // namespace

ship::FarEnds far_ends(vault::VaultOptions options, vault::ServerVault* shared,
                       const util::Clock& clock) {
  return {.cloud = [options, &clock] { return std::make_unique<OciCloud>(options, clock); },
          .trail = [options, shared,
                    &clock] { return std::make_unique<VaultTrail>(options, shared, clock); }};
}

}  // namespace warder::agent
