#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Reading checkpoints of the history back from where destinations have put them. Bytes from
// outside: linear time, nothing is trusted, signatures are the store's to check.
namespace warder::ship {

// Of an event's detail as it was sent (model/witness.h), or of an object that has it as `detail`:
// as an object or as text, at the top (json-lines, the generic form, vault-trail) or in
// data.additionalDetails (oci-logging). Nothing when there is none.
std::optional<std::string> note_in_json(std::string_view json);

// One after the other from the lines of a file: JSON lines of a destination, or notes as they are,
// with or without empty lines between them.
class NoteReader {
 public:
  // Without its line end.
  void line(std::string_view line);
  // All notes; a last one that is cut comes as it is, to be refused by who verifies it.
  std::vector<std::string> finish();

 private:
  void end_note();

  std::vector<std::string> notes_;
  std::string note_;
  bool signed_ = false;
};

}  // namespace warder::ship
