#include "agent/remote_logs.h"

#include "agent/wiring.h"
#include "crypto/random.h"
#include "source/polled_source.h"
#include "vault/oci_audit.h"

#include <memory>
#include <string>
#include <utility>

namespace warder::agent {
namespace {

class OciAuditLog : public source::RemoteLog {
 public:
  OciAuditLog(const vault::VaultOptions& options, std::string compartment, const util::Clock& clock)
      : sender_(options.oci, options.environment, clock), compartment_(std::move(compartment)) {}

  util::Status read(util::WallTime from, util::WallTime until, const Take& take) override {
    return vault::list_oci_events(
        sender_, compartment_, from, until, [&](vault::OciAuditEvent event) {
          return take(
              {.id = std::move(event.id), .happened = event.time, .text = std::move(event.json)});
        });
  }
  void stop() override { sender_.stop(); }

 private:
  vault::OciSender sender_;
  const std::string compartment_;
};

}  // namespace

engine::OpenRemote open_remote(const engine::MainConfiguration& main, const util::Clock& clock) {
  return [options = vault_options_of(main), &clock](const engine::RemoteInput& input,
                                                    const source::PositionLookup& positions)
             -> util::Result<std::unique_ptr<source::Source>> {
    std::string compartment = input.address.substr(engine::kOciAudit.size());
    if (compartment.empty() && options.oci.has("oci_compartment")) {
      compartment = options.oci.string("oci_compartment");
    }
    WARDER_RETURN_IF_ERROR(vault::check_oci_compartment(compartment));
    const vault::OciAuditTiming timing = vault::oci_audit_timing(options.oci);
    source::PolledSource::Options polled;
    polled.log = std::string(engine::kOciAudit) + compartment;
    polled.inputs = input.jails;
    polled.start_at = input.start_at;
    polled.longest_line = input.longest_line;
    polled.kept_members = input.kept_members;
    polled.interval = timing.interval;
    polled.overlap = timing.overlap;
    polled.seed = crypto::random_seed();
    std::unique_ptr<source::Source> source = std::make_unique<source::PolledSource>(
        std::move(polled), std::make_unique<OciAuditLog>(options, compartment, clock), positions,
        clock);
    return source;
  };
}

}  // namespace warder::agent
