#include "filter/json_reader.h"

#include <simdjson.h>

#include <charconv>
#include <cstring>
#include <string>
#include <utility>

namespace warder::filter {
namespace {

namespace ondemand = simdjson::ondemand;

// simdjson keeps some seven bytes for each byte of the longest line it saw; after a longer line
// than this they are given back.
constexpr std::size_t kLineToKeepMemoryFor = 64 * 1024;

struct Value {
  JsonKind kind = JsonKind::kMissing;
  bool decoded = false;
  double number = 0;
  std::string_view raw;
  std::string_view text;
  std::vector<std::string_view> list;  // raw tokens of the texts in an array
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The grammar of RFC 8259 section 6.
bool is_json_number(std::string_view token) {
  std::size_t at = token.starts_with('-') ? 1 : 0;
  const auto digits = [&token, &at] {
    const std::size_t begin = at;
    while (at < token.size() && is_digit(token[at])) {
      ++at;
    }
    return at - begin;
  };
  const bool zero = at < token.size() && token[at] == '0';
  const std::size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) {
    return false;
  }
  if (at < token.size() && token[at] == '.') {
    ++at;
    if (digits() == 0) {
      return false;
    }
  }
  if (at < token.size() && (token[at] == 'e' || token[at] == 'E')) {
    ++at;
    if (at < token.size() && (token[at] == '+' || token[at] == '-')) {
      ++at;
    }
    if (digits() == 0) {
      return false;
    }
  }
  return at == token.size();
}

std::optional<double> number_of(std::string_view token) {
  // Status codes and sizes.
  if (token.size() <= 9 && token[0] != '0') {
    std::uint32_t value = 0;
    std::size_t at = 0;
    while (at < token.size() && is_digit(token[at])) {
      value = value * 10 + static_cast<std::uint32_t>(token[at++] - '0');
    }
    if (at == token.size()) {
      return value;
    }
  }
  double value = 0;
  if (!is_json_number(token)) {
    return std::nullopt;
  }
  const auto [stop, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

std::string_view without_blanks_behind(std::string_view token) {
  while (!token.empty() && (token.back() == ' ' || token.back() == '\t' || token.back() == '\n' ||
                            token.back() == '\r')) {
    token.remove_suffix(1);
  }
  return token;
}

}  // namespace

struct JsonReader::State {
  explicit State(JsonFields wanted)
      : fields(std::move(wanted)),
        seen(fields.nodes().size()),
        values(fields.slots()),
        parser(std::make_unique<ondemand::parser>()) {}

  bool walk(const JsonFields::Node& node, ondemand::object& object);
  bool walk(const JsonFields::Node& node, Value* collector, ondemand::array& array);
  // The node of a key that stands at `key` (behind its quote), or null.
  const JsonFields::Node* find(const JsonFields::Node& node, const char* key);
  const JsonFields::Node* find_escaped(const JsonFields::Node& node, const char* key);
  bool take(const JsonFields::Node& node, ondemand::value& value);
  std::optional<std::string_view> unescaped(std::string_view token);

  JsonFields fields;
  std::vector<std::uint64_t> seen;  // by node: the line in which it was last met
  std::uint64_t line = 0;
  std::vector<Value> values;  // by slot
  Value ignored;              // of nodes that only lead to others
  std::vector<JsonFields::Slot> filled;
  std::string buffer;  // the line and simdjson's padding
  std::string arena;   // unescaped texts
  std::size_t arena_used = 0;
  std::unique_ptr<ondemand::parser> parser;
  bool broken = false;
};

JsonReader::JsonReader(JsonFields fields) : state_(std::make_unique<State>(std::move(fields))) {}

JsonReader::~JsonReader() = default;

bool JsonReader::read(std::string_view line) {
  State& state = *state_;
  if (state.buffer.size() > kLineToKeepMemoryFor && line.size() <= kLineToKeepMemoryFor) {
    state.parser = std::make_unique<ondemand::parser>();
    state.buffer = std::string();
    state.arena = std::string();
  }
  const std::size_t padded = line.size() + simdjson::SIMDJSON_PADDING;
  if (state.buffer.size() < padded) {
    state.buffer.resize(padded);
  }
  std::memcpy(state.buffer.data(), line.data(), line.size());
  std::memset(state.buffer.data() + line.size(), ' ', simdjson::SIMDJSON_PADDING);
  for (const Slot slot : state.filled) {
    state.values[slot].kind = JsonKind::kMissing;
    state.values[slot].decoded = false;
    state.values[slot].list.clear();
  }
  state.filled.clear();
  state.arena_used = 0;
  state.broken = false;
  ++state.line;

  ondemand::document document;
  ondemand::object object;
  if (state.parser
              ->iterate(simdjson::padded_string_view(state.buffer.data(), line.size(),
                                                     state.buffer.size()))
              .get(document) != simdjson::SUCCESS ||
      document.get_object().get(object) != simdjson::SUCCESS ||
      !state.walk(state.fields.nodes()[JsonFields::kRoot], object)) {
    return false;
  }
  // Something behind the object: two lines run into one, or a line cut and continued.
  return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

bool JsonReader::State::walk(const JsonFields::Node& node, ondemand::object& object) {
  for (auto field : object) {
    simdjson::ondemand::raw_json_string key;
    if (field.key().get(key) != simdjson::SUCCESS) {
      return false;
    }
    const JsonFields::Node* child = find(node, key.raw());
    if (child == nullptr) {
      continue;
    }
    ondemand::value value;
    if (field.value().get(value) != simdjson::SUCCESS || !take(*child, value)) {
      return false;
    }
  }
  return true;
}

const JsonFields::Node* JsonReader::State::find(const JsonFields::Node& node, const char* key) {
  if (*key == '\\') {
    return find_escaped(node, key);
  }
  const std::size_t first = node.first[static_cast<unsigned char>(*key)];
  if (first == 0) {
    return nullptr;
  }
  for (std::size_t i = first - 1; i < node.children.size(); ++i) {
    const JsonFields::Child& child = node.children[i];
    if (child.key[0] != *key) {
      break;
    }
    // The key ends within the padded buffer, so this stops at the latest at its quote.
    if (std::strncmp(child.key.data(), key, child.key.size()) == 0 &&
        key[child.key.size()] == '"') {
      return &fields.nodes()[child.node];
    }
  }
  for (const char* c = key; *c != '"'; ++c) {
    if (*c == '\\') {
      return find_escaped(node, key);
    }
  }
  return nullptr;
}

// A key may be spelled with escapes ("\u0073tatus"), or hold characters that are always escaped.
const JsonFields::Node* JsonReader::State::find_escaped(const JsonFields::Node& node,
                                                        const char* key) {
  const char* end = key;
  while (*end != '"') {
    end += *end == '\\' ? 2 : 1;
  }
  const auto plain = unescaped({key - 1, static_cast<std::size_t>(end - key) + 2});
  if (!plain) {
    return nullptr;
  }
  for (const JsonFields::Child& child : node.children) {
    if (child.key == *plain) {
      return &fields.nodes()[child.node];
    }
  }
  return nullptr;
}

bool JsonReader::State::take(const JsonFields::Node& node, ondemand::value& value) {
  std::uint64_t& last = seen[static_cast<std::size_t>(&node - fields.nodes().data())];
  if (last == line) {
    return false;
  }
  last = line;
  Value& taken = node.slot == JsonFields::kNoSlot ? ignored : values[node.slot];
  if (node.slot != JsonFields::kNoSlot) {
    filled.push_back(node.slot);
  }
  const std::string_view token = without_blanks_behind(value.raw_json_token());
  switch (token.empty() ? '\0' : token[0]) {
    case '{': {
      taken.kind = JsonKind::kObject;
      ondemand::object object;
      return node.children.empty() ||
             (value.get_object().get(object) == simdjson::SUCCESS && walk(node, object));
    }
    case '[': {
      taken.kind = JsonKind::kArray;
      ondemand::array array;
      return (node.elements.empty() && !node.collect) ||
             (value.get_array().get(array) == simdjson::SUCCESS &&
              walk(node, node.collect ? &taken : nullptr, array));
    }
    case '"':
      taken.kind = JsonKind::kText;
      break;
    case 't':
      taken.kind = JsonKind::kTrue;
      if (token != "true") {
        return false;
      }
      break;
    case 'f':
      taken.kind = JsonKind::kFalse;
      if (token != "false") {
        return false;
      }
      break;
    case 'n':
      taken.kind = JsonKind::kNull;
      if (token != "null") {
        return false;
      }
      break;
    default:
      taken.kind = JsonKind::kNumber;
      if (token.empty() || !(is_digit(token[0]) || token[0] == '-')) {
        return false;
      }
      break;
  }
  taken.raw = token;
  return true;
}

bool JsonReader::State::walk(const JsonFields::Node& node, Value* collector,
                             ondemand::array& array) {
  std::size_t index = 0;
  for (auto element : array) {
    ondemand::value value;
    if (element.get(value) != simdjson::SUCCESS) {
      return false;
    }
    if (collector != nullptr) {
      const std::string_view token = without_blanks_behind(value.raw_json_token());
      if (token.starts_with('"')) {
        collector->list.push_back(token);
      }
    }
    if (index < node.elements.size() && node.elements[index] != JsonFields::kRoot &&
        !take(fields.nodes()[node.elements[index]], value)) {
      return false;
    }
    ++index;
  }
  return true;
}

// `token` is a text with its quotes, from the buffer.
std::optional<std::string_view> JsonReader::State::unescaped(std::string_view token) {
  if (token.size() < 2 || token.back() != '"') {
    broken = true;
    return std::nullopt;
  }
  const std::string_view inside = token.substr(1, token.size() - 2);
  if (inside.find('\\') == std::string_view::npos) {
    return inside;
  }
  // Each text is unescaped at most three times (as an element, in the list of `forwarded` and in
  // that of any()), a key once.
  const std::size_t room = 4 * buffer.size() + simdjson::SIMDJSON_PADDING;
  if (arena.size() < room) {
    arena.resize(room);
  }
  auto* begin = reinterpret_cast<std::uint8_t*>(arena.data()) + arena_used;
  std::uint8_t* end = begin;
  std::string_view text;
  const auto raw = ondemand::raw_json_string(reinterpret_cast<const std::uint8_t*>(inside.data()));
  if (parser->unescape(raw, end).get(text) != simdjson::SUCCESS) {
    broken = true;
    return std::nullopt;
  }
  arena_used += static_cast<std::size_t>(end - begin);
  return text;
}

JsonKind JsonReader::kind(Slot slot) const { return state_->values[slot].kind; }

std::string_view JsonReader::raw(Slot slot) const {
  const Value& value = state_->values[slot];
  const bool has_token = value.kind != JsonKind::kMissing && value.kind != JsonKind::kArray &&
                         value.kind != JsonKind::kObject;
  return has_token ? value.raw : std::string_view{};
}

std::optional<double> JsonReader::number(Slot slot) {
  Value& value = state_->values[slot];
  if (value.kind != JsonKind::kNumber) {
    return std::nullopt;
  }
  if (!value.decoded) {
    const auto number = number_of(value.raw);
    if (!number) {
      state_->broken = true;
      return std::nullopt;
    }
    value.number = *number;
    value.decoded = true;
  }
  return value.number;
}

std::optional<std::string_view> JsonReader::text(Slot slot) {
  Value& value = state_->values[slot];
  if (value.kind != JsonKind::kText) {
    return std::nullopt;
  }
  if (!value.decoded) {
    const auto text = state_->unescaped(value.raw);
    if (!text) {
      return std::nullopt;
    }
    value.text = *text;
    value.decoded = true;
  }
  return value.text;
}

void JsonReader::texts(Slot slot, std::vector<std::string_view>& out) {
  out.clear();
  if (const auto single = text(slot)) {
    out.push_back(*single);
  }
  for (const std::string_view token : state_->values[slot].list) {
    if (const auto text = state_->unescaped(token)) {
      out.push_back(*text);
    }
  }
}

bool JsonReader::broken() const { return state_->broken; }

}  // namespace warder::filter
