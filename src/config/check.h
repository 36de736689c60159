#pragma once

#include "config/diagnostics.h"
#include "config/document.h"
#include "config/keys.h"
#include "config/section.h"
#include "config/values.h"

#include <span>
#include <string_view>
#include <vector>

namespace warder::config {

// Checks a section against its table and reads the values. Every error is told: a value the key
// does not accept, a missing required key, an unknown key ("did you mean"), a renamed one. The
// values are complete only when no error was added.
Values check(const Table& table, const Section& section, Diagnostics& diagnostics);

// The values of all sections of a document.
class Checked {
 public:
  // The section of that name, or the table's defaults when the document lacks it (every table
  // without '*' has one). Asserts for a name no table has.
  const Values& one(std::string_view section) const;
  // All sections that the table "kind *" (or "*") took, in document order.
  std::vector<const Values*> all(std::string_view table_section) const;
  // The NAME of a section "kind NAME".
  static std::string_view name_of(const Values& values);
  const std::vector<Values>& list() const { return list_; }

 private:
  friend Checked check_document(std::span<const Table* const> tables, const Document& document,
                                Diagnostics& diagnostics);
  std::vector<Values> list_;
};

// Gives each section of the document to the table that describes it and checks it. A section that
// no table describes, and an option of [DEFAULT] that no table knows and nothing refers to, are
// errors.
Checked check_document(std::span<const Table* const> tables, const Document& document,
                       Diagnostics& diagnostics);

}  // namespace warder::config
