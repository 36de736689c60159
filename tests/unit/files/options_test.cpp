#include "files/options.h"

#include "config/check.h"
#include "config/ini.h"

#include <catch2/catch.hpp>

using namespace warder;
using namespace std::chrono_literals;

namespace {

struct Read {
  config::Diagnostics diagnostics;
  std::vector<files::FilesOptions> sections;
};

Read read(std::string_view text) {
  Read result;
  config::Document document;
  document.add(config::parse_ini(text, "jail.local", result.diagnostics));
  const config::Table* const tables[] = {&files::files_table()};
  const config::Checked checked = config::check_document(tables, document, result.diagnostics);
  for (const config::Values* values : checked.all(files::files_table())) {
    if (values->complete()) {
      result.sections.push_back(files::files_options(*values, result.diagnostics));
    }
  }
  return result;
}

}  // namespace

TEST_CASE("the table of files is sound") {
  CHECK(config::defects(files::files_table()) == std::vector<std::string>{});
}

TEST_CASE("a section has its defaults unless it says otherwise") {
  const Read one = read("[files system]\nenabled = yes\npaths = /etc\n  /usr/my bin\n");
  CHECK(one.diagnostics.to_text() == "");
  REQUIRE(one.sections.size() == 1);
  const files::FilesOptions& options = one.sections[0];
  CHECK(options.name == "system");
  CHECK(options.scope.paths() == std::vector<std::string>{"/etc", "/usr/my bin"});
  CHECK(options.fields.to_string() == "01111111");  // all but the time of the last change
  CHECK(options.every == 24h);
  CHECK(options.quick_every == 1h);
  CHECK(options.budget == util::mebibytes(20));
  CHECK(options.watching == files::Watching::kInotify);
  CHECK(options.expects_packages);
  CHECK(options.root == "/");
  CHECK(options.severity == model::Severity::kHigh);
  const Read two = read(
      "[files a]\nenabled = yes\npaths = /x\nfields = owner time\nwatch = no\nexpected = none\n"
      "quick_every = 0s\nbudget = 0\n");
  CHECK(two.diagnostics.to_text() == "");
  CHECK(two.sections.at(0).fields.to_string() == "10000010");
  CHECK(two.sections.at(0).watching == files::Watching::kNone);
  CHECK_FALSE(two.sections.at(0).expects_packages);
  CHECK(two.sections.at(0).quick_every == 0s);
}

TEST_CASE("what cannot be is told with its place") {
  const Read one = read(
      "[files a b]\nenabled = yes\npaths = etc\n[files none]\nenabled = yes\n[files c]\nenabled = "
      "yes\npaths = /x\nexclude = y\n");
  const std::string text = one.diagnostics.to_text();
  INFO(text);
  CHECK(text.find("jail.local:1") != std::string::npos);
  CHECK(text.find("at most 64 letters, digits, '.', '_' and '-'") != std::string::npos);
  CHECK(text.find("'etc' is no absolute path") != std::string::npos);
  CHECK(text.find("is needed: which files and folders are watched?") != std::string::npos);
  CHECK(text.find("'y' is no absolute path") != std::string::npos);
}
