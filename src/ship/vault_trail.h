#pragma once

#include "ship/destination.h"
#include "ship/far_end.h"

#include <memory>
#include <string>
#include <string_view>

namespace warder::ship {

struct VaultTrailOptions {
  std::string name;  // of the destination
  std::string host;  // this machine
  // vault-trail: the KV mount; vault-hash: the audit device.
  std::string target;
};

// Events in a KV v2 mount of HashiCorp Vault or OpenBao that this host can only add to: one secret
// an event, created once, under a path that the event decides. So a second copy is told by the
// vault itself, and is no second copy. The vault's own audit log holds each write with the vault's
// time; the receipt is the id it has there (request.id).
//
//   MOUNT/data/events/HOST/00000000000000000007-ID          sequence and id
//   MOUNT/data/checkpoints/HOST/00000000000000000120-ROOT   a witness: size and root
std::unique_ptr<Destination> make_vault_trail(VaultTrailOptions options,
                                              std::unique_ptr<Trail> trail);

// The alternative without storage: the SHA-256 of each event goes through the vault's
// sys/audit-hash, so that its audit log holds a keyed commitment. The receipt is that hash; asking
// for it again with the same text proves the event while the audit device lives. The text is
// "warder:HOST:SEQUENCE:ID:" and the SHA-256 of trail_text(), hexadecimal.
std::unique_ptr<Destination> make_vault_hash(VaultTrailOptions options,
                                             std::unique_ptr<Trail> trail);

// Where the witnesses of a host lie, behind MOUNT/data/.
std::string trail_checkpoints(std::string_view host);
// Behind MOUNT/data/.
std::string trail_path(std::string_view host, const Message& message);
// The event as one JSON object: for events the line that `warder events --json` prints. A summary
// has its own members.
std::string trail_text(const Message& message);
// trail_text() as fields of a secret: `host` besides, and `detail` as text, since the vault takes a
// thousand texts in a request and no more.
std::string trail_fields(std::string_view host, const Message& message);

}  // namespace warder::ship
