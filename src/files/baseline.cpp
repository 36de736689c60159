#include "files/baseline.h"

#include "util/encoding.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace warder::files {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;
constexpr std::size_t kMostChunks = 100'000;

util::Error tampered(std::string_view what) {
  return util::Error(util::ErrorCode::kDenied,
                     fmt::format("the stored baseline is not what was signed: {}", what));
}

util::Error malformed() {
  return util::Error(util::ErrorCode::kInvalid, "the stored baseline is malformed");
}

// Paths are bytes, JSON is UTF-8.
json encoded(const std::vector<std::string>& texts) {
  json list = json::array();
  for (const std::string& text : texts) {
    list.push_back(util::to_base64(util::as_bytes(text)));
  }
  return list;
}

std::string manifest_text(const Manifest& manifest) {
  return json{{"name", manifest.name},
              {"made", manifest.made.time_since_epoch().count()},
              {"generation", manifest.generation},
              {"entries", manifest.entries},
              {"bytes", manifest.bytes},
              {"paths", encoded(manifest.paths)},
              {"exclusions", encoded(manifest.exclusions)},
              {"first_paths", encoded(manifest.first_paths)}}
      .dump();
}

// Reads members of a JSON object that others may have written; remembers that one was wrong.
class Members {
 public:
  explicit Members(const json& object) : object_(object), good_(object.is_object()) {}

  bool good() const { return good_; }
  std::uint64_t number(const char* name) {
    const json* const value = find(name);
    if (value == nullptr || !value->is_number_unsigned()) {
      good_ = false;
      return 0;
    }
    return value->get<std::uint64_t>();
  }
  std::int64_t signed_number(const char* name) {
    const json* const value = find(name);
    if (value == nullptr || !value->is_number_integer()) {
      good_ = false;
      return 0;
    }
    return value->get<std::int64_t>();
  }
  std::string text(const char* name) {
    const json* const value = find(name);
    if (value == nullptr || !value->is_string()) {
      good_ = false;
      return {};
    }
    return value->get<std::string>();
  }
  std::vector<std::string> texts(const char* name) {
    std::vector<std::string> list;
    const json* const value = find(name);
    if (value == nullptr || !value->is_array() || value->size() > kMostChunks) {
      good_ = false;
      return list;
    }
    for (const json& one : *value) {
      const auto bytes = one.is_string() ? util::from_base64(one.get_ref<const std::string&>())
                                         : util::Result<util::Bytes>(malformed());
      if (!bytes) {
        good_ = false;
        return {};
      }
      list.emplace_back(util::as_text(*bytes));
    }
    return list;
  }

 private:
  const json* find(const char* name) const {
    if (!object_.is_object()) {
      return nullptr;
    }
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }

  const json& object_;
  bool good_;
};

util::Result<Manifest> parse_manifest(const std::string& text) {
  const json document = json::parse(text, nullptr, false);
  Members members(document);
  Manifest manifest;
  manifest.name = members.text("name");
  manifest.made = util::WallTime(std::chrono::microseconds(members.signed_number("made")));
  manifest.generation = members.number("generation");
  manifest.entries = members.number("entries");
  manifest.bytes = members.number("bytes");
  manifest.paths = members.texts("paths");
  manifest.exclusions = members.texts("exclusions");
  manifest.first_paths = members.texts("first_paths");
  if (!members.good()) {
    return malformed();
  }
  return manifest;
}

crypto::merkle::Hash root_of(const std::string& manifest,
                             const std::vector<crypto::merkle::Hash>& chunks) {
  std::vector<crypto::merkle::Hash> leaves{crypto::merkle::leaf_hash(util::as_bytes(manifest))};
  leaves.insert(leaves.end(), chunks.begin(), chunks.end());
  return crypto::merkle::root(leaves);
}

std::string chunk_name(const crypto::merkle::Hash& hash) {
  return util::to_hex(hash).substr(0, 32);
}

// One path in 256 (FNV-1a: it only has to scatter).
bool is_boundary(std::string_view path) {
  std::uint32_t hash = 2166136261U;
  for (const char c : path) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  }
  return (hash >> 24U) == 0;
}

// One entry off the front of a chunk; `path` is that of the entry before and becomes its own.
util::Result<Entry> take_entry(std::string_view* left, std::string* path) {
  WARDER_ASSIGN_OR_RETURN(const std::uint64_t shared, take_number(left));
  WARDER_ASSIGN_OR_RETURN(const std::uint64_t more, take_number(left));
  if (shared > path->size() || more > left->size() || more == 0 || shared + more > kLongestPath) {
    return malformed();
  }
  std::string next = path->substr(0, shared);
  next += left->substr(0, more);
  left->remove_prefix(more);
  // In order, and no byte more in common than said: one spelling a chunk.
  if ((!path->empty() && compare_paths(*path, next) >= 0) ||
      (shared < path->size() && next[shared] == (*path)[shared])) {
    return malformed();
  }
  WARDER_ASSIGN_OR_RETURN(Entry entry, take_record(left));
  *path = std::move(next);
  entry.path = *path;
  return entry;
}

}  // namespace

util::Status BaselineWriter::add(const Entry& entry) {
  if (chunk_.empty()) {
    first_paths_.push_back(entry.path);
    last_path_.clear();
  }
  const auto different =
      std::mismatch(last_path_.begin(), last_path_.end(), entry.path.begin(), entry.path.end());
  const auto shared = static_cast<std::size_t>(different.first - last_path_.begin());
  append_number(shared, &chunk_);
  append_number(entry.path.size() - shared, &chunk_);
  chunk_.append(entry.path, shared);
  append_record(entry, &chunk_);
  last_path_ = entry.path;
  ++entries_;
  bytes_ += entry.content == Content::kRead ? entry.size : 0;
  const bool ends =
      chunk_.size() >= kMostChunk || (chunk_.size() >= kLeastChunk && is_boundary(entry.path));
  return ends ? end_chunk() : util::Status();
}

util::Status BaselineWriter::end_chunk() {
  hashes_.push_back(crypto::merkle::leaf_hash(util::as_bytes(chunk_)));
  std::string chunk = std::move(chunk_);
  chunk_.clear();
  return sink_(chunk_name(hashes_.back()), std::move(chunk));
}

util::Result<std::string> BaselineWriter::finish(Manifest manifest, const Seal& seal) {
  if (!chunk_.empty()) {
    WARDER_RETURN_IF_ERROR(end_chunk());
  }
  manifest.entries = entries_;
  manifest.bytes = bytes_;
  manifest.first_paths = first_paths_;
  const std::string text = manifest_text(manifest);
  root_ = root_of(text, hashes_);
  WARDER_ASSIGN_OR_RETURN(std::string note, seal.sign(manifest.name, entries_, root_));
  json hashes = json::array();
  for (const crypto::merkle::Hash& hash : hashes_) {
    hashes.push_back(util::to_base64(hash));
  }
  return json{{"version", kVersion}, {"note", note}, {"manifest", text}, {"chunks", hashes}}.dump();
}

util::Result<Baseline> Baseline::open(std::string_view name, std::string_view text,
                                      const Seal& seal, Read read) {
  const json document = json::parse(text, nullptr, false);
  Members members(document);
  const std::uint64_t version = members.number("version");
  const std::string note = members.text("note");
  const std::string manifest = members.text("manifest");
  const std::vector<std::string> hashes = members.texts("chunks");
  if (!members.good() || version != kVersion) {
    return malformed();
  }
  Baseline baseline;
  for (const std::string& bytes : hashes) {
    crypto::merkle::Hash hash{};
    if (bytes.size() != hash.size()) {
      return malformed();
    }
    std::copy(bytes.begin(), bytes.end(), hash.begin());
    baseline.hashes_.push_back(hash);
  }
  baseline.root_ = root_of(manifest, baseline.hashes_);
  const auto sealed = seal.open(name, note);
  if (!sealed) {
    return tampered(sealed.error().message());
  }
  if (sealed->root != baseline.root_) {
    return tampered("its hash is another");
  }
  WARDER_ASSIGN_OR_RETURN(baseline.manifest_, parse_manifest(manifest));
  if (baseline.manifest_.name != name ||
      baseline.manifest_.first_paths.size() != baseline.hashes_.size() ||
      baseline.manifest_.entries != sealed->entries) {
    return tampered("its parts do not fit each other");
  }
  baseline.read_ = std::move(read);
  return baseline;
}

std::vector<std::string> Baseline::chunks() const {
  std::vector<std::string> names;
  for (const crypto::merkle::Hash& hash : hashes_) {
    names.push_back(chunk_name(hash));
  }
  return names;
}

util::Status Baseline::Cursor::load(std::size_t chunk) {
  WARDER_ASSIGN_OR_RETURN(chunk_, baseline_->read_(chunk_name(baseline_->hashes_[chunk])));
  if (crypto::merkle::leaf_hash(util::as_bytes(chunk_)) != baseline_->hashes_[chunk]) {
    return tampered(fmt::format("part {} of {} is another", chunk + 1, baseline_->hashes_.size()));
  }
  left_ = chunk_;
  path_.clear();
  entry_.reset();
  next_chunk_ = chunk + 1;
  return {};
}

util::Status Baseline::Cursor::seek(std::string_view path) {
  const std::vector<std::string>& firsts = baseline_->manifest_.first_paths;
  const auto after =
      std::upper_bound(firsts.begin(), firsts.end(), path,
                       [](std::string_view a, auto& b) { return compare_paths(a, b) < 0; });
  left_ = {};
  entry_.reset();
  next_chunk_ = static_cast<std::size_t>(std::max<std::ptrdiff_t>(after - firsts.begin(), 1)) - 1;
  while (true) {
    WARDER_ASSIGN_OR_RETURN(const Entry* const entry, peek());
    if (entry == nullptr || compare_paths(entry->path, path) >= 0) {
      return {};
    }
    next();
  }
}

util::Result<const Entry*> Baseline::Cursor::peek() {
  if (entry_) {
    return &*entry_;
  }
  if (left_.empty()) {
    if (next_chunk_ >= baseline_->hashes_.size()) {
      return nullptr;
    }
    WARDER_RETURN_IF_ERROR(load(next_chunk_));
  }
  WARDER_ASSIGN_OR_RETURN(entry_, take_entry(&left_, &path_));
  return &*entry_;
}

util::Result<std::optional<Entry>> Baseline::find(std::string_view path) const {
  Cursor cursor(*this);
  WARDER_RETURN_IF_ERROR(cursor.seek(path));
  WARDER_ASSIGN_OR_RETURN(const Entry* const entry, cursor.peek());
  return entry != nullptr && entry->path == path ? std::optional(*entry) : std::nullopt;
}

util::Result<std::vector<Entry>> parse_chunk(std::string_view chunk) {
  std::vector<Entry> entries;
  std::string path;
  while (!chunk.empty()) {
    WARDER_ASSIGN_OR_RETURN(Entry entry, take_entry(&chunk, &path));
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace warder::files
