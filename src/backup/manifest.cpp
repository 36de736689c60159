#include "backup/manifest.h"

#include "config/plain_name.h"
#include "crypto/hmac.h"
#include "crypto/pbkdf2.h"
#include "crypto/random.h"
#include "crypto/sha256.h"
#include "util/encoding.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace warder::backup {
namespace {

using nlohmann::json;
using util::Error;
using util::ErrorCode;

constexpr int kVersion = 1;
constexpr std::uint32_t kIterations = 600'000;
// A reader is not made to work for minutes by a manifest from outside.
constexpr std::uint32_t kMostIterations = 10'000'000;
constexpr std::size_t kMostFiles = 16;
constexpr std::size_t kMostTables = 20'000;

std::string dump(const json& value, int indent) {
  return value.dump(indent, ' ', false, json::error_handler_t::replace);
}

json to_json(const Digest& digest) {
  return {{"bytes", digest.bytes}, {"sha256", util::to_hex(digest.sha256)}};
}

util::Result<std::string> seal_key_mac(const crypto::SecretString& passphrase,
                                       std::string_view salt, std::uint32_t iterations,
                                       std::string_view text) {
  WARDER_ASSIGN_OR_RETURN(
      const crypto::SecretString key,
      crypto::pbkdf2_sha256(passphrase.bytes(), util::as_bytes(salt), iterations, 32));
  WARDER_ASSIGN_OR_RETURN(const crypto::Hmac mac,
                          crypto::hmac_sha256(key.bytes(), util::as_bytes(text)));
  return std::string(util::as_text(mac));
}

// Reads members and remembers the first that is not as it should be.
class Members {
 public:
  explicit Members(const json& object) : object_(object) {}

  std::string text(const char* name, std::size_t most = 4096) {
    const json* value = find(name);
    if (value == nullptr || !value->is_string() ||
        value->get_ref<const std::string&>().size() > most) {
      wrong(name);
      return {};
    }
    return value->get<std::string>();
  }
  std::uint64_t number(const char* name) {
    const json* value = find(name);
    if (value == nullptr || !value->is_number_unsigned()) {
      wrong(name);
      return 0;
    }
    return value->get<std::uint64_t>();
  }
  std::int64_t integer(const char* name) {
    const json* value = find(name);
    if (value == nullptr || !value->is_number_integer()) {
      wrong(name);
      return 0;
    }
    return value->get<std::int64_t>();
  }
  const json& member(const char* name) {
    static const json empty;
    const json* value = find(name);
    if (value == nullptr) {
      wrong(name);
      return empty;
    }
    return *value;
  }
  bool has(const char* name) const { return find(name) != nullptr; }
  void wrong(const char* name) {
    if (status_) {
      status_ = Error(
          ErrorCode::kInvalid,
          fmt::format("the manifest is damaged: '{}' is missing or not as it should be", name));
    }
  }
  const util::Status& status() const { return status_; }

 private:
  const json* find(const char* name) const {
    if (!object_.is_object()) {
      return nullptr;
    }
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }

  const json& object_;
  util::Status status_;
};

util::Result<Digest> digest_from(const json& value) {
  Members members(value);
  Digest digest;
  digest.bytes = members.number("bytes");
  const std::string hex = members.text("sha256", 64);
  WARDER_RETURN_IF_ERROR(members.status());
  const auto bytes = util::from_hex(hex);
  if (!bytes || bytes->size() != digest.sha256.size()) {
    return Error(ErrorCode::kInvalid, "the manifest is damaged: a SHA-256 is none");
  }
  std::ranges::copy(*bytes, digest.sha256.begin());
  return digest;
}

util::Result<DatabaseFacts> database_from(const json& value) {
  Members members(value);
  DatabaseFacts facts;
  facts.path = members.text("path");
  facts.bytes = members.number("bytes");
  facts.schema_version = members.integer("schema_version");
  facts.user_version = members.integer("user_version");
  facts.schema_sha256 = members.text("schema_sha256", 64);
  facts.broken_references = members.number("broken_references");
  const json& rows = members.member("rows");
  if (!rows.is_object() || rows.size() > kMostTables) {
    members.wrong("rows");
  }
  WARDER_RETURN_IF_ERROR(members.status());
  for (const auto& [table, count] : rows.items()) {
    if (!count.is_number_unsigned()) {
      return Error(ErrorCode::kInvalid, "the manifest is damaged: a row count is no number");
    }
    facts.rows.emplace(table, count.get<std::uint64_t>());
  }
  return facts;
}

util::Result<BackupFile> file_from(const json& value, const Manifest& manifest) {
  Members members(value);
  BackupFile file;
  const auto format = parse_format(members.text("format", 16));
  const std::string encryption = members.text("encryption", 32);
  file.name = members.text("name", 256);
  if (encryption != "openpgp" && encryption != "none") {
    members.wrong("encryption");
  }
  if (!format) {
    members.wrong("format");
  }
  WARDER_RETURN_IF_ERROR(members.status());
  file.format = format.value_or(Format::kBinary);
  file.encryption = encryption == "none" ? Encryption::kNone : Encryption::kOpenPgp;
  if (file.name != file_name(manifest.name, manifest.stamp, file.format, file.encryption)) {
    return Error(ErrorCode::kInvalid, "the manifest is damaged: a file name is not of this backup");
  }
  WARDER_ASSIGN_OR_RETURN(file.plain, digest_from(members.member("plain")));
  WARDER_ASSIGN_OR_RETURN(file.stored, digest_from(members.member("stored")));
  return file;
}

util::Status read_optional_parts(Members& members, Manifest& manifest) {
  if (members.has("database")) {
    WARDER_ASSIGN_OR_RETURN(manifest.database, database_from(members.member("database")));
  }
  if (members.has("key")) {
    Members key(members.member("key"));
    manifest.key = KeyId{key.text("reference"), key.number("version"), key.text("wrapped")};
    WARDER_RETURN_IF_ERROR(key.status());
  }
  if (members.has("history")) {
    Members history(members.member("history"));
    manifest.history =
        HistoryMark{history.text("origin"), history.number("size"), history.text("root")};
    WARDER_RETURN_IF_ERROR(history.status());
  }
  if (members.has("proof")) {
    Members proof(members.member("proof"));
    const auto time = util::parse_rfc3339(proof.text("time", 64));
    const json& seconds = proof.member("seconds");
    if (!time || !seconds.is_number()) {
      proof.wrong("time");
    }
    WARDER_RETURN_IF_ERROR(proof.status());
    manifest.proof = Proof{time.value_or(util::WallTime{}), seconds.get<double>()};
  }
  return {};
}

util::Status read_seal(const json& document, ReadManifest& out) {
  if (!document.contains("seal")) {
    return {};
  }
  Members seal(document["seal"]);
  const std::string kdf = seal.text("kdf", 32);
  const std::uint64_t iterations = seal.number("iterations");
  const auto salt = util::from_hex(seal.text("salt", 128));
  const auto mac = util::from_hex(seal.text("mac", 64));
  if (kdf != "pbkdf2-hmac-sha256" || iterations == 0 || iterations > kMostIterations || !salt ||
      salt->size() < 8 || !mac || mac->size() != 32) {
    seal.wrong("seal");
  }
  WARDER_RETURN_IF_ERROR(seal.status());
  out.sealed = true;
  out.iterations = static_cast<std::uint32_t>(iterations);
  out.salt = util::as_text(*salt);
  out.mac = util::as_text(*mac);
  json covered = document;
  covered.erase("seal");
  out.sealed_text = dump(covered, -1);
  return {};
}

json without_seal(const Manifest& manifest) {
  json document{{"warder_backup", kVersion},
                {"name", manifest.name},
                {"host", manifest.host},
                {"stamp", manifest.stamp.to_string()},
                {"made", util::format_rfc3339(manifest.stamp.time)},
                {"tool", manifest.tool},
                {"paths", manifest.paths},
                {"files", json::array()}};
  if (manifest.database) {
    const DatabaseFacts& facts = *manifest.database;
    document["database"] = {{"path", facts.path},
                            {"bytes", facts.bytes},
                            {"schema_version", facts.schema_version},
                            {"user_version", facts.user_version},
                            {"schema_sha256", facts.schema_sha256},
                            {"broken_references", facts.broken_references},
                            {"rows", json::object()}};
    for (const auto& [table, count] : facts.rows) {
      document["database"]["rows"][table] = count;
    }
  }
  for (const BackupFile& file : manifest.files) {
    document["files"].push_back(
        {{"format", to_string(file.format)},
         {"name", file.name},
         {"encryption", file.encryption == Encryption::kNone ? "none" : "openpgp"},
         {"plain", to_json(file.plain)},
         {"stored", to_json(file.stored)}});
  }
  if (manifest.key) {
    document["key"] = {{"reference", manifest.key->reference},
                       {"version", manifest.key->version},
                       {"wrapped", manifest.key->wrapped}};
  }
  if (manifest.history) {
    document["history"] = {{"origin", manifest.history->origin},
                           {"size", manifest.history->size},
                           {"root", manifest.history->root}};
  }
  if (manifest.proof) {
    document["proof"] = {{"time", util::format_rfc3339(manifest.proof->time)},
                         {"seconds", manifest.proof->seconds}};
  }
  return document;
}

}  // namespace

util::Result<std::string> write_manifest(const Manifest& manifest,
                                         const crypto::SecretString* passphrase) {
  json document = without_seal(manifest);
  if (passphrase != nullptr) {
    std::array<std::uint8_t, 16> salt{};
    WARDER_RETURN_IF_ERROR(crypto::random_bytes(salt));
    WARDER_ASSIGN_OR_RETURN(const std::string mac, seal_key_mac(*passphrase, util::as_text(salt),
                                                                kIterations, dump(document, -1)));
    document["seal"] = {{"kdf", "pbkdf2-hmac-sha256"},
                        {"iterations", kIterations},
                        {"salt", util::to_hex(salt)},
                        {"mac", util::to_hex(util::as_bytes(mac))}};
  }
  return dump(document, 2) + '\n';
}

util::Status ReadManifest::check_seal(const crypto::SecretString& passphrase) const {
  if (!sealed) {
    return Error(ErrorCode::kDenied, "the manifest has no seal: nothing says who wrote it");
  }
  WARDER_ASSIGN_OR_RETURN(const std::string expected,
                          seal_key_mac(passphrase, salt, iterations, sealed_text));
  if (crypto::SecretString(expected) == crypto::SecretString(mac)) {
    return {};
  }
  return Error(ErrorCode::kDenied,
               "the manifest was made with another passphrase, or changed since");
}

util::Result<ReadManifest> read_manifest(std::string_view text) {
  if (text.size() > kLongestManifest) {
    return Error(ErrorCode::kInvalid, "the manifest is too long");
  }
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) {
    return Error(ErrorCode::kInvalid, "the manifest is no JSON object");
  }
  Members members(document);
  const std::uint64_t version = members.number("warder_backup");
  WARDER_RETURN_IF_ERROR(members.status());
  if (version != kVersion) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("the manifest has version {}; this warder reads {}: use a newer one",
                             version, kVersion));
  }
  ReadManifest read;
  read.sha256 = util::to_hex(crypto::sha256(util::as_bytes(text)));
  Manifest& manifest = read.manifest;
  manifest.name = members.text("name", 64);
  manifest.host = members.text("host", 256);
  manifest.tool = members.text("tool", 128);
  const auto stamp = parse_stamp(members.text("stamp", 32));
  const json& paths = members.member("paths");
  const json& files = members.member("files");
  if (!stamp) {
    members.wrong("stamp");
  }
  if (!config::is_plain_name(manifest.name)) {
    members.wrong("name");
  }
  if (!paths.is_array() ||
      !std::ranges::all_of(paths, [](const json& p) { return p.is_string(); })) {
    members.wrong("paths");
  }
  if (!files.is_array() || files.empty() || files.size() > kMostFiles) {
    members.wrong("files");
  }
  WARDER_RETURN_IF_ERROR(members.status());
  manifest.stamp = stamp.value_or(Stamp{});
  manifest.paths = paths.get<std::vector<std::string>>();
  for (const json& value : files) {
    WARDER_ASSIGN_OR_RETURN(BackupFile file, file_from(value, manifest));
    manifest.files.push_back(std::move(file));
  }
  WARDER_RETURN_IF_ERROR(read_optional_parts(members, manifest));
  const bool encrypted = std::ranges::any_of(manifest.files, [](const BackupFile& file) {
    return file.encryption == Encryption::kOpenPgp;
  });
  if (encrypted && !manifest.key) {
    members.wrong("key");
  }
  WARDER_RETURN_IF_ERROR(members.status());
  WARDER_RETURN_IF_ERROR(read_seal(document, read));
  return read;
}

}  // namespace warder::backup
