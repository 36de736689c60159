#pragma once

#include "filter/json_fields.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace warder::filter {

enum class JsonKind : std::uint8_t {
  kMissing,
  kNull,
  kFalse,
  kTrue,
  kNumber,
  kText,
  kArray,
  kObject
};

// Walks a line once with simdjson and keeps where the wanted fields stand; what they hold is
// decoded only when asked for. One thread. Everything returned is valid until the next read().
//
// A line is one JSON object (RFC 8259) in valid UTF-8 and nothing else. An object that names a
// wanted key twice is refused: readers differ on which one counts, and whoever can write into a
// line must be able neither to blame others nor to hide behind that. Fields that nobody wants are
// passed over by their brackets and quotes, their values unread.
class JsonReader {
 public:
  using Slot = JsonFields::Slot;

  explicit JsonReader(JsonFields fields);
  ~JsonReader();
  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;

  // False: the line cannot be read, the slots mean nothing.
  bool read(std::string_view line);

  JsonKind kind(Slot slot) const;
  // The token as it stands in the line, quotes included; empty for arrays and objects.
  std::string_view raw(Slot slot) const;
  // Nothing when the field is no number or no text. A number beyond the range of a double, or a bad
  // escape, makes the whole line broken().
  std::optional<double> number(Slot slot);
  std::optional<std::string_view> text(Slot slot);
  // A text, or the texts of an array (added with add_list) in their order.
  void texts(Slot slot, std::vector<std::string_view>& out);

  // A value asked for since read() was no JSON after all: what was concluded must be dropped.
  bool broken() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace warder::filter
