#include "backup/keys.h"

#include "config/check.h"
#include "config/ini.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>

namespace warder::backup {
namespace {

struct Read {
  SetOptions options;
  std::string diagnostics;
};

Read read(std::string_view keys) {
  config::Diagnostics diagnostics;
  config::Document document;
  document.add(config::parse_ini(fmt::format("[backup web]\npassphrase = file:/p\n{}", keys),
                                 "warder.conf", diagnostics));
  const config::Table* const tables[] = {&backup_table()};
  const config::Checked checked = config::check_document(tables, document, diagnostics);
  const auto all = checked.all(backup_table());
  REQUIRE(all.size() == 1);
  SetOptions options = set_options(*all.front(), "/state", diagnostics);
  return {std::move(options), diagnostics.to_text()};
}

using Formats = std::vector<Format>;

}  // namespace

TEST_CASE("the table of [backup NAME] is sound") {
  CHECK(config::defects(backup_table()) == std::vector<std::string>{});
}

TEST_CASE("paths are packed unless the formats say otherwise") {
  const Read database = read("database = /srv/db\n");
  CHECK(database.diagnostics.empty());
  CHECK(database.options.formats == Formats{Format::kBinary});
  const Read both = read("database = /srv/db\npaths = /srv\n");
  CHECK(both.diagnostics.empty());
  CHECK(both.options.formats == Formats{Format::kBinary, Format::kFull});
  const Read paths = read("paths = /srv\n");
  CHECK(paths.diagnostics.empty());
  CHECK(paths.options.formats == Formats{Format::kFull});
  const Read left_out = read("database = /srv/db\npaths = /srv\nformats = both\n");
  CHECK(left_out.diagnostics ==
        "warder.conf:4: warning: [backup web] paths = \"/srv\": are in no backup: the format full "
        "alone packs them; add full to formats\n");
  CHECK(left_out.options.formats == Formats{Format::kSqlDump, Format::kBinary});
  CHECK(read("database = /srv/db\npaths = /srv\nformats = binary full\n").diagnostics.empty());
}

}  // namespace warder::backup
