#pragma once

#include "firewall/firewall.h"
#include "util/encoding.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// The helper's messages as bytes. The layout is in README.md of this folder, "The helper's
// messages". Pure; every decoder takes whatever an attacker may send and returns nothing unless
// each byte is as it must be (reserved ones zero, enumerators known, numbers in range).
namespace warder::firewall::wire {

// Every datagram, either way, has exactly this size.
constexpr std::size_t kDatagram = 4096;
constexpr std::uint32_t kMagic = 0x31575257;  // "WRW1", little endian
constexpr std::uint16_t kVersion = 1;

constexpr std::size_t kHeader = 32;
constexpr std::size_t kRecord = 32;
constexpr std::size_t kRecordsADatagram = (kDatagram - kHeader) / kRecord;
// A request has at most so many records, so that its memory is bounded and its answer quick.
constexpr std::uint32_t kMostRecords = 32 * kRecordsADatagram;
constexpr std::size_t kElement = 48;
constexpr std::size_t kElementsADatagram = (kDatagram - kHeader) / kElement;
constexpr std::size_t kLongestText = 512;
constexpr std::size_t kRefusalsADatagram = (kDatagram - kHeader - 64 - kLongestText) / kRecord;
// Ends beyond are for ever (the highest number says so).
constexpr std::uint64_t kForEver = ~std::uint64_t{0};
constexpr std::uint64_t kNotCounted = ~std::uint64_t{0};

enum class Kind : std::uint16_t {
  kEnsure = 1,     // scope records
  kApply = 2,      // change records
  kList = 3,       // no records
  kTraffic = 4,    // one change record, of which only the prefix counts
  kRemoveAll = 5,  // no records
  kAnswer = 0x8001,
  kElements = 0x8002,  // a part of the answer to kList; kAnswer follows at the end
  kChanged = 0x8003,   // not asked for: another program changed the table
};

struct Header {
  Kind kind = Kind::kAnswer;
  // Of a request: higher than that of any request before on this connection, so that a repeated
  // datagram is refused. Of an answer: that of its request. Zero in kChanged.
  std::uint64_t request = 0;
  std::uint32_t total = 0;  // records of the whole request or answer; zero in kElements
  std::uint32_t first = 0;  // place of the first record in this datagram
  std::uint16_t count = 0;  // records in this datagram

  friend bool operator==(const Header&, const Header&) = default;
};

using Datagram = std::array<std::uint8_t, kDatagram>;

// A change on its way: the end as time left, so that the two ends need not agree on the wall clock.
struct TimedChange {
  Change change;  // `end` unused
  std::optional<std::chrono::milliseconds> left;

  friend bool operator==(const TimedChange&, const TimedChange&) = default;
};

struct Summary {
  // Zero: success. Otherwise 1 + util::ErrorCode.
  std::optional<util::ErrorCode> error;
  std::string text;    // at most kLongestText bytes
  ApplyReport report;  // without refusals
  Traffic traffic;

  friend bool operator==(const Summary&, const Summary&) = default;
};

struct TimedElement {
  Element element;  // `end` unused
  std::optional<std::chrono::milliseconds> left;

  friend bool operator==(const TimedElement&, const TimedElement&) = default;
};

// Writes a header into a datagram of zeros; records go in with the functions below.
Datagram datagram_of(const Header& header);
void put_change(Datagram& datagram, std::size_t place, const TimedChange& change);
// A scope takes (its ranges / 7, rounded up, at least 1) records.
std::size_t scope_records(const Scope& scope);
void put_scope_part(Datagram& datagram, std::size_t place, ScopeIndex index, const Scope& scope,
                    std::size_t part);
void put_summary(Datagram& datagram, const Summary& summary);
void put_refusal(Datagram& datagram, std::size_t place, const Refusal& refusal);
void put_element(Datagram& datagram, std::size_t place, const TimedElement& element);

// Empty: wrong size, magic, kind, or count and first that do not fit total and kind. `version` is
// set even when it is not ours, so that the answer can say so.
std::optional<Header> read_header(util::ByteView bytes, std::uint16_t& version);
std::optional<TimedChange> read_change(util::ByteView datagram, std::size_t place);
struct ScopePart {
  ScopeIndex index = 0;
  Protocol protocol = Protocol::kAny;
  std::vector<PortRange> ports;
};
std::optional<ScopePart> read_scope_part(util::ByteView datagram, std::size_t place);
std::optional<Summary> read_summary(util::ByteView datagram);
std::optional<Refusal> read_refusal(util::ByteView datagram, std::size_t place);
std::optional<TimedElement> read_element(util::ByteView datagram, std::size_t place);

}  // namespace warder::firewall::wire
