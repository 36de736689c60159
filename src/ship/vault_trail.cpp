#include "ship/vault_trail.h"

#include "crypto/sha256.h"
#include "model/event_json.h"
#include "model/witness.h"
#include "util/encoding.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

namespace warder::ship {
namespace {

using Json = nlohmann::ordered_json;

// Each is a call of its own; so many share one wait for the disk.
constexpr std::size_t kBatch = 50;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// A name as one part of a path.
std::string path_part(std::string_view text) {
  std::string part(text.substr(0, 200));
  std::replace_if(
      part.begin(), part.end(),
      [](unsigned char c) {
        return c <= ' ' || c >= 0x7F || c == '/' || c == '%' || c == '*' || c == '+';
      },
      '_');
  return part.empty() || part.front() == '.' ? "_" + part : part;
}

Json object_of(const Message& message) {
  if (!message.summary()) {
    return model::event_json(*message.event(), message.sequence);
  }
  return Json{{"sequence", message.sequence},
              {"key", message.key},
              {"total", message.summary()->total},
              {"from", util::format_rfc3339(message.summary()->from)},
              {"until", util::format_rfc3339(message.summary()->until)},
              {"severity", model::to_string(message.summary()->severity)},
              {"message", summary_text(*message.summary())}};
}

std::string id_of(const Message& message) {
  return message.event() ? util::to_hex(message.event()->id.bytes)
                         : util::to_hex(crypto::sha256(util::as_bytes(message.key))).substr(0, 32);
}

class VaultTrail : public Destination {
 public:
  enum class Way { kStored, kHashed };

  VaultTrail(VaultTrailOptions options, Way way, std::unique_ptr<Trail> trail)
      : options_(std::move(options)), way_(way), trail_(std::move(trail)) {}

  std::string_view name() const override { return options_.name; }
  std::size_t batch_limit() const override { return kBatch; }

  std::vector<Outcome> deliver(std::span<const Message> messages) override {
    std::vector<Outcome> outcomes;
    for (const Message& message : messages) {
      auto receipt = way_ == Way::kStored ? store(message) : commit(message);
      Outcome outcome;
      if (receipt) {
        outcome.receipt = std::move(*receipt);
      } else {
        outcome = outcome_of(receipt.error());
      }
      outcomes.push_back(std::move(outcome));
      if (const auto kind = outcomes.back().kind;
          kind == Outcome::Kind::kRetry || kind == Outcome::Kind::kRejected) {
        // What holds for this one holds for all behind it, and they must not overtake it.
        const Outcome same = outcomes.back();
        outcomes.resize(messages.size(), same);
        break;
      }
    }
    return outcomes;
  }

  void cancel() override { trail_->cancel(); }

 private:
  util::Result<std::string> store(const Message& message) {
    return trail_->create(options_.target, trail_path(options_.host, message),
                          trail_fields(options_.host, message));
  }
  util::Result<std::string> commit(const Message& message) {
    const auto digest = crypto::sha256(util::as_bytes(trail_text(message)));
    return trail_->commit(options_.target,
                          fmt::format("warder:{}:{}:{}:{}", options_.host, message.sequence,
                                      id_of(message), util::to_hex(digest)));
  }

  const VaultTrailOptions options_;
  const Way way_;
  const std::unique_ptr<Trail> trail_;
};

}  // namespace

std::string trail_checkpoints(std::string_view host) { return "checkpoints/" + path_part(host); }

std::string trail_path(std::string_view host, const Message& message) {
  if (const auto witness = message.event() ? model::read_witness(*message.event()) : std::nullopt) {
    return fmt::format("{}/{:020}-{}", trail_checkpoints(host), witness->size,
                       path_part(witness->root));
  }
  return fmt::format("events/{}/{:020}-{}", path_part(host), message.sequence, id_of(message));
}

std::string trail_text(const Message& message) { return dump(object_of(message)); }

std::string trail_fields(std::string_view host, const Message& message) {
  Json fields{{"host", host}};
  fields.update(object_of(message));
  if (const auto detail = fields.find("detail"); detail != fields.end() && !detail->is_string()) {
    *detail = dump(*detail);
  }
  return dump(fields);
}

std::unique_ptr<Destination> make_vault_trail(VaultTrailOptions options,
                                              std::unique_ptr<Trail> trail) {
  return std::make_unique<VaultTrail>(std::move(options), VaultTrail::Way::kStored,
                                      std::move(trail));
}

std::unique_ptr<Destination> make_vault_hash(VaultTrailOptions options,
                                             std::unique_ptr<Trail> trail) {
  return std::make_unique<VaultTrail>(std::move(options), VaultTrail::Way::kHashed,
                                      std::move(trail));
}

}  // namespace warder::ship
