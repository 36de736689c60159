#pragma once

#include "ship/destination.h"
#include "util/result.h"

#include <string>
#include <string_view>

// Receivers that are reached with an account which is not a destination's own: an identity in
// Oracle's cloud, a session with the vault. ship says what it needs of them here; who holds the
// account plugs it in.
//
// An error's code says what became of a call: kUnavailable, kTimeout, kIo (later), kDenied,
// kNotFound (this identity or this receiver is refused: nothing is lost for it), anything else
// (this content is). Calls come from one thread at a time; cancel() comes from any, ends a running
// call at once and makes later ones fail with kUnavailable.
namespace warder::ship {

// What came of a call that was taken.
struct Taken {
  std::string answer;   // body of the answer
  std::string receipt;  // how the receiver names what it took; may be empty
};

class Cloud {
 public:
  enum class Service { kLogging, kNotifications, kMonitoring };

  virtual ~Cloud() = default;
  // Sends JSON to the resource with this OCID: entries to a log, a message to a topic, metrics to a
  // compartment.
  virtual util::Result<Taken> send(Service service, std::string_view ocid,
                                   std::string_view body) = 0;
  virtual void cancel() = 0;
};

// An audit trail in the vault.
class Trail {
 public:
  virtual ~Trail() = default;
  // Creates `path` with these fields (a JSON object in text), unless it is there: then it stays as
  // it is and the receipt says since when. Nothing can be written twice.
  virtual util::Result<std::string> create(std::string_view mount, std::string_view path,
                                           std::string_view fields) = 0;
  // Has the vault's audit device hash `text` with its key; the vault's own audit log then holds
  // that hash.
  virtual util::Result<std::string> commit(std::string_view device, std::string_view text) = 0;
  virtual void cancel() = 0;
};

// What such an error means for what was sent.
Outcome outcome_of(const util::Error& error);

}  // namespace warder::ship
