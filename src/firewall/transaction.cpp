#include "firewall/transaction.h"

#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>

namespace warder::firewall {
namespace {

// Rounds of the careful way: one finds the bad elements, the next goes through; others make up for
// elements that end, and answers that get lost, meanwhile.
constexpr int kRounds = 8;
// From so many wishes on it is worth guessing whether the kernel has them.
constexpr std::size_t kLarge = 512;

SetElement element_of(const Wish& wish) {
  return {wish.prefix.address(), wish.remaining, Traffic{}};
}

// Errors that name the whole and pass by themselves.
bool is_passing(int error) { return error == EAGAIN || error == EINTR || error == ENOBUFS; }

bool try_quickly(TableClient& client, const Ruleset& ruleset, std::span<const Wish> wishes,
                 util::Status& status) {
  MessageWriter& out = client.begin();
  std::vector<SetElement> run;
  for (std::size_t i = 0; i < wishes.size();) {
    const SetId set = set_of(wishes[i]);
    const bool removes = wishes[i].kind == Change::Kind::kRemove;
    run.clear();
    while (i < wishes.size() && run.size() < kMostElementsAMessage && set_of(wishes[i]) == set &&
           (wishes[i].kind == Change::Kind::kRemove) == removes) {
      run.push_back(element_of(wishes[i++]));
    }
    write_elements(out, removes ? ElementRequest::kRemove : ElementRequest::kAdd, 0,
                   client.next_sequence(), ruleset.set_name(set), run);
  }
  const auto outcome = client.commit();
  if (outcome.general == EPERM) {
    status = firewall_error(EPERM);
  }
  return outcome.is_done();
}

// One portion of the careful way.
class Careful {
 public:
  Careful(TableClient& client, const Ruleset& ruleset, ApplyReport& report)
      : client_(client), names_(ruleset), report_(report) {}

  util::Status run(std::span<const Wish> wishes) {
    pending_.assign(wishes.begin(), wishes.end());
    std::optional<std::size_t> found;
    for (int round = 0; round < kRounds && !pending_.empty(); ++round) {
      auto held = look_up();
      if (!held) {
        // Lost answers: ask again.
        if (held.error().code() == util::ErrorCode::kConflict) {
          continue;
        }
        return held.error();
      }
      if (!found) {
        found = static_cast<std::size_t>(std::count_if(
            held->begin(), held->end(), [](const auto& element) { return element.has_value(); }));
        found_ += *found;
      }
      leave_out_fulfilled(*held);
      if (!pending_.empty()) {
        WARDER_RETURN_IF_ERROR(commit(*held));
      }
    }
    if (!pending_.empty()) {
      return util::Error(util::ErrorCode::kConflict,
                         "another program keeps changing the firewall at the same time");
    }
    return {};
  }

  // Wishes whose element the kernel held at first, over all portions.
  std::size_t found() const { return found_; }

 private:
  using Held = std::vector<std::optional<SetElement>>;

  util::Result<Held> look_up() {
    std::vector<TableClient::Key> keys;
    keys.reserve(pending_.size());
    for (const Wish& wish : pending_) {
      keys.push_back({names_.of(wish), wish.prefix.address()});
    }
    return client_.look_up(keys);
  }

  void leave_out_fulfilled(Held& held) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      const Wish& wish = pending_[i];
      const std::optional<SetElement>& element = held[i];
      if (is_fulfilled(wish, element)) {
        ++report_.unchanged;
        report_.outlasting += element && outlasts(wish, element->remaining) ? 1 : 0;
      } else {
        pending_[kept] = pending_[i];
        held[kept] = held[i];
        ++kept;
      }
    }
    pending_.resize(kept);
    held.resize(kept);
  }

  util::Status commit(const Held& held) {
    MessageWriter& out = client_.begin();
    const std::uint32_t before = client_.sequence();
    std::vector<std::size_t> places;  // of the wish of each message
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      const std::string& set = names_.of(pending_[i]);
      SetElement element = element_of(pending_[i]);
      if (const std::optional<SetElement>& before_it = held[i]) {
        places.push_back(i);
        write_elements(out, ElementRequest::kRemove, 0, client_.next_sequence(), set,
                       {&element, 1});
        element.traffic = before_it->traffic;
      }
      if (pending_[i].kind != Change::Kind::kRemove) {
        places.push_back(i);
        client_.next_sequence();
        write_elements(out, ElementRequest::kAdd, 0, client_.sequence(), set, {&element, 1});
      }
    }
    const auto outcome = client_.commit();
    if (outcome.is_done()) {
      count_done(held);
      return {};
    }
    // After a loss the next round asks what is in effect.
    if (outcome.general != 0 && !is_passing(outcome.general)) {
      return firewall_error(outcome.general);
    }
    return sort_out(outcome, before + 1, places);
  }

  void count_done(const Held& held) {
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      if (pending_[i].kind == Change::Kind::kRemove) {
        ++report_.removed;
      } else {
        ++(held[i] ? report_.extended : report_.added);
      }
    }
    pending_.clear();
  }

  util::Status sort_out(const TableClient::Outcome& outcome, std::uint32_t first,
                        const std::vector<std::size_t>& places) {
    std::vector<bool> bad(pending_.size(), false);
    for (const auto& [sequence, error] : outcome.failed) {
      const std::size_t place = places.at(sequence - first);
      const Wish& wish = pending_[place];
      if (error == EPERM) {
        return firewall_error(error);
      }
      // It came or ended since the look-up; or, for an addition, the set itself is gone.
      if (error == EEXIST || (error == ENOENT && !is_set_gone(wish))) {
        continue;
      }
      if (error == ENOENT) {
        return firewall_error(error);
      }
      if (!is_passing(error) && !bad[place]) {
        bad[place] = true;
        report_.refusals.push_back({wish.change, error == ENFILE ? Reason::kFull : Reason::kKernel,
                                    std::nullopt, error == ENFILE ? 0 : error});
      }
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      if (!bad[i]) {
        pending_[kept++] = pending_[i];
      }
    }
    pending_.resize(kept);
    return {};
  }

  bool is_set_gone(const Wish& wish) {
    if (!state_) {
      auto state = client_.read_state();
      state_ = state ? std::move(state).value() : TableState{};
    }
    return !state_->sets.contains(names_.of(wish));
  }

  TableClient& client_;
  SetNames names_;
  ApplyReport& report_;
  std::size_t found_ = 0;
  std::vector<Wish> pending_;
  // Read once when a set seems to be gone.
  std::optional<TableState> state_;
};

// By both clients at once, half by each.
Compared compare(TableClient& client, SecondLook& second, const Ruleset& ruleset,
                 std::span<const Wish> wishes) {
  const auto half = wishes.first(wishes.size() / 2);
  if (!second.begin(ruleset, wishes.subspan(half.size()))) {
    return compare(client, ruleset, wishes);
  }
  Compared compared = compare(client, ruleset, half);
  const Compared other = second.take();
  compared.status = compared.status ? other.status : compared.status;
  compared.left.insert(compared.left.end(), other.left.begin(), other.left.end());
  compared.found += other.found;
  compared.unchanged += other.unchanged;
  compared.outlasting += other.outlasting;
  return compared;
}

}  // namespace

util::Status put_into_effect(TableClient& client, SecondLook* second, const Ruleset& ruleset,
                             std::span<const Wish> wishes, bool& held, ApplyReport& report) {
  while (!wishes.empty()) {
    auto part = wishes.first(std::min(wishes.size(), kTransaction));
    wishes = wishes.subspan(part.size());
    util::Status status;
    const bool ask_first = held && part.size() >= kLarge;
    if (!ask_first && try_quickly(client, ruleset, part, status)) {
      for (const Wish& wish : part) {
        ++(wish.kind == Change::Kind::kRemove ? report.removed : report.added);
      }
      continue;
    }
    WARDER_RETURN_IF_ERROR(status);
    const std::size_t asked = part.size();
    Compared compared;
    if (ask_first && second != nullptr) {
      compared = compare(client, *second, ruleset, part);
      WARDER_RETURN_IF_ERROR(compared.status);
      report.unchanged += compared.unchanged;
      report.outlasting += compared.outlasting;
      part = compared.left;
    }
    Careful careful(client, ruleset, report);
    for (std::size_t at = 0; at < part.size(); at += TableClient::kMostLookups) {
      WARDER_RETURN_IF_ERROR(
          careful.run(part.subspan(at, std::min(part.size() - at, TableClient::kMostLookups))));
    }
    if (asked >= kLarge) {
      held = (asked == part.size() ? careful.found() : compared.found) > asked / 2;
    }
  }
  return {};
}

}  // namespace warder::firewall
