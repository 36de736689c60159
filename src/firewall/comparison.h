#pragma once

#include "firewall/ruleset.h"
#include "firewall/table_client.h"
#include "firewall/wish.h"

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// Wishes beside what the kernel holds of them.
namespace warder::firewall {

SetId set_of(const Wish& wish);

// The names of sets, each put together once. The ruleset must outlive it.
class SetNames {
 public:
  explicit SetNames(const Ruleset& ruleset) : ruleset_(ruleset) {}

  // Valid as long as this object.
  const std::string& of(const Wish& wish);

 private:
  const Ruleset& ruleset_;
  std::map<SetId, std::string> names_;
  const std::pair<const SetId, std::string>* last_ = nullptr;
};

// Is nothing left to do for the wish when the kernel holds this?
bool is_fulfilled(const Wish& wish, const std::optional<SetElement>& held);

struct Compared {
  util::Status status = {};
  std::vector<Wish> left = {};  // not as it was asked for, or nothing is known of it
  std::size_t found = 0;
  std::uint32_t unchanged = 0;
  std::uint32_t outlasting = 0;
};

// Looks all of them up.
Compared compare(TableClient& client, const Ruleset& ruleset, std::span<const Wish> wishes);

// A second socket and a thread that compares by it: look-ups run side by side in the kernel,
// changes do not. The thread begins with the first comparison and waits for the next ones from then
// on, for a million bans are some thousand requests. Used by one other thread.
class SecondLook {
 public:
  explicit SecondLook(TableClient client) : client_(std::move(client)) {}
  ~SecondLook();
  SecondLook(const SecondLook&) = delete;
  SecondLook& operator=(const SecondLook&) = delete;

  // Begins to compare; both arguments must stay as they are until take() returns. False when the
  // system lets us have no thread.
  bool begin(const Ruleset& ruleset, std::span<const Wish> wishes);
  // Waits for what begin() began.
  Compared take();

 private:
  struct Question {
    const Ruleset& ruleset;
    std::span<const Wish> wishes;
  };
  void run();

  TableClient client_;  // the thread's
  std::mutex mutex_;    // of what follows
  std::condition_variable changed_;
  std::optional<Question> question_;
  std::optional<Compared> answer_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace warder::firewall
