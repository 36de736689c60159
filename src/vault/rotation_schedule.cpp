#include "vault/rotation_schedule.h"

#include "util/duration.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace warder::vault {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::chrono::minutes kRetry{15};

// One secret: its previous one taken away, itself replaced. True when the plan changed.
bool take_step(Provider& provider, RotationEntry* entry, std::string_view author,
               util::WallTime now, std::vector<RotationStep>* steps) {
  using What = RotationStep::What;
  const std::string name = entry->name();
  const auto failed = [&](const Error& error) {
    steps->push_back(
        {name, What::kFailed, fmt::format("{} was not rotated: {}", name, error.message())});
    return false;
  };
  const auto ended = end_overlap(provider, *entry, author, now);
  if (!ended) {
    return failed(ended.error());
  }
  if (*ended) {
    steps->push_back(
        {name, What::kOverlapEnded, fmt::format("{}: the previous secret is gone", name)});
  }
  if (!entry->is_due(now)) {
    return false;
  }
  const auto running = overlap_end(provider, *entry);
  if (!running) {
    return failed(running.error());
  }
  if (const std::optional<util::WallTime> until = *running) {
    entry->plan.last = std::min(now, *until - entry->plan.overlap);
    return true;
  }
  const auto version = rotate(provider, *entry, author, now);
  if (!version) {
    return failed(version.error());
  }
  entry->plan.last = now;
  steps->push_back(
      {name, What::kRotated,
       fmt::format("{} has a new secret, {} is now version {}; the old one stays as {}_previous "
                   "for {}",
                   name, entry->document, *version, entry->key,
                   util::format_duration(entry->plan.overlap))});
  return true;
}

}  // namespace

util::Result<std::vector<RotationEntry>> read_rotations(Provider& provider,
                                                        std::uint64_t* version) {
  *version = 0;
  auto document = provider.get(kRotationDocument);
  if (!document && document.error().code() == ErrorCode::kNotFound) {
    return std::vector<RotationEntry>{};
  }
  if (!document) {
    return document.error();
  }
  *version = document->version;
  return parse_rotation(document->content.view()).with_context(kRotationDocument);
}

util::Status save_rotations(Provider& provider, const std::vector<RotationEntry>& entries,
                            std::uint64_t version, std::string_view author,
                            std::string_view comment) {
  PutOptions options;
  options.expected_version = version;
  options.author = std::string(author);
  options.comment = std::string(comment);
  const auto written =
      provider.put(kRotationDocument, crypto::SecretString(rotation_text(entries)), options);
  return written ? util::Status()
                 : util::Status(Error(
                       written.error().code(),
                       fmt::format("the document rotation could not be written; somebody else may "
                                   "have changed it, try again: {}",
                                   written.error().message())));
}

util::Result<std::vector<RotationStep>> rotate_due(Provider& provider, std::string_view author,
                                                   util::WallTime now) {
  std::uint64_t version = 0;
  WARDER_ASSIGN_OR_RETURN(std::vector<RotationEntry> entries, read_rotations(provider, &version));
  std::vector<RotationStep> steps;
  bool changed = false;
  for (RotationEntry& entry : entries) {
    changed = take_step(provider, &entry, author, now, &steps) || changed;
  }
  if (changed) {
    if (const util::Status saved = save_rotations(provider, entries, version, author, "rotation");
        !saved) {
      steps.push_back(
          {std::string(kRotationDocument), RotationStep::What::kFailed, saved.error().message()});
    }
  }
  return steps;
}

void RotationTimer::look() {
  const auto version = provider_.version(kRotationDocument);
  if (!version && version.error().code() != ErrorCode::kNotFound) {
    return;  // who watches the documents tells that the vault is away
  }
  const std::uint64_t newest = version ? *version : 0;
  const util::WallTime now = clock_.now();
  if (version_ != newest) {
    version_ = newest;
    plan();
  }
  if (!due_ || *due_ > now) {
    return;
  }
  const auto steps = rotate_due(provider_, author_, now);
  bool failed = !steps;
  std::string why = steps ? "" : steps.error().message();
  if (steps) {
    for (const RotationStep& step : *steps) {
      if (step.what == RotationStep::What::kFailed) {
        failed = true;
        why += (why.empty() ? "" : "; ") + step.text;
      } else {
        tell_(step);
      }
    }
  }
  if (failed && why != told_) {
    tell_({std::string(kRotationDocument), RotationStep::What::kFailed, why});
  }
  told_ = failed ? why : "";
  plan();
  if (failed) {
    due_ = now + kRetry;
  }
}

void RotationTimer::plan() {
  due_.reset();
  std::uint64_t version = 0;
  const auto entries = read_rotations(provider_, &version);
  if (!entries) {
    due_ = clock_.now();  // rotate_due() says what is wrong
    return;
  }
  version_ = version;
  const auto also = [&](util::WallTime time) { due_ = std::min(due_.value_or(time), time); };
  for (const RotationEntry& entry : *entries) {
    const auto overlap = overlap_end(provider_, entry);
    if (const auto until = overlap ? *overlap : std::optional<util::WallTime>()) {
      also(*until);
    }
    if (entry.plan.every) {
      also(entry.plan.last ? *entry.plan.last + *entry.plan.every : clock_.now());
    }
  }
}

}  // namespace warder::vault
