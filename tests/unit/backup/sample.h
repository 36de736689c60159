#pragma once

#include "backup/folder.h"
#include "backup/keys.h"
#include "backup/make.h"
#include "backup/passphrases.h"
#include "store/database.h"
#include "support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

// A small database with everything a schema may hold, and the parts a backup of it needs.
namespace warder::backup::sample {

namespace fs = std::filesystem;

inline std::unique_ptr<store::Connection> open(const fs::path& path) {
  auto opened = store::Connection::open(path, store::Connection::Mode::kReadWrite, {});
  REQUIRE(opened);
  return std::move(*opened);
}

inline void run(store::Connection& connection, const std::string& sql) {
  const util::Status done = connection.execute(sql);
  INFO((done ? std::string() : done.error().message()));
  REQUIRE(done);
}

enum class Journal { kWal, kDelete };

inline void make_database(const fs::path& path, Journal journal = Journal::kWal,
                          int ciphers = 200) {
  const auto database = open(path);
  run(*database,
      journal == Journal::kWal ? "PRAGMA journal_mode=WAL" : "PRAGMA journal_mode=DELETE");
  run(*database, R"(
    PRAGMA user_version=7;
    CREATE TABLE users(uuid TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, akey TEXT) WITHOUT ROWID;
    CREATE TABLE ciphers(uuid TEXT PRIMARY KEY, user_uuid TEXT REFERENCES users(uuid), data TEXT,
                         size REAL, body BLOB, twice INTEGER GENERATED ALWAYS AS (atype * 2), atype INTEGER);
    CREATE TABLE log(id INTEGER PRIMARY KEY AUTOINCREMENT, "odd ""name" TEXT);
    CREATE INDEX by_user ON ciphers(user_uuid);
    CREATE VIEW mails AS SELECT email FROM users;
    CREATE TRIGGER told AFTER INSERT ON users BEGIN INSERT INTO log("odd ""name") VALUES(new.email); SELECT 1; END;
    INSERT INTO users VALUES('u1', 'a''b@example.org', char(10) || ';' || char(0) || 'x'), ('u2', 'c@example.org', NULL);
  )");
  run(*database,
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
          std::to_string(ciphers) +
          ") INSERT INTO ciphers(uuid, user_uuid, data, size, body, atype) SELECT 'c' || i, "
          "'u' || (i % 2 + 1), hex(randomblob(300)), i / 7.0, randomblob(i % 50), i FROM n");
}

class Fixed : public Passphrases {
 public:
  explicit Fixed(std::string text, std::uint64_t version = 1)
      : text_(std::move(text)), version_(version) {}
  util::Result<Passphrase> current() override {
    return Passphrase{{"vault:backup/passphrase", version_, ""}, crypto::SecretString(text_)};
  }
  util::Result<std::vector<Passphrase>> candidates(const KeyId& id) override {
    std::vector<Passphrase> all;
    all.push_back({id, crypto::SecretString(text_)});
    return all;
  }

 private:
  std::string text_;
  std::uint64_t version_;
};

struct Place {
  testing::TemporaryFolder temporary;
  fs::path data = temporary.path() / "data";
  fs::path backups = temporary.path() / "backups";
  fs::path database = data / "db.sqlite3";
  Fixed passphrases{"correct horse battery staple"};
  util::SystemClock clock;
  SetOptions set;

  explicit Place(Journal journal = Journal::kWal, int ciphers = 200) {
    fs::create_directories(data / "attachments");
    make_database(database, journal, ciphers);
    std::ofstream(data / "attachments" / "one") << "an attachment";
    std::ofstream(data / "rsa_key.pem") << "a key";
    fs::create_symlink("rsa_key.pem", data / "link");
    set.name = "vw";
    set.database = database;
    set.paths = {data};
    set.formats = {Format::kSqlDump, Format::kBinary, Format::kFull};
    set.folder = backups;
    set.unpacked_limit = util::mebibytes(1024);
    set.queries = {"SELECT 1 FROM users"};
  }

  Folder folder() {
    auto opened = Folder::open(backups, set.name);
    REQUIRE(opened);
    return std::move(*opened);
  }

  util::Result<Made> make(std::function<void(std::string_view)> at_boundary = {}) {
    const Folder opened = folder();
    const auto passphrase = passphrases.current();
    if (!passphrase) {
      return passphrase.error();
    }
    const MakeParts parts{set, opened, &*passphrase,          clock, "host", "warder test",
                          {},  {},     std::move(at_boundary)};
    return make_backup(parts);
  }
};

}  // namespace warder::backup::sample
