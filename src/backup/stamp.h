#pragma once

#include "util/clock.h"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::backup {

enum class Format : std::uint8_t {
  kSqlDump,  // SQL text, as `sqlite3 .dump` writes it
  kBinary,   // the database file
  kFull,     // tar: the database and the paths beside it
  kVault,    // a raft snapshot of the vault
};

std::string_view to_string(Format format);  // "sql_dump", "binary", "full", "vault"
std::optional<Format> parse_format(std::string_view name);

// Which backup of a name: when it was begun, to the second, and how often it was encrypted anew.
struct Stamp {
  util::WallTime time{};
  std::uint32_t revision = 0;
  friend auto operator<=>(const Stamp&, const Stamp&) = default;

  // "20261125T155057Z", "20261125T155057Z.r2"
  std::string to_string() const;
};
std::optional<Stamp> parse_stamp(std::string_view text);

enum class Encryption : std::uint8_t { kOpenPgp, kNone };

// "vaultwarden-20261125T155057Z.sqlite3.gz.gpg": the seeds' forms .sql.gz.gpg, .sqlite3.gz.gpg,
// .tar.gz.gpg, and .snap.gz.gpg, without .gpg when not encrypted.
std::string file_name(std::string_view name, const Stamp& stamp, Format format,
                      Encryption encryption);
// What file_name() may put together for a stamp, whatever was made.
std::vector<std::string> file_names(std::string_view name, const Stamp& stamp);
struct FileNameParts {
  std::string name;
  Stamp stamp;
  Format format = Format::kBinary;
  Encryption encryption = Encryption::kOpenPgp;
};
// What file_name() put together; empty for any other name.
std::optional<FileNameParts> parse_file_name(std::string_view file);
// "vaultwarden-20261125T155057Z.json"
std::string manifest_name(std::string_view name, const Stamp& stamp);
// The stamp of a manifest of `name`, empty for any other file.
std::optional<Stamp> stamp_of_manifest(std::string_view name, std::string_view file);

}  // namespace warder::backup
