#pragma once

#include "files/baseline.h"
#include "files/difference.h"
#include "files/walk.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace warder::files {

enum class Thoroughness : std::uint8_t {
  kFull,   // all content is read
  kQuick,  // content is read where size, times or inode are others than in the baseline
};

struct ComparisonOptions {
  Fields fields;
  Thoroughness thoroughness = Thoroughness::kFull;
  // Does a package have that path? Asked for what the writer is given anew; may be empty.
  std::function<bool(std::string_view path)> packaged = {};
};

// Takes a walk and a baseline, which have the same order, side by side. Memory: one chunk.
class Comparison : public Visitor {
 public:
  using Found = std::function<util::Status(Difference)>;

  // Without a baseline nothing differs. With a `writer` it is given the baseline that follows: what
  // the old one has within `scope`, and what is found where the old one did not look. All must
  // outlive it.
  Comparison(const Baseline* baseline, const Scope& scope, ComparisonOptions options, Found found,
             BaselineWriter* writer);

  // What is compared from here on: all of the baseline, `path` with everything below, or it alone.
  util::Status begin_all();
  util::Status begin(std::string path, Walk::Depth depth);
  // What the baseline has left is missing.
  util::Status end();

  util::Result<const Entry*> at(std::string_view path) override;
  util::Status found(Entry entry) override;

 private:
  bool is_in_range(std::string_view path) const;
  // Takes the entries of the baseline before `path` (all when empty) for missing.
  util::Status pass(std::optional<std::string_view> path);
  util::Status missing(const Entry& entry);
  util::Status write(const Entry& entry);
  util::Status write_new(Entry entry);

  const Scope& scope_;
  const ComparisonOptions options_;
  const Found found_;
  BaselineWriter* const writer_;
  Scope old_scope_;
  std::optional<Baseline::Cursor> cursor_;
  std::optional<std::string> range_;
  Walk::Depth depth_ = Walk::Depth::kAll;
  std::string closed_;  // a folder whose names cannot be read; nothing below it is missing
};

}  // namespace warder::files
