#include "files/stored.h"

#include "util/encoding.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace warder::files {
namespace {

using nlohmann::json;

constexpr std::string_view kStates[] = {"never", "good", "differs", "unknown"};
constexpr std::size_t kLongestText = 900;

std::int64_t micros(util::WallTime time) { return time.time_since_epoch().count(); }

// The list is signed under a name of its own.
std::string sealed_name(std::string_view name) { return fmt::format("{}/differences", name); }

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string()
             ? util::printable_again(found->get_ref<const std::string&>(), kLongestText)
             : std::string();
}

}  // namespace

std::string baseline_name(std::string_view name) { return fmt::format("files/{}/baseline", name); }
std::string chunk_prefix(std::string_view name) { return fmt::format("files/{}/chunk/", name); }
std::string differences_name(std::string_view name) {
  return fmt::format("files/{}/differences", name);
}
std::string state_name(std::string_view name) { return fmt::format("files/{}/state", name); }

std::string_view to_string(FilesState::State state) {
  return kStates[static_cast<std::size_t>(state)];
}

std::string state_text(const FilesState& state) {
  return json{{"state", to_string(state.state)},
              {"since", micros(state.since)},
              {"full", micros(state.full)},
              {"quick", micros(state.quick)},
              {"entries", state.entries},
              {"differences", state.differences},
              {"wants_baseline", state.wants_baseline},
              {"text", state.text},
              {"watch", state.watch}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

FilesState parse_state(std::string_view text) {
  FilesState state;
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) {
    return state;
  }
  const std::string name = text_of(document, "state");
  for (std::size_t i = 0; i < std::size(kStates); ++i) {
    if (kStates[i] == name) {
      state.state = static_cast<FilesState::State>(i);
    }
  }
  const auto time = [&](const char* member) {
    const auto found = document.find(member);
    return found != document.end() && found->is_number_integer()
               ? util::WallTime(std::chrono::microseconds(found->get<std::int64_t>()))
               : util::WallTime();
  };
  const auto number = [&](const char* member) {
    const auto found = document.find(member);
    return found != document.end() && found->is_number_unsigned() ? found->get<std::uint64_t>()
                                                                  : std::uint64_t{0};
  };
  state.since = time("since");
  state.full = time("full");
  state.quick = time("quick");
  state.entries = number("entries");
  state.differences = number("differences");
  const auto wants = document.find("wants_baseline");
  state.wants_baseline = wants != document.end() && wants->is_boolean() && wants->get<bool>();
  state.text = text_of(document, "text");
  state.watch = text_of(document, "watch");
  return state;
}

FilesState stored_state(const FilesHooks& hooks, std::string_view name) {
  const std::optional<std::string> text = hooks.remembered(state_name(name)).value_or(std::nullopt);
  return text ? parse_state(*text) : FilesState();
}

util::Result<std::optional<Baseline>> stored_baseline(const FilesHooks& hooks,
                                                      std::string_view name) {
  WARDER_ASSIGN_OR_RETURN(const std::optional<std::string> text,
                          hooks.remembered(baseline_name(name)));
  if (!text) {
    return std::optional<Baseline>();
  }
  const auto read = [remembered = hooks.remembered, prefix = chunk_prefix(name)](
                        const std::string& chunk) -> util::Result<std::string> {
    WARDER_ASSIGN_OR_RETURN(std::optional<std::string> bytes, remembered(prefix + chunk));
    if (!bytes) {
      return util::Error(util::ErrorCode::kDenied,
                         "the stored baseline is not what was signed: a part is missing");
    }
    return std::move(*bytes);
  };
  auto opened = Baseline::open(name, *text, hooks.seal, read);
  if (!opened) {
    // Malformed or forged: whoever looks at it needs to do the same.
    return util::Error(util::ErrorCode::kDenied, opened.error().message());
  }
  return std::optional<Baseline>(std::move(*opened));
}

util::Result<std::vector<Difference>> stored_differences(const FilesHooks& hooks,
                                                         std::string_view name) {
  WARDER_ASSIGN_OR_RETURN(const std::optional<std::string> text,
                          hooks.remembered(differences_name(name)));
  if (!text) {
    return std::vector<Difference>();
  }
  const auto refused = [](std::string_view why) {
    return util::Error(util::ErrorCode::kDenied,
                       fmt::format("the stored list of changes is not what was signed: {}", why));
  };
  // The note ends with a line break, the list begins behind an empty line of its own.
  const std::size_t end = text->find("\n\n\n");
  if (end == std::string::npos) {
    return refused("it has no signature");
  }
  const std::string_view list = std::string_view(*text).substr(end + 3);
  const auto sealed = hooks.seal.open(sealed_name(name), text->substr(0, end + 1));
  if (!sealed) {
    return refused(sealed.error().message());
  }
  if (sealed->root != crypto::merkle::leaf_hash(util::as_bytes(list))) {
    return refused("its hash is another");
  }
  auto differences = parse_differences(list);
  if (!differences) {
    return refused(differences.error().message());
  }
  return differences;
}

util::Result<Remembered> remember_differences(const FilesHooks& hooks, std::string_view name,
                                              const std::vector<Difference>& differences) {
  if (differences.empty()) {
    return Remembered{differences_name(name), {}};
  }
  const std::string list = differences_text(differences);
  WARDER_ASSIGN_OR_RETURN(const std::string note,
                          hooks.seal.sign(sealed_name(name), differences.size(),
                                          crypto::merkle::leaf_hash(util::as_bytes(list))));
  return Remembered{differences_name(name), fmt::format("{}\n\n{}", note, list)};
}

}  // namespace warder::files
