#include "engine/event_ids.h"

#include "crypto/random.h"
#include "crypto/sha256.h"
#include "util/encoding.h"

#include <algorithm>
#include <array>

namespace warder::engine {
namespace {

// Each part is preceded by its length, so that no two lists of parts give the same bytes.
class IdHash {
 public:
  IdHash& add(std::string_view part) {
    add_number(part.size());
    hash_.update(util::as_bytes(part));
    return *this;
  }
  IdHash& add_number(std::uint64_t number) {
    std::array<std::uint8_t, 8> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
    }
    hash_.update(bytes);
    return *this;
  }
  model::EventId finish() {
    const auto digest = hash_.finish();
    model::EventId id;
    std::copy_n(digest.begin(), id.bytes.size(), id.bytes.begin());
    return id;
  }

 private:
  crypto::Sha256 hash_;
};

template <std::size_t N>
std::string_view text_of(const std::array<std::uint8_t, N>& bytes) {
  return util::as_text(bytes);
}

}  // namespace

model::EventId event_id_of_line(const model::GenerationId& generation, std::uint64_t offset,
                                model::EventKind kind, std::string_view jail) {
  return IdHash()
      .add("line")
      .add(text_of(generation.bytes))
      .add_number(offset)
      .add_number(static_cast<std::uint64_t>(kind))
      .add(jail)
      .finish();
}

model::EventId event_id_of_subject(std::string_view subject, model::EventKind kind,
                                   std::string_view jail) {
  return IdHash()
      .add("subject")
      .add(subject)
      .add_number(static_cast<std::uint64_t>(kind))
      .add(jail)
      .finish();
}

model::EventId event_id_after(const model::EventId& cause, model::EventKind kind,
                              std::string_view what) {
  return IdHash()
      .add("after")
      .add(text_of(cause.bytes))
      .add_number(static_cast<std::uint64_t>(kind))
      .add(what)
      .finish();
}

model::EventId random_event_id() {
  // It has to be new, not secret: a generator that cannot fail will do.
  return IdHash()
      .add("random")
      .add_number(crypto::random_seed())
      .add_number(crypto::random_seed())
      .finish();
}

}  // namespace warder::engine
