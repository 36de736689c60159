#pragma once

#include "files/difference.h"
#include "util/pace.h"
#include "util/result.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace warder::files {

using Md5Digest = std::array<std::uint8_t, 16>;

// dpkg's own formats (deb-md5sums(5), dpkg-query(1) "Conffiles"; the status file is in the form of
// deb-control(5)). Pure; what is malformed is left out.

// "0123456789abcdef0123456789abcdef  usr/bin/x": the path without a slash in front.
struct SumLine {
  Md5Digest sum{};
  std::string_view path;
};
std::optional<SumLine> parse_sum_line(std::string_view line);

// One installed package of the status file.
struct InstalledPackage {
  std::string name;  // "libc6:amd64" where dpkg names its files so, else "coreutils"
  std::string version;
  // Configuration files, as the package brought them.
  struct Conffile {
    Md5Digest sum{};
    std::string path;  // "/etc/x"
  };
  std::vector<Conffile> conffiles;
};
// Fed line by line; calls `found` for each package that is installed or half way there.
class StatusReader {
 public:
  using Found = std::function<void(const InstalledPackage&)>;
  explicit StatusReader(Found found) : found_(std::move(found)) {}
  void line(std::string_view line);
  void end();

 private:
  const Found found_;
  InstalledPackage package_;
  std::string architecture_;
  bool installed_ = false;
  bool same_ = false;  // Multi-Arch: same
  bool in_conffiles_ = false;
};

// What dpkg's database under `root` knows of files. Reads it when asked and keeps nothing of it but
// what the question was about; /usr merged or not does not matter. Of one thread.
//
// The database lies on the same host: whoever may write it can have a change taken for expected. So
// an expected change is told all the same, with both digests.
class Packages {
 public:
  explicit Packages(std::filesystem::path root);

  // Names the package in those differences that it explains:
  //   content   MD5 of what is there now is that of the package, and nothing but size, times and
  //             content has changed; a new file belongs to the owner of the database, gives no
  //             rights and is not writable by others
  //   folders   new ones, of the same owner and not writable by others, that a package lists
  //   links     that a package lists, to what the same package brings
  //   missing   a package had it when the baseline was made, and no package lists it now
  // Without a database nothing is named. kUnavailable when Pace ends it.
  util::Status explain(std::span<Difference> differences, Fields fields, util::Pace& pace) const;

  // Which paths belong to packages, as sorted hashes: 8 bytes each.
  class Paths {
   public:
    bool contains(const Packages& packages, std::string_view path) const;

   private:
    friend class Packages;
    std::vector<std::uint64_t> hashes_;
  };
  Paths paths() const;

 private:
  // As dpkg names it: under the root, "/bin/x" as "/usr/bin/x" where /bin is a link to usr/bin.
  // Empty: not under the root.
  std::string canonical(std::string_view path) const;
  std::string canonical_of_package(std::string_view name) const;

  const std::filesystem::path root_;
  std::vector<std::string> merged_;  // "/bin": a link to "usr/bin"
};

}  // namespace warder::files
