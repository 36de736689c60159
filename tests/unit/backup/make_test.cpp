#include "backup/make.h"

#include "backup/proof.h"
#include "backup/snapshot.h"
#include "sample.h"
#include "util/file.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>

namespace warder::backup {
namespace {

namespace fs = std::filesystem;

std::string text_of(const util::Status& status) {
  return status ? std::string() : status.error().message();
}

std::string read(const fs::path& path) {
  const auto text = util::read_file(path, util::mebibytes(64));
  REQUIRE(text);
  return *text;
}

// All rows of all tables, as one text.
std::string content(const fs::path& database) {
  const auto connection = sample::open(database);
  std::string all;
  for (const char* sql :
       {"SELECT quote(uuid), quote(email), quote(hex(akey)), typeof(akey) FROM users ORDER BY 1",
        "SELECT quote(uuid), quote(user_uuid), quote(data), hex(size), quote(size), quote(body), "
        "twice FROM ciphers ORDER BY 1",
        "SELECT id, quote(\"odd \"\"name\") FROM log ORDER BY 1",
        "SELECT quote(name), seq FROM sqlite_sequence ORDER BY 1",
        "SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2"}) {
    auto statement = connection->prepare(sql);
    REQUIRE(statement);
    store::Rows rows = statement->run();
    while (rows.next()) {
      for (int i = 0; i < rows.columns(); ++i) {
        all += std::string(rows.text(i)) + '|';
      }
      all += '\n';
    }
    REQUIRE(rows.status());
  }
  return all;
}

Packed packed_of(const sample::Place& place, const BackupFile& file,
                 const crypto::SecretString& passphrase) {
  return {place.backups / file.name, file, true, &passphrase, place.set.unpacked_limit};
}

TEST_CASE("every format gives back every row, file and link") {
  for (const sample::Journal journal : {sample::Journal::kWal, sample::Journal::kDelete}) {
    sample::Place place(journal);
    const auto made = place.make();
    INFO((made ? std::string() : made.error().message()));
    REQUIRE(made);
    REQUIRE(made->manifest.files.size() == 3);
    const std::string before = content(place.database);
    const crypto::SecretString passphrase(std::string_view("correct horse battery staple"));
    for (const BackupFile& file : made->manifest.files) {
      INFO(file.name);
      struct stat info{};
      REQUIRE(::stat((place.backups / file.name).c_str(), &info) == 0);
      CHECK((info.st_mode & 0777) == 0600);
      const fs::path target = place.temporary.path() / ("restored-" + file.name);
      const Packed packed = packed_of(place, file, passphrase);
      CHECK(text_of(unpack(packed, target, false, {})) == "");
      CHECK(text_of(check_unpacked(packed, target, {made->manifest.database, {}})) == "");
      CHECK(content(database_in(packed, target, *made->manifest.database)) == before);
      if (file.format == Format::kFull) {
        const fs::path data = target / place.data.relative_path();
        CHECK(read(data / "attachments" / "one") == "an attachment");
        CHECK(fs::read_symlink(data / "link") == "rsa_key.pem");
        CHECK_FALSE(fs::exists(data / "db.sqlite3-wal"));
      }
    }
    CHECK(made->manifest.database->rows ==
          std::map<std::string, std::uint64_t>{
              {"ciphers", 200}, {"log", 2}, {"sqlite_sequence", 1}, {"users", 2}});
    CHECK(made->manifest.proof);
    // Nothing else is left behind.
    std::size_t files = 0;
    for (const auto& entry : fs::directory_iterator(place.backups)) {
      CHECK_FALSE(entry.path().filename().string().starts_with(".making"));
      ++files;
    }
    CHECK(files == 4);
  }
}

TEST_CASE("a manifest is read as it was written, and its seal tells the passphrase") {
  sample::Place place;
  const auto made = place.make();
  REQUIRE(made);
  const auto entries = place.folder().list();
  REQUIRE(entries);
  REQUIRE(entries->size() == 1);
  CHECK(entries->front().fault == "");
  REQUIRE(entries->front().manifest);
  const ReadManifest& found = *entries->front().manifest;
  CHECK(found.manifest == made->manifest);
  CHECK(found.check_seal(crypto::SecretString(std::string_view("correct horse battery staple"))));
  CHECK_FALSE(found.check_seal(crypto::SecretString(std::string_view("another"))));
  CHECK(found.manifest.key == KeyId{"vault:backup/passphrase", 1, ""});

  std::string text = read(place.backups / manifest_name("vw", made->manifest.stamp));
  const std::size_t at = text.find("\"ciphers\": 200");
  REQUIRE(at != std::string::npos);
  text.replace(at, 14, "\"ciphers\": 201");
  const auto changed = read_manifest(text);
  REQUIRE(changed);
  CHECK_FALSE(
      changed->check_seal(crypto::SecretString(std::string_view("correct horse battery staple"))));
}

TEST_CASE("a damaged source is refused and leaves nothing") {
  sample::Place place(sample::Journal::kDelete);
  {
    std::fstream file(place.database, std::ios::in | std::ios::out | std::ios::binary);
    for (int page = 5; page < 12; ++page) {
      file.seekp(page * 4096);
      file << std::string(64, 'x');
    }
  }
  const auto made = place.make();
  REQUIRE_FALSE(made);
  INFO(made.error().message());
  CHECK(made.error().code() == util::ErrorCode::kInvalid);
  CHECK(fs::is_empty(place.backups));
}

TEST_CASE(
    "a database that another file replaces while it is copied is told and counts for nothing") {
  for (const sample::Journal journal : {sample::Journal::kWal, sample::Journal::kDelete}) {
    sample::Place place(journal, 2000);
    sample::make_database(place.data / "other.sqlite3", journal);
    bool replaced = false;
    const auto taken = take_snapshot(place.database, place.temporary.path() / "copy", {},
                                     place.clock, [&](std::uint64_t) {
                                       if (!replaced) {
                                         fs::rename(place.data / "other.sqlite3", place.database);
                                         replaced = true;
                                       }
                                       return true;
                                     });
    REQUIRE(replaced);
    REQUIRE_FALSE(taken);
    CHECK(taken.error().code() == util::ErrorCode::kInvalid);
    CHECK(taken.error().message() ==
          place.database.string() +
              " was replaced by another file while it was copied: what was copied is the old one; "
              "run the backup again");
  }
}

TEST_CASE("hostile archives write nothing outside the folder") {
  // tests/fuzz/backup_archive has the archives; here is what becomes of each.
  const fs::path seeds = fs::path(WARDER_SOURCE_DIR) / "tests/fuzz/backup_archive/seeds";
  for (const auto& [name, good] : std::map<std::string, bool>{{"plain", true},
                                                              {"dots", false},
                                                              {"absolute", false},
                                                              {"through_link", false},
                                                              {"hard", false},
                                                              {"device", false},
                                                              {"twice", false}}) {
    INFO(name);
    const testing::TemporaryFolder folder;
    fs::create_directory(folder / "inside");
    auto source = FileSource::open(seeds / name);
    REQUIRE(source);
    std::uint8_t first = 0;
    REQUIRE(source->read({&first, 1}));
    const auto read = read_tar(*source, folder / "inside", {util::mebibytes(1), false});
    CHECK(read.has_value() == good);
    CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 1);
  }
}

TEST_CASE("without encryption nothing is sealed, and gzip alone opens it") {
  sample::Place place;
  place.set.encryption = Encryption::kNone;
  place.set.formats = {Format::kBinary};
  const auto made = place.make();
  REQUIRE(made);
  CHECK_FALSE(made->manifest.key);
  CHECK(made->manifest.files[0].name.ends_with(".sqlite3.gz"));
  const auto entry = place.folder().find({});
  REQUIRE(entry);
  CHECK_FALSE(entry->manifest->sealed);
}

}  // namespace
}  // namespace warder::backup
