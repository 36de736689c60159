#include "agent/cosigning.h"

#include "ship/witness_notes.h"
#include "store/reader.h"
#include "util/bytes.h"
#include "util/file.h"
#include "util/strings.h"
#include "vault/transit.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace warder::agent {
namespace {

using util::Error;
using util::ErrorCode;

// A year of hours fits; the oldest go first.
constexpr std::size_t kMostKept = 10000;
constexpr util::ByteCount kLargestFile = util::mebibytes(16);
constexpr std::chrono::minutes kFirstRetry{1};

}  // namespace

util::Result<Cosigned> cosign(vault::ServerVault& server, std::string_view key,
                              std::string_view note) {
  WARDER_ASSIGN_OR_RETURN(const store::Checkpoint checkpoint, store::parse_checkpoint(note));
  vault::Transit transit(server);
  WARDER_ASSIGN_OR_RETURN(const vault::TransitSignature made,
                          transit.sign_ed25519(key, util::as_bytes(store::signed_part(note))));
  const std::string name = fmt::format("{}/transit/{}", checkpoint.origin, key);
  const crypto::Ed25519PublicKey public_key{made.public_key};
  return Cosigned{std::string(note) + store::signature_line(name, public_key, made.signature),
                  store::format_verifier_key(name, public_key)};
}

std::filesystem::path cosigned_file(const std::filesystem::path& state) {
  return state / "cosigned-checkpoints";
}

CosignTimer::CosignTimer(Parts parts)
    : parts_(std::move(parts)),
      backoff_(kFirstRetry, std::max<std::chrono::milliseconds>(parts_.interval, kFirstRetry),
               parts_.seed) {}

void CosignTimer::look() {
  const auto now = parts_.clock->monotonic();
  if (now < due_) {
    return;
  }
  const util::Status done = cosign_newest();
  due_ = now + (done ? std::chrono::milliseconds(parts_.interval) : backoff_.next());
  if (done) {
    backoff_.reset();
  }
  const std::string failure = done ? "" : done.error().message();
  if (std::exchange(told_, failure) != failure) {
    parts_.tell(failure);
  }
}

util::Status CosignTimer::cosign_newest() {
  WARDER_ASSIGN_OR_RETURN(store::Reader history, store::Reader::open(parts_.database));
  WARDER_ASSIGN_OR_RETURN(const std::optional<std::string> note, history.checkpoint());
  if (!note) {
    return {};
  }
  WARDER_ASSIGN_OR_RETURN(const store::Checkpoint checkpoint, store::parse_checkpoint(*note));
  if (size_ == checkpoint.size) {
    return {};
  }
  WARDER_ASSIGN_OR_RETURN(const Cosigned cosigned, cosign(*parts_.server, parts_.key, *note));
  WARDER_RETURN_IF_ERROR(keep(cosigned.note));
  size_ = checkpoint.size;
  return {};
}

util::Status CosignTimer::keep(std::string_view note) const {
  ship::NoteReader reader;
  auto text = util::read_file(parts_.file, kLargestFile);
  if (text) {
    for (const std::string_view line : util::split(*text, '\n')) {
      reader.line(line);
    }
  } else if (text.error().code() != ErrorCode::kNotFound) {
    return text.error();
  }
  std::vector<std::string> notes = reader.finish();
  if (std::ranges::find(notes, note) != notes.end()) {
    return {};  // an agent that was started anew without a new checkpoint
  }
  notes.emplace_back(note);
  std::string all;
  for (std::size_t i = notes.size() > kMostKept ? notes.size() - kMostKept : 0; i < notes.size();
       ++i) {
    all += (all.empty() ? "" : "\n") + notes[i];
  }
  return util::write_file_atomically(parts_.file, all, 0640);
}

util::Status check_cosigned(std::string_view note, const store::VerifierKey& witness) {
  if (store::is_signed_by(note, witness)) {
    return {};
  }
  const auto checkpoint = store::parse_checkpoint(note);
  return Error(ErrorCode::kDenied,
               fmt::format("the checkpoint{} lacks the signature of {}",
                           checkpoint ? fmt::format(" of {} events", checkpoint->size) : "",
                           util::printable(witness.name, 128)));
}

}  // namespace warder::agent
