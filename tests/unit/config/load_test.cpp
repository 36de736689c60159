#include "config/load.h"

#include "support/memory_files.h"
#include "support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>

using namespace warder;
using namespace warder::config;
using warder::testing::MemoryFiles;

namespace {

std::string get(const Document& from, std::string_view section, std::string_view option) {
  const auto value = from.get(section, option);
  return value && *value ? (*value)->text : "(none)";
}

}  // namespace

TEST_CASE("files are read in fail2ban's order") {
  MemoryFiles files({{"f/jail.conf", ""},
                     {"f/jail.local", ""},
                     {"f/jail.d/b.conf", ""},
                     {"f/jail.d/a.conf", ""},
                     {"f/jail.d/B.conf", ""},
                     {"f/jail.d/z.local", ""},
                     {"f/jail.d/a.local", ""},
                     {"f/jail.d/readme", ""},
                     {"f/jail.d/.a.conf", ""},
                     {"f/other.conf", ""}});
  Diagnostics diagnostics;
  CHECK(files_of_name(files, "f/jail", diagnostics) ==
        std::vector<std::string>{"f/jail.conf", "f/jail.d/B.conf", "f/jail.d/a.conf",
                                 "f/jail.d/b.conf", "f/jail.local", "f/jail.d/a.local",
                                 "f/jail.d/z.local"});
  CHECK(files_of_folder(files, "f", diagnostics) ==
        std::vector<std::string>{"f/jail.conf", "f/other.conf", "f/jail.local"});
  CHECK(files_of_folder(files, "nosuch", diagnostics).empty());
  CHECK(diagnostics.to_text() == "");
}

TEST_CASE("before, the file, after; each included file with its local one") {
  MemoryFiles files(
      {{"f/a.conf", "[INCLUDES]\nbefore=b.conf\nafter=c.conf\n       nosuch.conf\n[x]\na=A\n"},
       {"f/b.conf", "[x]\na=B\nb=B\n"},
       {"f/b.local", "[x]\nb=BL\n"},
       {"f/c.conf", "[x]\nc=C\nb=C%(known/b)s\n"}});
  Diagnostics diagnostics;
  const Document from = load_name(files, "f/a", diagnostics);
  CHECK(diagnostics.to_text() == "");
  CHECK(get(from, "x", "a") == "A");
  CHECK(get(from, "x", "b") == "CBL");
  CHECK(get(from, "x", "c") == "C");
  CHECK(from.sections() == std::vector<std::string>{"x"});
}

TEST_CASE("include lists see the options of their own file") {
  MemoryFiles files(
      {{"f/a.conf", "[DEFAULT]\nwhich=b\n[INCLUDES]\nbefore=%(root)s/%(which)s.conf\n"},
       {"f/b.conf", "[x]\na=1\n"}});
  Diagnostics diagnostics;
  const Document from = load_name(files, "f/a", diagnostics, {{"root", "../f"}});
  CHECK(diagnostics.to_text() == "");
  CHECK(get(from, "x", "a") == "1");

  MemoryFiles wrong(
      std::map<std::string, std::string>{{"a.conf", "[INCLUDES]\nbefore=%(nosuch)s.conf\n"}});
  load_name(wrong, "a", diagnostics);
  CHECK(diagnostics.to_text() == "a.conf:2: [INCLUDES] before: %(nosuch)s is set nowhere\n");
}

TEST_CASE("a cycle of includes is cut") {
  MemoryFiles files({{"a.conf", "[INCLUDES]\nbefore=b.conf\n[x]\na=%(known/a)sA\n"},
                     {"b.conf", "[INCLUDES]\nafter=a.conf\n[x]\na=B\n"}});
  Diagnostics diagnostics;
  CHECK(get(load_name(files, "a", diagnostics), "x", "a") == "BA");
  CHECK(diagnostics.to_text() == "");
}

TEST_CASE("includes are bounded in depth and number") {
  std::map<std::string, std::string> deep;
  for (int i = 0; i < 20; ++i) {
    deep["f" + std::to_string(i) + ".conf"] =
        "[INCLUDES]\nbefore=f" + std::to_string(i + 1) + ".conf\n";
  }
  MemoryFiles deep_files(deep);
  Diagnostics diagnostics;
  load_name(deep_files, "f0", diagnostics);
  CHECK(diagnostics.to_text() == "f16.conf: [INCLUDES] nests deeper than 16 files\n");

  std::map<std::string, std::string> wide;
  for (int i = 0; i < 14; ++i) {
    const std::string next = "g" + std::to_string(i + 1) + ".conf\n";
    wide["g" + std::to_string(i) + ".conf"] =
        "[INCLUDES]\nbefore=" + next + "  " + next + "  " + next;
  }
  MemoryFiles wide_files(wide);
  Diagnostics many;
  load_name(wide_files, "g0", many);
  REQUIRE(many.errors() == 1);
  CHECK(many.list()[0].problem == "more than 4000 files");
}

TEST_CASE("what cannot be read is told") {
  MemoryFiles files({{"a.conf", "[INCLUDES]\nbefore=latin1.conf\n"},
                     {"latin1.conf", "[x]\na=\xE9\n"},
                     {"big.conf", std::string(1024 * 1024 + 1, '\n')}});
  Diagnostics diagnostics;
  load_name(files, "a", diagnostics);
  load_name(files, "big", diagnostics);
  load_name(files, "nosuch", diagnostics);
  load(files, {"typo.conf"}, diagnostics);
  CHECK(diagnostics.to_text() ==
        "latin1.conf: warning: the included file is not valid UTF-8 and is skipped; save it as "
        "UTF-8\n"
        "big.conf: cannot read the file: big.conf: is too large\n"
        "nosuch.conf: there is no such configuration; create it, or nosuch.local\n"
        "typo.conf: cannot read the file: typo.conf: No such file or directory\n");
}

TEST_CASE("the disk is read like memory, and a FIFO does not block") {
  const testing::TemporaryFolder folder;
  folder.write("jails.conf", "[x]\na=1\n");
  folder.write("jails.d/more.conf", "[x]\na=2\n");
  REQUIRE(::mkfifo((folder / "jails.local").c_str(), 0600) == 0);
  DiskFiles disk;
  Diagnostics diagnostics;
  const std::string name = (folder / "jails").string();
  const Document from = load_name(disk, name, diagnostics);
  CHECK(get(from, "x", "a") == "2");
  CHECK(diagnostics.to_text() ==
        name + ".local: cannot read the file: " + name + ".local: is not a regular file\n");
}
