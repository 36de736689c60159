// A damaged or forged database. The input edits the file of an honest one, three bytes an edit:
// offset (big-endian, in steps that reach the whole file) and the value that is added there.
#include "crypto/sha256.h"
#include "fuzz/require.h"
#include "store/reader.h"
#include "store/store.h"
#include "store/verify.h"
#include "support/manual_clock.h"
#include "support/temporary_folder.h"
#include "util/encoding.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

using namespace warder;
using warder::testing::require;

namespace {

// A small history with everything in it; its bytes are the same in each process.
std::string honest_database(const testing::TemporaryFolder& folder) {
  testing::ManualClock clock;
  store::Options options;
  options.path = folder / "honest.db";
  options.origin = "warder/test.example";
  options.retention_events = 30;
  options.reserve = util::kibibytes(4);
  auto opened = store::Store::open(
      options, clock, crypto::Ed25519SecretKey::from_bytes(util::Bytes(32, 7)).value(), {});
  require(opened.has_value());
  store::Store& history = **opened;
  const auto mail = history.destination("mail");
  require(mail.has_value());
  store::Batch batch;
  for (std::uint32_t i = 0; i < 40; ++i) {
    model::Event event;
    const auto digest = crypto::sha256(util::as_bytes(std::to_string(i)));
    std::copy_n(digest.begin(), event.id.bytes.size(), event.id.bytes.begin());
    event.kind = model::EventKind::kFinding;
    event.time = clock.now();
    event.jail = "sshd";
    event.address = net::Prefix(net::IpAddress::v4(0xC0000200U + i));
    event.message = "finding";
    batch.events.push_back(event);
    batch.outbox.push_back({i, *mail});
    batch.bans.push_back({.ban = {.jail = "sshd",
                                  .address = *event.address,
                                  .start = clock.now(),
                                  .end = std::nullopt,
                                  .count = i,
                                  .reason = "r"}});
  }
  batch.positions.push_back({"file", "/var/log/auth.log", "record"});
  require(history.submit(std::move(batch)).has_value());
  history.make_checkpoint();
  history.maintain();
  require(history.close(std::chrono::seconds(30)).has_value());
  return folder.read("honest.db");
}

template <typename T>
bool go_on(const T& /*row*/) {
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const testing::TemporaryFolder folder;
  static const std::string honest = honest_database(folder);
  std::string edited = honest;
  for (std::size_t i = 0; i + 2 < size; i += 3) {
    const std::size_t number = data[i] * 256U + data[i + 1];
    char& byte = edited[number % edited.size()];
    byte = static_cast<char>(byte + data[i + 2]);
  }
  const std::filesystem::path path = folder.write("edited.db", edited);
  const auto report = store::verify(path, {.key = std::nullopt, .against = {}, .vfs = {}});
  if (edited == honest) {
    require(report.has_value() && report->good());
  }
  if (report) {
    require(!report->to_text().empty() && !report->to_json().empty());
  }
  // Readers may fail, each in its own way, but come back.
  if (auto reader = store::Reader::open(path)) {
    const util::WallTime start{};
    (void)reader->active_bans(start, go_on<model::Ban>);
    (void)reader->events({.since = start, .jail = "sshd"}, go_on<store::StoredEvent>);
    (void)reader->offenders(start, go_on<store::Offender>);
    (void)reader->events({}, go_on<store::StoredEvent>);
    (void)reader->positions();
    (void)reader->address(net::IpAddress::v4(0xC0000205U), 10);
    (void)reader->figures();
    (void)reader->outbox_from(store::DestinationId{1}, 0, 10);
    (void)reader->checkpoint();
    (void)reader->query("SELECT * FROM events", std::chrono::seconds(5),
                        [](const auto&) { return true; });
  }
  for (const char* const left : {"edited.db-wal", "edited.db-shm"}) {
    std::error_code ignored;
    std::filesystem::remove(folder / left, ignored);
  }
  return 0;
}
