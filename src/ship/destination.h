#pragma once

#include "ship/message.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace warder::ship {

// How the delivery of one message ended.
struct Outcome {
  enum class Kind {
    kDelivered,
    // Trying again later may help: no answer, a time limit, 408, 425, 429, 5xx.
    kRetry,
    // The destination does not want this content (400, 413, 422...): split, then a dead letter.
    kRefused,
    // 401, 403, 404, 407, 410: either the destination wants nothing from us any more (revoked
    // token) or a filter before it dislikes this one message. The shipper finds out with the next
    // message; nothing is lost for a wrong token.
    kRejected,
  };
  Kind kind = Kind::kDelivered;
  // The destination's own wish (Retry-After); kRetry and kRejected only.
  std::optional<std::chrono::seconds> after;
  // For the operator, without secrets; empty when delivered.
  std::string reason;
  // How the receiver names what it took, to be kept with the event; may be empty.
  std::string receipt = {};
};

// Where messages go. One thread at a time calls deliver(); cancel() may come from any thread.
class Destination {
 public:
  virtual ~Destination() = default;

  virtual std::string_view name() const = 0;
  // Most messages in one deliver().
  virtual std::size_t batch_limit() const = 0;
  // One outcome a message, in order. After the first kRetry none of the later ones is tried (they
  // get the same outcome), so that the order holds. A batch that is refused as a whole gives
  // kRefused for all; the shipper then sends the halves.
  virtual std::vector<Outcome> deliver(std::span<const Message> messages) = 0;
  // Ends a running deliver() at once, with kRetry; later ones too. For shutdown.
  virtual void cancel() = 0;
};

}  // namespace warder::ship
