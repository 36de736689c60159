#include "agent/file_guarding.h"

#include "crypto/secret.h"
#include "engine/event_ids.h"
#include "store/checkpoint.h"
#include "store/reader.h"
#include "util/encoding.h"
#include "util/file.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <utility>

namespace warder::agent {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestWait{30'000};
constexpr std::size_t kMostEvents = 100'000;

// A baseline is signed as a checkpoint is, under a name that no checkpoint has.
std::string origin_of(std::string_view name) { return fmt::format("warder/files/{}", name); }

util::Result<files::Seal::Signed> open_note(std::string_view name, std::string_view note,
                                            const crypto::Ed25519PublicKey& key) {
  const auto checkpoint = store::open_checkpoint(note, key);
  if (!checkpoint) {
    return util::Error(util::ErrorCode::kDenied, checkpoint.error().message());
  }
  if (checkpoint->origin != origin_of(name)) {
    return util::Error(util::ErrorCode::kDenied, "it is signed for something else");
  }
  return files::Seal::Signed{checkpoint->size, checkpoint->root};
}

util::Result<std::string> newest_root(const std::filesystem::path& database,
                                      const std::string& name) {
  WARDER_ASSIGN_OR_RETURN(store::Reader reader, store::Reader::open(database));
  store::EventFilter filter;
  filter.kind = model::EventKind::kIntegrity;
  filter.jail = name;
  filter.limit = kMostEvents;
  std::string root;
  WARDER_RETURN_IF_ERROR(reader.events(filter, [&](const store::StoredEvent& stored) {
    // Most events name none; only those that may are parsed.
    if (stored.event.detail.find("\"root\"") == std::string::npos) {
      return true;
    }
    const auto detail = nlohmann::json::parse(stored.event.detail, nullptr, false);
    const auto value = [&](const nlohmann::json& object, const char* member) {
      const auto found = object.is_object() ? object.find(member) : object.end();
      return object.is_object() && found != object.end() ? *found : nlohmann::json();
    };
    if (value(detail, "files") == name) {
      if (const nlohmann::json text = value(value(detail, "facts"), "root"); text.is_string()) {
        root = text.get<std::string>();
      }
    }
    return root.empty();
  }));
  return root;
}

void add_readers(const std::filesystem::path& database, files::FilesHooks* hooks) {
  hooks->remembered =
      [database](const std::string& name) -> util::Result<std::optional<std::string>> {
    WARDER_ASSIGN_OR_RETURN(store::Reader reader, store::Reader::open(database));
    return reader.kept(name);
  };
  hooks->names = [database](const std::string& prefix) -> util::Result<std::vector<std::string>> {
    WARDER_ASSIGN_OR_RETURN(store::Reader reader, store::Reader::open(database));
    return reader.kept_names(prefix);
  };
  hooks->newest_root = [database](const std::string& name) { return newest_root(database, name); };
}

util::Status record(const FileParts& parts, std::vector<model::Event> events,
                    std::vector<files::Remembered> remembered) {
  store::Batch batch;
  for (model::Event& event : events) {
    event.id = engine::random_event_id();
    const auto index = static_cast<std::uint32_t>(batch.events.size());
    for (const store::DestinationId destination : parts.routes->of(event)) {
      batch.outbox.push_back({index, destination});
    }
    batch.events.push_back(std::move(event));
  }
  const bool ships = !batch.outbox.empty();
  for (files::Remembered& one : remembered) {
    batch.kept.push_back({std::move(one.name), std::move(one.value)});
  }
  WARDER_ASSIGN_OR_RETURN(const store::Ticket ticket,
                          parts.store->submit(std::move(batch), parts.stop));
  // In pieces, so that a stop does not wait for a disk that is full.
  constexpr milliseconds kPiece{500};
  util::Status stored;
  for (milliseconds waited{0}; waited < kLongestWait; waited += kPiece) {
    stored = parts.store->wait(ticket, kPiece);
    if (stored || stored.error().code() != util::ErrorCode::kTimeout) {
      break;
    }
    if (parts.stop.stop_requested()) {
      return util::Error(util::ErrorCode::kUnavailable, "the agent stops");
    }
  }
  if (stored && ships) {
    parts.outbox_ready();
  }
  return stored;
}

}  // namespace

util::Result<files::FilesHooks> file_hooks(FileParts parts) {
  WARDER_ASSIGN_OR_RETURN(std::string text, util::read_file(parts.key, util::kibibytes(4)));
  auto seed = util::from_hex(util::trim(text));
  crypto::wipe(&text);
  if (!seed) {
    return seed.error();
  }
  auto read = crypto::Ed25519SecretKey::from_bytes(*seed);
  std::fill(seed->begin(), seed->end(), std::uint8_t{0});
  if (!read) {
    return read.error();
  }
  const auto key = std::make_shared<const crypto::Ed25519SecretKey>(std::move(*read));
  files::FilesHooks hooks;
  add_readers(parts.database, &hooks);
  hooks.seal.sign = [key](std::string_view name, std::uint64_t entries,
                          const crypto::merkle::Hash& root) {
    return store::sign_checkpoint({origin_of(name), entries, root}, *key);
  };
  hooks.seal.open = [public_key = key->public_key()](std::string_view name, std::string_view note) {
    return open_note(name, note, public_key);
  };
  hooks.record = [parts = std::move(parts)](std::vector<model::Event> events,
                                            std::vector<files::Remembered> remembered) {
    return record(parts, std::move(events), std::move(remembered));
  };
  return hooks;
}

util::Result<files::FilesHooks> file_readers(const engine::MainConfiguration& main) {
  WARDER_ASSIGN_OR_RETURN(const std::string text,
                          util::read_file(verifier_key_of(main), util::kibibytes(4)));
  WARDER_ASSIGN_OR_RETURN(const store::VerifierKey key,
                          store::parse_verifier_key(util::trim(text)));
  files::FilesHooks hooks;
  add_readers(database_of(main), &hooks);
  hooks.seal.open = [key = key.key](std::string_view name, std::string_view note) {
    return open_note(name, note, key);
  };
  hooks.seal.sign = [](std::string_view, std::uint64_t,
                       const crypto::merkle::Hash&) -> util::Result<std::string> {
    return util::Error(util::ErrorCode::kDenied, "only the agent signs");
  };
  hooks.record = [](std::vector<model::Event>, std::vector<files::Remembered>) {
    return util::Error(util::ErrorCode::kDenied, "only the agent records");
  };
  return hooks;
}

}  // namespace warder::agent
