#pragma once

#include "store/checkpoint.h"
#include "util/backoff.h"
#include "util/clock.h"
#include "util/result.h"
#include "vault/server_vault.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace warder::agent {

// A checkpoint with one signature more, by a transit key of the vault (C2SP signed-note).
struct Cosigned {
  std::string note;
  std::string verifier_key;  // of the key's newest version, for whoever trusts the vault alone
};
util::Result<Cosigned> cosign(vault::ServerVault& server, std::string_view key,
                              std::string_view note);

// Whether the note has a right signature by that key; kDenied says what is missing. The host's own
// signature is store::open_checkpoint()'s to check.
util::Status check_cosigned(std::string_view note, const store::VerifierKey& witness);

// Has the agent's newest checkpoint cosigned on a schedule and keeps what comes of it in a file of
// notes, the newest last, which `warder verify` reads. Used by one thread; all must outlive it.
class CosignTimer {
 public:
  struct Parts {
    vault::ServerVault* server = nullptr;
    std::string key;
    std::chrono::seconds interval{3600};
    std::filesystem::path database;
    std::filesystem::path file;
    const util::Clock* clock = nullptr;
    std::uint64_t seed = 0;
    // Told when it begins to fail, when the reason changes, and (with an empty text) when it goes
    // again.
    std::function<void(const std::string& failure)> tell;
  };
  explicit CosignTimer(Parts parts);

  // Cheap while nothing is due. What failed is tried again after one minute up to the interval.
  void look();

 private:
  util::Status cosign_newest();
  util::Status keep(std::string_view note) const;

  const Parts parts_;
  util::Backoff backoff_;
  util::MonotonicTime due_{};
  std::optional<std::uint64_t> size_;  // of the checkpoint that was cosigned last
  std::string told_;
};

// Where an agent keeps them.
std::filesystem::path cosigned_file(const std::filesystem::path& state);

}  // namespace warder::agent
