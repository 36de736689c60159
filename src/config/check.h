#pragma once

#include "config/diagnostics.h"
#include "config/document.h"
#include "config/keys.h"
#include "config/section.h"
#include "config/values.h"

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace warder::config {

// Checks a section against its table and reads the values. Every error is told: a value the key
// does not accept, a missing required key, an unknown key ("did you mean"), a renamed one. The
// values are complete only when no error was added.
Values check(const Table& table, const Section& section, Diagnostics& diagnostics);

// The same for a section whose keys several modules declare (a jail: jail, source, filter,
// firewall): the values of each table, in the order of `tables`. A key is unknown when no table has
// it.
std::vector<Values> check(std::span<const Table* const> tables, const Section& section,
                          Diagnostics& diagnostics);

// The values of all sections of a document.
class Checked {
 public:
  // The values of the one section that `table` describes; its defaults when the document lacks the
  // section. Only for a table without '*'.
  const Values& one(const Table& table) const;
  // The values of every section that `table` describes, in document order.
  std::vector<const Values*> all(const Table& table) const;
  // All tables of one section stand together.
  const std::vector<Values>& list() const { return list_; }

 private:
  friend Checked check_document(std::span<const Table* const> tables, const Document& document,
                                Diagnostics& diagnostics,
                                const std::function<Context(const std::string&)>& context_of,
                                std::string_view elsewhere);
  std::vector<Values> list_;
};

// Gives each section of the document to the tables that describe it and checks it. The most exact
// tables win: a section [agent] belongs to the tables "agent", else to "*". A section that no table
// describes, and an option of [DEFAULT] that no table knows and nothing refers to, are errors.
//
// `context_of` gives what is added to the look-up of %(name)s in a section; `elsewhere` says where
// a section belongs that is unlike any of these.
using ContextOf = std::function<Context(const std::string& section)>;
Checked check_document(std::span<const Table* const> tables, const Document& document,
                       Diagnostics& diagnostics, const ContextOf& context_of = {},
                       std::string_view elsewhere = {});

}  // namespace warder::config
