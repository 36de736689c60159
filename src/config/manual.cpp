#include "config/manual.h"

#include "util/strings.h"

#include <fmt/core.h>

#include <string_view>
#include <vector>

namespace warder::config {
namespace {

constexpr std::size_t kWidth = 80;

using Tables = std::span<const Table* const>;

std::string_view change_text(Change change) {
  switch (change) {
    case Change::kLive:
      return "A change is taken at once";
    case Change::kReload:
      return "A change is taken by `warder reload`";
    case Change::kRestart:
      return "A change needs a restart of the agent";
  }
  return {};
}

std::string default_text(const Key& key) {
  if (key.required) {
    return "must be set";
  }
  if (!key.fallback) {
    return "unset";
  }
  std::string text;
  for (const std::string_view line : util::split(*key.fallback, '\n')) {
    text += (text.empty() ? "" : ", ") + std::string(line);
  }
  return text.empty() ? "empty" : text;
}

// "[agent]", "[webhook NAME]", "[NAME]".
std::string header(std::string_view section) {
  std::string name(section);
  if (const std::size_t star = name.find('*'); star != std::string::npos) {
    name.replace(star, 1, "NAME");
  }
  return fmt::format("[{}]", name);
}

// The tables, those of one section together, in order of first appearance.
std::vector<std::vector<const Table*>> by_section(Tables tables) {
  std::vector<std::vector<const Table*>> groups;
  for (const Table* table : tables) {
    bool found = false;
    for (auto& group : groups) {
      if (group.front()->section == table->section) {
        group.push_back(table);
        found = true;
      }
    }
    if (!found) {
      groups.push_back({table});
    }
  }
  return groups;
}

std::string wrapped(std::string_view text, std::string_view prefix) {
  std::string out;
  std::string line(prefix);
  for (const std::string_view word : util::split_words(text)) {
    if (line.size() > prefix.size() && line.size() + 1 + word.size() > kWidth) {
      out += line + "\n";
      line = prefix;
    }
    if (line.size() > prefix.size()) {
      line += ' ';
    }
    line += word;
  }
  return line.size() > prefix.size() ? out + line + "\n" : out;
}

// A value of several lines, the further ones indented as the reader wants them.
std::string indented(std::string_view value, std::string_view indent) {
  std::string out;
  for (const std::string_view line : util::split(value, '\n')) {
    if (!out.empty()) {
      out += "\n" + std::string(indent);
    }
    out += line;
  }
  return out;
}

}  // namespace

std::string manual_text(Tables tables) {
  std::string out;
  for (const auto& group : by_section(tables)) {
    out += (out.empty() ? "" : "\n") + header(group.front()->section) + "\n";
    for (const Table* table : group) {
      out += wrapped(table->text, "  ");
    }
    for (const Table* table : group) {
      for (const Key& key : table->keys) {
        out += fmt::format("\n  {}\n", key.name);
        out += wrapped(key.text, "      ");
        out += wrapped("Allowed: " + allowed_text(key) + ".", "      ");
        out += wrapped(fmt::format("Default: {}. {}.", default_text(key), change_text(key.change)),
                       "      ");
        out += fmt::format("      Example: {} = {}\n", key.name, indented(key.example, "        "));
      }
    }
  }
  return out;
}

std::string manual_markdown(Tables tables) {
  // A '|' would end the cell.
  const auto cell = [](std::string_view text) {
    std::string out;
    for (const char c : text) {
      out += c == '|' ? "\\|" : c == '\n' ? " " : std::string(1, c);
    }
    return out;
  };
  std::string out;
  for (const auto& group : by_section(tables)) {
    out += fmt::format("{}## `{}`\n", out.empty() ? "" : "\n", header(group.front()->section));
    for (const Table* table : group) {
      out += table->text.empty() ? "" : fmt::format("\n{}\n", table->text);
    }
    out += "\n| key | default | allowed | meaning |\n|---|---|---|---|\n";
    for (const Table* table : group) {
      for (const Key& key : table->keys) {
        out += fmt::format("| `{}` | {} | {} | {} Example: `{}`. {}. |\n", key.name,
                           cell(default_text(key)), cell(allowed_text(key)), cell(key.text),
                           cell(key.example), change_text(key.change));
      }
    }
  }
  return out;
}

std::string sample_config(Tables tables) {
  std::string out;
  for (const auto& group : by_section(tables)) {
    out += out.empty() ? "" : "\n";
    for (const Table* table : group) {
      out += wrapped(table->text, "# ");
    }
    // A section of any name would be one more section, so it stays a comment.
    const std::string_view section = group.front()->section;
    out += (section.ends_with('*') ? "# " : "") + header(section) + "\n";
    for (const Table* table : group) {
      for (const Key& key : table->keys) {
        out += "\n" + wrapped(key.text, "# ");
        out += wrapped(fmt::format("Allowed: {}.", allowed_text(key)), "# ");
        const std::string_view value = key.fallback ? *key.fallback : key.example;
        out += fmt::format("# {} = {}\n", key.name, indented(value, "#   "));
      }
    }
  }
  return out;
}

std::string dump(std::span<const Values> sections) {
  std::string out;
  const std::string* section = nullptr;
  for (const Values& values : sections) {
    if (section == nullptr || *section != values.section()) {
      out += fmt::format("{}[{}]\n", out.empty() ? "" : "\n", util::printable(values.section()));
      section = &values.section();
    }
    for (const Values::Item& item : values.items()) {
      if (!values.has(item.key->name)) {
        continue;
      }
      // The place stands above: behind a value it would be part of it.
      out += fmt::format("# {}\n", item.place.to_string());
      out += fmt::format("{} = {}\n", item.key->name,
                         item.key->secret ? "(secret)" : indented(item.text, "  "));
    }
  }
  return out;
}

}  // namespace warder::config
