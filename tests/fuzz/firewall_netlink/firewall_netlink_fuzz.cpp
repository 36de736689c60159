// What the readers of netlink make of bytes: our own listing, the state of the table, addresses and
// routes of the host, session files. The kernel is believed, but a defect there, or another version
// of it, must not bring the helper down.
#include "firewall/host_addresses.h"
#include "firewall/login_sessions.h"
#include "firewall/ruleset.h"
#include "firewall/set_element.h"
#include "firewall/table_watch.h"
#include "fuzz/require.h"

using namespace warder;
using warder::testing::require;

namespace {

void check_elements(const firewall::Message& message, net::Family family) {
  firewall::read_elements(message, family, [&](const firewall::SetElement& element) {
    require(element.key.family() == family);
    require(!element.remaining || element.remaining->count() >= 0);
    // What was read is read the same when it is written.
    firewall::MessageWriter writer;
    firewall::write_elements(writer, firewall::ElementRequest::kAdd, 0, 1, "s", {&element, 1});
    firewall::MessageReader again(writer.finish());
    const auto written = again.next();
    require(written.has_value() && !again.next());
    return true;
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const util::ByteView bytes(data, size);
  firewall::touches_table(bytes);
  firewall::TableState state;
  firewall::MessageReader reader(bytes);
  std::size_t total = 0;
  while (const auto message = reader.next()) {
    total += message->payload.size();
    require(total <= size);
    state.take(*message);
    check_elements(*message, net::Family::kIpv4);
    check_elements(*message, net::Family::kIpv6);
    firewall::address_of(*message);
    firewall::default_gateways_of(*message);
    firewall::error_of(*message);
  }
  // Whatever the kernel says it has, there is a way to what it should have, with whole messages.
  firewall::Ruleset ruleset;
  ruleset.scopes = {firewall::Scope(), firewall::Scope::parse("tcp", "80,443").value()};
  ruleset.sets = {{0, net::Family::kIpv4, 32}, {1, net::Family::kIpv6, 64}};
  firewall::MessageWriter writer;
  std::uint32_t sequence = 0;
  firewall::write_install(writer, ruleset, state, sequence);
  firewall::MessageReader written(writer.finish());
  std::uint32_t messages = 0;
  while (written.next()) {
    ++messages;
  }
  require(messages == sequence);
  firewall::peer_of_session(util::as_text(bytes));
  firewall::peers_of_utmp(bytes);
  return 0;
}
