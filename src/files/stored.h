#pragma once

#include "files/baseline.h"
#include "files/difference.h"
#include "files/walk.h"
#include "model/event.h"
#include "util/clock.h"
#include "util/result.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::files {

// Something remembered under a name; an empty value forgets it.
struct Remembered {
  std::string name;
  std::string value;
};

// What files need of the rest of the agent. Called on their thread; `remembered` on others too.
struct FilesHooks {
  // Puts events into the history together with what is to be remembered, all or nothing, and waits
  // until it is on disk. kUnavailable when the agent stops, and only then.
  std::function<util::Status(std::vector<model::Event> events, std::vector<Remembered> remembered)>
      record;
  std::function<util::Result<std::optional<std::string>>(const std::string& name)> remembered;
  // In their order.
  std::function<util::Result<std::vector<std::string>>(const std::string& prefix)> names;
  // The hash that the newest event in the history gives for the baseline of a section, in
  // hexadecimal; empty when no event is left that names one.
  std::function<util::Result<std::string>(const std::string& name)> newest_root;
  Seal seal;
};

// The names under which the store keeps what belongs to [files NAME].
std::string baseline_name(std::string_view name);
std::string chunk_prefix(std::string_view name);
std::string differences_name(std::string_view name);
std::string state_name(std::string_view name);

// How [files NAME] is, for people. Nothing is decided by it but when the next scan is due.
struct FilesState {
  enum class State : std::uint8_t {
    kNever,    // no baseline yet
    kGood,     // as in the baseline
    kDiffers,  // something differs
    kUnknown,  // could not be compared
  };
  State state = State::kNever;
  util::WallTime since{};
  util::WallTime full{};  // when the last scan of that kind ended; 0: never
  util::WallTime quick{};
  std::uint64_t entries = 0;
  std::uint64_t differences = 0;  // all, listed or not
  bool wants_baseline = false;    // the operator's word: a new one is to be made
  std::string text;               // one sentence
  std::string watch;              // who tells of changes between scans, and of how many folders

  friend bool operator==(const FilesState&, const FilesState&) = default;
};
std::string_view to_string(FilesState::State state);
std::string state_text(const FilesState& state);
// What is no such text gives one that knows nothing.
FilesState parse_state(std::string_view text);

FilesState stored_state(const FilesHooks& hooks, std::string_view name);
// Empty: none was made yet. kDenied: it is not what was signed.
util::Result<std::optional<Baseline>> stored_baseline(const FilesHooks& hooks,
                                                      std::string_view name);
// Null when there is none, or it could not be read.
inline const Baseline* pointer_to(const util::Result<std::optional<Baseline>>& stored) {
  if (!stored) {
    return nullptr;
  }
  const std::optional<Baseline>& made = *stored;
  return made ? &*made : nullptr;
}
// What was told and not accepted; sealed like the baseline, since what stands there is not told
// again. kDenied when it is not what was signed.
util::Result<std::vector<Difference>> stored_differences(const FilesHooks& hooks,
                                                         std::string_view name);
util::Result<Remembered> remember_differences(const FilesHooks& hooks, std::string_view name,
                                              const std::vector<Difference>& differences);

}  // namespace warder::files
