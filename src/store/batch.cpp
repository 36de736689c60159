#include "store/batch.h"

#include <numeric>

namespace warder::store {
namespace {

std::size_t size_of(const model::Event& event) {
  return sizeof event + event.jail.size() + event.message.size() + event.detail.size() +
         (event.line ? event.line->log.size() + event.line->user.size() : 0);
}
std::size_t size_of(const BanChange& change) {
  return sizeof change + change.ban.jail.size() + change.ban.reason.size();
}
std::size_t size_of(const model::Position& position) {
  return sizeof position + position.source.size() + position.log.size() + position.record.size();
}
std::size_t size_of(const IncidentEntry& entry) {
  return sizeof entry + entry.name.size() + entry.escalate.size() * sizeof(EscalateTo);
}
std::size_t size_of(const Acknowledgement& given) {
  return sizeof given + given.by.size() + given.note.size();
}
std::size_t size_of(const Novelty& novelty) { return sizeof novelty + novelty.name.size(); }
std::size_t size_of(const Kept& kept) { return sizeof kept + kept.name.size() + kept.value.size(); }

template <typename T>
std::size_t sum(const std::vector<T>& parts) {
  return std::accumulate(parts.begin(), parts.end(), std::size_t{0},
                         [](std::size_t so_far, const T& part) { return so_far + size_of(part); });
}

}  // namespace

std::string_view to_string(BanEnd how) {
  switch (how) {
    case BanEnd::kExpired:
      return "expired";
    case BanEnd::kLifted:
      return "lifted";
    case BanEnd::kReplaced:
      return "replaced";
  }
  return "unknown";
}

bool Batch::empty() const {
  return events.empty() && outbox.empty() && bans.empty() && positions.empty() && kept.empty();
}

std::size_t Batch::bytes() const {
  return sizeof *this + sum(events) + outbox.size() * sizeof(OutboxEntry) + sum(bans) +
         sum(positions) + sum(kept) + sum(incidents) + sum(acknowledgements) + sum(novelties) +
         clock_steps.size() * sizeof(ClockStep);
}

}  // namespace warder::store
