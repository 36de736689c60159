#include "engine/translation.h"

#include "util/strings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>

namespace warder::engine {
namespace {

using nlohmann::json;

constexpr std::size_t kLargest = std::size_t{64} << 10U;

// Objects that name a member twice are refused: readers differ on which one counts.
json parse_once(std::string_view text, bool* doubled) {
  std::vector<std::set<std::string>> names;
  const auto callback = [&](int, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::object_start) {
      names.emplace_back();
    } else if (event == json::parse_event_t::object_end) {
      names.pop_back();
    } else if (event == json::parse_event_t::key &&
               !names.back().insert(value.get<std::string>()).second) {
      *doubled = true;
    }
    return true;
  };
  return json::parse(text, callback, false);
}

}  // namespace

config::Place Translation::place(std::string_view pointer) const {
  return {fmt::format("vault {}#{}", document_, pointer), 0};
}

void Translation::error(std::string_view pointer, std::string text, std::string suggestion) {
  diagnostics_.error(place(pointer), std::move(text), std::move(suggestion));
}

void Translation::warning(std::string_view pointer, std::string text) {
  diagnostics_.warning(place(pointer), std::move(text));
}

void Translation::set(std::string_view pointer, std::string_view key, std::string value) {
  options.push_back({std::string(key), std::move(value), place(pointer)});
}

json Translation::read(const std::string& text) {
  bool doubled = false;
  if (text.size() > kLargest) {
    error("", fmt::format("the document has {} bytes; at most {} are read", text.size(), kLargest));
    return nullptr;
  }
  json document = parse_once(text, &doubled);
  if (!document.is_object()) {
    error("", "the document is no JSON object");
    return nullptr;
  }
  if (doubled) {
    error("", "a member is named twice");
    return nullptr;
  }
  return document;
}

void Translation::members(const std::string& pointer, const json& object, const Readers& readers) {
  if (!object.is_object()) {
    error(pointer, "an object is expected here");
    return;
  }
  std::vector<std::string_view> known;
  for (const auto& [name, reader] : readers) {
    known.push_back(name);
  }
  for (const auto& [name, value] : object.items()) {
    const std::string inner = pointer + '/' + util::printable(name, 60);
    const auto reader = std::find_if(readers.begin(), readers.end(),
                                     [&n = name](const auto& one) { return one.first == n; });
    if (reader != readers.end()) {
      reader->second(inner, value);
    } else {
      error(inner, fmt::format("nothing here is named so; allowed are {}", fmt::join(known, ", ")),
            config::did_you_mean(name, known));
    }
  }
}

Translation::Reader Translation::boolean(std::function<void(const std::string&, bool)> use) {
  return [this, use = std::move(use)](const std::string& pointer, const json& value) {
    if (!value.is_boolean()) {
      error(pointer, "true or false is expected here");
      return;
    }
    use(pointer, value.get<bool>());
  };
}

Translation::Reader Translation::number(std::string_view key, std::string_view unit) {
  return [this, key, unit](const std::string& pointer, const json& value) {
    const double given = value.is_number() ? value.get<double>() : -1;
    if (given < 0 || given > 1e12 || given != std::floor(given)) {
      error(pointer, "a whole number from 0 is expected here");
      return;
    }
    set(pointer, key, fmt::format("{}{}", static_cast<std::uint64_t>(given), unit));
  };
}

Translation::Reader Translation::text(std::string_view key) {
  return [this, key](const std::string& pointer, const json& value) {
    if (!value.is_string()) {
      error(pointer, "text is expected here");
      return;
    }
    set(pointer, key, value.get<std::string>());
  };
}

}  // namespace warder::engine
