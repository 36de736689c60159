#pragma once

#include "firewall/netlink_channel.h"
#include "firewall/netlink_message.h"
#include "firewall/ruleset.h"
#include "firewall/set_element.h"

#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

namespace warder::firewall {

// Talks to nf_tables: transactions, dumps and look-ups of single elements. Knows nothing of bans.
// One thread at a time.
class TableClient {
 public:
  explicit TableClient(std::unique_ptr<Channel> channel);

  // The number that the kernel gives its rules after each transaction of anyone in this network
  // namespace. kDenied: this process may not change the firewall; kUnavailable: there is none.
  util::Result<std::uint32_t> generation();
  // What came of the transactions so far: those that were done raised the generation by one each,
  // those whose answer was lost perhaps.
  struct Count {
    std::uint32_t done = 0;
    std::uint32_t unknown = 0;
  };
  const Count& transactions() const { return transactions_; }

  std::uint32_t port() const { return channel_->port(); }

  // What became of a transaction. Nothing of it is in effect unless is_done().
  struct Outcome {
    int general = 0;                      // errno of the whole: not sent, or refused at the end
    bool lost = false;                    // no answer, or answers were lost: in effect or not
    std::map<std::uint32_t, int> failed;  // errno by number of the message
    bool is_done() const { return general == 0 && !lost && failed.empty(); }
  };
  // Begins a transaction; messages are written to writer() with numbers from next_sequence(). One
  // without messages changes nothing, but returns when those of others before it have told all.
  MessageWriter& begin();
  std::uint32_t next_sequence() { return ++sequence_; }
  std::uint32_t& sequence() { return sequence_; }
  Outcome commit();

  // Calls `visit` for each message of the answer until it returns false; what is left of the answer
  // is then thrown away with the socket, so a list has a socket of its own. 0 or errno.
  int dump(util::ByteView request, std::uint32_t sequence,
           const std::function<bool(const Message&)>& visit);

  // The elements with these keys in their sets, an empty place for each that is not there. At most
  // kMostLookups. The names of the sets stay the caller's. kConflict when answers were lost. Keys
  // of one set side by side share a message, which is quicker while most of them are there.
  struct Key {
    std::string_view set;
    net::IpAddress address;
  };
  static constexpr std::size_t kMostLookups = 256;
  util::Result<std::vector<std::optional<SetElement>>> look_up(std::span<const Key> keys);

  // All of the table but its elements.
  util::Result<TableState> read_state();

 private:
  using Found = std::vector<std::optional<SetElement>>;
  // Asks for the keys at `places`, at most `together` in a message; `undecided` gets the places
  // behind one of the same message that is not there, of which the kernel says nothing.
  util::Status ask(std::span<const Key> keys, std::span<const std::size_t> places,
                   std::size_t together, Found& found, std::vector<std::size_t>& undecided);

  std::unique_ptr<Channel> channel_;
  MessageWriter out_;
  util::Bytes buffer_;
  std::uint32_t sequence_ = 0;
  std::uint32_t first_ = 0;
  Count transactions_;
};

// "changing the firewall: ..." with the remedy.
util::Error firewall_error(int error);

}  // namespace warder::firewall
