#include "ship/witness_notes.h"

#include <nlohmann/json.hpp>

#include <utility>

namespace warder::ship {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kSignature = "\xe2\x80\x94 ";  // em dash, blank
constexpr unsigned kDeepest = 8;

const Json* member(const Json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() ? &*found : nullptr;
}

std::optional<std::string> note_in(const Json& json, unsigned depth) {
  if (depth > kDeepest) {
    return std::nullopt;
  }
  if (json.is_string()) {
    return note_in(Json::parse(json.get_ref<const std::string&>(), nullptr, false), depth + 1);
  }
  const Json* const note = member(json, "checkpoint");
  if (note != nullptr && note->is_string()) {
    return note->get<std::string>();
  }
  for (const char* name : {"detail", "data", "additionalDetails", "logContent"}) {
    if (const Json* const inner = member(json, name)) {
      if (auto found = note_in(*inner, depth + 1)) {
        return found;
      }
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> note_in_json(std::string_view json) {
  // Most lines are about something else, and reading JSON costs more than looking for a word.
  if (json.find("checkpoint") == std::string_view::npos) {
    return std::nullopt;
  }
  return note_in(Json::parse(json, nullptr, false), 0);
}

void NoteReader::line(std::string_view line) {
  if (line.starts_with('{')) {
    end_note();
    if (auto note = note_in_json(line)) {
      notes_.push_back(std::move(*note));
    }
    return;
  }
  const bool signature = line.starts_with(kSignature);
  if (signed_ && !signature) {
    end_note();
  }
  if (note_.empty() && line.empty()) {
    return;
  }
  note_ += line;
  note_ += '\n';
  signed_ = signature;
}

void NoteReader::end_note() {
  if (!note_.empty()) {
    notes_.push_back(std::exchange(note_, {}));
  }
  signed_ = false;
}

std::vector<std::string> NoteReader::finish() {
  end_note();
  return std::exchange(notes_, {});
}

}  // namespace warder::ship
