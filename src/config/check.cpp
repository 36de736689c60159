#include "config/check.h"

#include "config/parse_value.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace warder::config {
namespace {

constexpr std::string_view kAnyName = "*";

// How well a table fits a section name: by name before by kind before any.
enum class Fit { kNone, kAny, kKind, kName };

Fit fit(const Table& table, std::string_view section) {
  if (table.section == section) {
    return Fit::kName;
  }
  if (table.section == kAnyName) {
    return Fit::kAny;
  }
  if (table.section.ends_with(" *")) {
    const std::string_view kind = table.section.substr(0, table.section.size() - 1);
    if (section.starts_with(kind) && section.size() > kind.size()) {
      return Fit::kKind;
    }
  }
  return Fit::kNone;
}

using Tables = std::span<const Table* const>;

// All tables that fit best; none when none fits.
std::vector<const Table*> tables_for(Tables tables, std::string_view section) {
  Fit best = Fit::kNone;
  for (const Table* table : tables) {
    best = std::max(best, fit(*table, section));
  }
  std::vector<const Table*> found;
  for (const Table* table : tables) {
    if (best != Fit::kNone && fit(*table, section) == best) {
      found.push_back(table);
    }
  }
  return found;
}

// A value of [DEFAULT] is told as such, so that it is told once however many sections inherit it.
Diagnostic about(std::string_view section, const Option& option) {
  return {.place = option.place,
          .section = option.own ? std::string(section) : kDefaultSection,
          .key = option.name};
}

// Nothing is required of a section that nobody wrote.
enum class Written { kYes, kNo };

Values::Item checked_item(const Key& key, const Section& section, Written written,
                          Diagnostics& diagnostics) {
  const Option* const option = section.find(key.name);
  Values::Item item;
  item.key = &key;
  item.place = Place{"default", 0};
  item.is_default = true;
  const bool is_empty = option != nullptr && option->text.empty() && option->problem.empty();
  if (option == nullptr || (is_empty && !key.fallback)) {
    if (key.fallback) {
      item.text = *key.fallback;
      ParseOutcome outcome = parse_value(key, item.text);
      assert(std::holds_alternative<Accepted>(outcome) && "a key table holds a bad default");
      item.parsed = std::get<Accepted>(std::move(outcome)).parsed;
    } else if (key.required && written == Written::kYes) {
      item.refused = true;
      diagnostics.add({.place = option != nullptr ? option->place : section.place,
                       .section = section.name,
                       .key = std::string(key.name),
                       .problem = "must be set",
                       .allowed = allowed_text(key),
                       .suggestion = fmt::format("for instance {} = {}", key.name, key.example)});
    }
    return item;
  }
  item.is_default = false;
  item.place = option->place;
  item.text = option->text;
  Diagnostic diagnostic = about(section.name, *option);
  if (!option->problem.empty()) {
    item.refused = true;
    // A secret that holds a '%' would be quoted in part.
    diagnostic.problem = key.secret || key.type == Type::kSecret
                             ? "holds a '%' that begins no %(name)s with a value"
                             : option->problem;
    diagnostics.add(std::move(diagnostic));
    return item;
  }
  ParseOutcome outcome = parse_value(key, option->text);
  if (auto* accepted = std::get_if<Accepted>(&outcome)) {
    item.parsed = std::move(accepted->parsed);
    if (!accepted->warning.empty()) {
      diagnostic.severity = Severity::kWarning;
      diagnostic.problem = std::move(accepted->warning);
      diagnostics.add(std::move(diagnostic));
    }
    return item;
  }
  item.refused = true;
  Refusal& refusal = std::get<Refusal>(outcome);
  if (!refusal.hide_value) {
    diagnostic.value = option->text;
  }
  diagnostic.problem = std::move(refusal.problem);
  diagnostic.allowed = allowed_text(key);
  diagnostic.suggestion = std::move(refusal.suggestion);
  diagnostics.add(std::move(diagnostic));
  return item;
}

// Tells about an option that no key takes. `tables` are those that could have known it.
void check_stranger(Tables tables, std::string_view section, const Option& option,
                    Diagnostics& diagnostics) {
  Diagnostic diagnostic = about(section, option);
  std::vector<std::string_view> names;
  for (const Table* table : tables) {
    for (const Renamed& renamed : table->renamed) {
      if (renamed.old_name == option.name) {
        diagnostic.problem = fmt::format("has a new name: {}", renamed.new_name);
        return diagnostics.add(std::move(diagnostic));
      }
    }
    for (const Unused& unused : table->unused) {
      if (unused.name == option.name) {
        diagnostic.severity = Severity::kWarning;
        diagnostic.problem = fmt::format("is not used: {}", unused.reason);
        return diagnostics.add(std::move(diagnostic));
      }
    }
    if (table->unknown == UnknownKeys::kAllow) {
      return;
    }
    for (const Key& key : table->keys) {
      names.push_back(key.name);
    }
  }
  if (!option.variable) {
    diagnostic.problem = "is no known key";
    diagnostic.suggestion = did_you_mean(option.name, names);
    diagnostics.add(std::move(diagnostic));
  }
}

bool any_knows(Tables tables, std::string_view key) {
  return std::any_of(tables.begin(), tables.end(),
                     [&](const Table* table) { return table->find(key) != nullptr; });
}

std::vector<Values> check_section(Tables tables, const Section& section, Written written,
                                  Diagnostics& diagnostics) {
  std::vector<Values> all;
  for (const Table* table : tables) {
    std::vector<Values::Item> items;
    items.reserve(table->keys.size());
    for (const Key& key : table->keys) {
      items.push_back(checked_item(key, section, written, diagnostics));
    }
    all.emplace_back(*table, section.name, section.place, std::move(items));
  }
  for (const Option& option : section.options) {
    if (option.own && !any_knows(tables, option.name)) {
      check_stranger(tables, section.name, option, diagnostics);
    }
  }
  return all;
}

// Sections of a kind keep the name the operator chose: [webhok ops] means [webhook ops].
std::string section_meant(Tables tables, std::string_view section) {
  std::vector<std::string> names;
  for (const Table* table : tables) {
    std::string name(table->section);
    if (name.ends_with(kAnyName)) {
      const std::size_t blank = std::min(section.find(' '), section.size() - 1);
      const std::string_view chosen = section.substr(blank + 1);
      name.pop_back();
      name += chosen.empty() ? "NAME" : chosen;
    }
    names.push_back(std::move(name));
  }
  return did_you_mean(section, {names.begin(), names.end()});
}

}  // namespace

Values check(const Table& table, const Section& section, Diagnostics& diagnostics) {
  const Table* const tables[] = {&table};
  return std::move(check_section(tables, section, Written::kYes, diagnostics).front());
}

std::vector<Values> check(Tables tables, const Section& section, Diagnostics& diagnostics) {
  return check_section(tables, section, Written::kYes, diagnostics);
}

Checked check_document(Tables tables, const Document& document, Diagnostics& diagnostics,
                       const ContextOf& context_of, std::string_view elsewhere) {
  for (const Option& option : document.section(kDefaultSection).options) {
    if (!any_knows(tables, option.name)) {
      check_stranger(tables, kDefaultSection, option, diagnostics);
    }
  }
  Checked checked;
  const auto take = [&](const std::string& name, Tables fitting, Written written) {
    const Section section = document.section(name, context_of ? context_of(name) : Context());
    for (Values& values : check_section(fitting, section, written, diagnostics)) {
      checked.list_.push_back(std::move(values));
    }
  };
  for (const std::string& name : document.sections()) {
    const std::vector<const Table*> fitting = tables_for(tables, name);
    if (!fitting.empty()) {
      take(name, fitting, Written::kYes);
      continue;
    }
    const std::string meant = section_meant(tables, name);
    diagnostics.add({.place = document.section(name).place,
                     .section = name,
                     .problem = "is no known section",
                     .suggestion = meant.empty() ? std::string(elsewhere) : meant});
  }
  for (const Table* table : tables) {
    if (!table->section.ends_with(kAnyName) && !document.has_section(table->section)) {
      take(std::string(table->section), {&table, 1}, Written::kNo);
    }
  }
  return checked;
}

const Values& Checked::one(const Table& table) const {
  const auto found = std::find_if(list_.begin(), list_.end(),
                                  [&](const Values& values) { return &values.table() == &table; });
  assert(found != list_.end() && "the table was not given to check_document()");
  return *found;
}

std::vector<const Values*> Checked::all(const Table& table) const {
  std::vector<const Values*> found;
  for (const Values& values : list_) {
    if (&values.table() == &table) {
      found.push_back(&values);
    }
  }
  return found;
}

}  // namespace warder::config
