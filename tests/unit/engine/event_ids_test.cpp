#include "engine/event_ids.h"

#include "util/encoding.h"

#include <catch2/catch.hpp>

#include <set>

using namespace warder;
using engine::event_id_after;
using engine::event_id_of_line;
using model::EventKind;

TEST_CASE("a line read twice gives the same id, anything else another") {
  model::GenerationId a;
  model::GenerationId b;
  b.bytes[15] = 1;
  const std::set<model::EventId> ids{
      event_id_of_line(a, 7, EventKind::kFinding, "sshd"),
      event_id_of_line(b, 7, EventKind::kFinding, "sshd"),
      event_id_of_line(a, 8, EventKind::kFinding, "sshd"),
      event_id_of_line(a, 7, EventKind::kBan, "sshd"),
      event_id_of_line(a, 7, EventKind::kFinding, "caddy"),
      event_id_after(event_id_of_line(a, 7, EventKind::kFinding, "sshd"), EventKind::kBan, "x"),
      event_id_after(event_id_of_line(a, 7, EventKind::kFinding, "sshd"), EventKind::kBan, "y"),
  };
  CHECK(ids.size() == 7);
  CHECK(event_id_of_line(a, 7, EventKind::kFinding, "sshd") ==
        event_id_of_line(a, 7, EventKind::kFinding, "sshd"));
}

TEST_CASE("the id is stable across versions") {
  // Changing this breaks the promise that a re-read line is counted once after an upgrade.
  CHECK(util::to_hex(event_id_of_line({}, 0, EventKind::kFinding, "sshd").bytes) ==
        "603c2c5de29bf65687f42f2a323b8232");
}

TEST_CASE("random ids differ") { CHECK(engine::random_event_id() != engine::random_event_id()); }
