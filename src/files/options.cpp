#include "files/options.h"

#include "config/plain_name.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>

namespace warder::files {
namespace {

using config::Change;
using config::Key;
using config::Type;
using std::chrono::seconds;

// In the order of model::Severity.
constexpr std::string_view kWatching[] = {"inotify", "fanotify", "no"};
constexpr std::string_view kExpected[] = {"dpkg", "none"};

constexpr Key kKeys[] = {
    {.name = "enabled",
     .type = Type::kBool,
     .fallback = "no",
     .change = Change::kLive,
     .text = "Whether these files are watched.",
     .example = "yes"},
    {.name = "paths",
     .type = Type::kLines,
     .fallback = "",
     .most = "1000",
     .change = Change::kLive,
     .text = "Files and folders, one absolute path a line; of a folder everything below. * and ? "
             "stand for anything within a name. Links are looked at, never followed.",
     .example = "/etc"},
    {.name = "exclude",
     .type = Type::kLines,
     .fallback = "",
     .most = "1000",
     .change = Change::kLive,
     .text = "What is left out, one absolute path a line; of a folder everything below. * and ? as "
             "in `paths`, ** also across folders.",
     .example = "/etc/**/*.swp"},
    {.name = "fields",
     .type = Type::kWords,
     .fallback = "mode owner group size content link attributes",
     .least = "1",
     .choices = kFieldNames,
     .change = Change::kLive,
     .text = "What is compared with the baseline: rights, user, group, size, SHA-256 of the "
             "content, where a link leads, attributes (file capabilities and access lists), time "
             "of the last change. Another kind of file, a new and a missing one are told in any "
             "case.",
     .example = "mode owner group content"},
    {.name = "every",
     .type = Type::kDuration,
     .fallback = "1d",
     .least = "1s",
     .most = "90d",
     .change = Change::kLive,
     .text = "How often all content is read and compared.",
     .example = "12h"},
    {.name = "quick_every",
     .type = Type::kDuration,
     .fallback = "1h",
     .least = "0s",
     .most = "90d",
     .change = Change::kLive,
     .text = "How often everything is looked at, and read only where size, times or inode are "
             "others than in the baseline. 0s: never.",
     .example = "15m"},
    {.name = "budget",
     .type = Type::kBytes,
     .fallback = "20M",
     .change = Change::kLive,
     .text = "How much is read in a second, so that a scan leaves the disk to the services. 0: no "
             "limit but the lowest priority.",
     .example = "5M"},
    {.name = "largest_file",
     .type = Type::kBytes,
     .fallback = "1G",
     .least = "4K",
     .change = Change::kLive,
     .text = "The content of a larger file is not read: its size, times and inode stand for it.",
     .example = "100M"},
    {.name = "watch",
     .type = Type::kEnum,
     .fallback = "inotify",
     .choices = kWatching,
     .change = Change::kLive,
     .text = "Who tells of changes between the scans. fanotify names the process and its user too, "
             "and needs CAP_SYS_ADMIN (systemd/README.md); without it inotify is used. no: scans "
             "alone.",
     .example = "fanotify"},
    {.name = "expected",
     .type = Type::kEnum,
     .fallback = "dpkg",
     .choices = kExpected,
     .change = Change::kLive,
     .text = "dpkg: content that agrees with the sums of an installed package is told as expected, "
             "with the package and its version, and taken into the baseline. none: every change is "
             "told as one.",
     .example = "none"},
    {.name = "packages_root",
     .type = Type::kPath,
     .fallback = "/",
     .change = Change::kLive,
     .text = "The folder that the package manager takes for /: of a container's files, the "
             "container's root.",
     .example = "/srv/container"},
    {.name = "destinations",
     .type = Type::kWords,
     .fallback = "",
     .change = Change::kLive,
     .text = "Where these alerts go, by the names of destinations. Empty: to each destination that "
             "wants such events.",
     .example = "ops"},
    {.name = "severity",
     .type = Type::kEnum,
     .fallback = "high",
     .choices = model::kSeverityNames,
     .change = Change::kLive,
     .text = "How severe a changed or missing file is, and a new one that runs with the rights of "
             "its owner. Other new files are a warning at most.",
     .example = "critical"},
};

constexpr config::Table kTable{
    .section = "files *",
    .text =
        "Files whose owner, rights and content are compared with a signed baseline, under a "
        "name of their own. They stand among the jails, in files and in the vault's document "
        "`jails`.",
    .keys = kKeys};

}  // namespace

const config::Table& files_table() { return kTable; }

FilesOptions files_options(const config::Values& values, config::Diagnostics& diagnostics) {
  FilesOptions options;
  options.name = values.name();
  options.enabled = values.boolean("enabled");
  if (!config::is_plain_name(options.name)) {
    diagnostics.error(values.section_place(),
                      "the name of a section [files NAME] consists of at most 64 letters, digits, "
                      "'.', '_' and '-', and begins with a letter or digit");
  }
  auto scope = Scope::parse(values.list("paths"), values.list("exclude"));
  if (scope) {
    options.scope = std::move(*scope);
  } else {
    const bool paths_are_good = Scope::parse(values.list("paths"), {}).has_value();
    diagnostics.add(values.about(paths_are_good ? "exclude" : "paths", scope.error().message()));
  }
  if (options.enabled && values.list("paths").empty()) {
    diagnostics.add(values.about("paths", "is needed: which files and folders are watched?"));
  }
  for (const std::string& word : values.list("fields")) {
    for (std::size_t i = 0; i < std::size(kFieldNames); ++i) {
      options.fields.set(i, options.fields.test(i) || kFieldNames[i] == word);
    }
  }
  options.every = std::chrono::ceil<seconds>(values.duration("every"));
  options.quick_every = std::chrono::ceil<seconds>(values.duration("quick_every"));
  options.budget = values.bytes("budget");
  options.largest_file = values.bytes("largest_file");
  options.watching = values.choice<Watching>("watch");
  options.expects_packages = values.choice_index("expected") == 0;
  options.root = values.path("packages_root");
  options.destinations = values.list("destinations");
  options.severity = values.choice<model::Severity>("severity");
  return options;
}

}  // namespace warder::files
