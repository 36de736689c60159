#include "firewall/comparison.h"

#include "util/thread_name.h"

#include <algorithm>
#include <system_error>

namespace warder::firewall {

SetId set_of(const Wish& wish) {
  return {wish.scope, wish.prefix.family(), static_cast<std::uint8_t>(wish.prefix.length())};
}

const std::string& SetNames::of(const Wish& wish) {
  const SetId set = set_of(wish);
  if (last_ == nullptr || last_->first != set) {
    last_ = &*names_.try_emplace(set, ruleset_.set_name(set)).first;
  }
  return last_->second;
}

bool is_fulfilled(const Wish& wish, const std::optional<SetElement>& held) {
  return wish.kind == Change::Kind::kRemove ? !held
                                            : held && is_fulfilled_by(wish, held->remaining);
}

Compared compare(TableClient& client, const Ruleset& ruleset, std::span<const Wish> wishes) {
  Compared compared;
  SetNames names(ruleset);
  std::vector<TableClient::Key> keys;
  while (!wishes.empty() && compared.status) {
    const auto part = wishes.first(std::min(wishes.size(), TableClient::kMostLookups));
    wishes = wishes.subspan(part.size());
    keys.clear();
    for (const Wish& wish : part) {
      keys.push_back({names.of(wish), wish.prefix.address()});
    }
    const auto held = client.look_up(keys);
    if (!held && held.error().code() != util::ErrorCode::kConflict) {
      compared.status = held.error();
    }
    for (std::size_t i = 0; i < part.size(); ++i) {
      const std::optional<SetElement> element = held ? (*held)[i] : std::nullopt;
      compared.found += element ? 1 : 0;
      if (!held || !is_fulfilled(part[i], element)) {
        compared.left.push_back(part[i]);
        continue;
      }
      ++compared.unchanged;
      compared.outlasting += element && outlasts(part[i], element->remaining) ? 1 : 0;
    }
  }
  return compared;
}

SecondLook::~SecondLook() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) {
    thread_.join();
  }
}

bool SecondLook::begin(const Ruleset& ruleset, std::span<const Wish> wishes) {
  if (!thread_.joinable()) {
    try {
      thread_ = std::thread([this] { run(); });
    } catch (const std::system_error&) {
      return false;
    }
  }
  {
    const std::lock_guard lock(mutex_);
    question_.emplace(Question{ruleset, wishes});
  }
  changed_.notify_one();
  return true;
}

Compared SecondLook::take() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return answer_.has_value(); });
  return std::exchange(answer_, std::nullopt).value_or(Compared{});
}

void SecondLook::run() {
  util::name_thread("look-ups");
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return ends_ || question_.has_value(); });
    if (ends_ || !question_) {
      return;
    }
    const Question question = *question_;
    question_.reset();
    lock.unlock();
    Compared compared = compare(client_, question.ruleset, question.wishes);
    lock.lock();
    answer_ = std::move(compared);
    changed_.notify_one();
  }
}

}  // namespace warder::firewall
