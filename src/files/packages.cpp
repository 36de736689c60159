#include "files/packages.h"

#include "files/scope.h"
#include "util/descriptor.h"
#include "util/encoding.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <map>
#include <memory>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace warder::files {
namespace {

constexpr std::size_t kLongestLine = 8192;
constexpr std::size_t kBuffer = std::size_t{64} << 10U;
constexpr unsigned kWritableByOthers = S_IWGRP | S_IWOTH;
constexpr std::string_view kSums = ".md5sums";
constexpr std::string_view kList = ".list";

util::Error stopped() { return util::Error(util::ErrorCode::kUnavailable, "the scan was ended"); }

// Each line of a file; longer ones than kLongestLine are left out. False when it cannot be opened.
template <typename Use>
bool each_line(const std::string& path, Use use) {
  const util::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) {
    return false;
  }
  const auto buffer = std::make_unique_for_overwrite<char[]>(kBuffer);
  std::string line;
  bool too_long = false;
  const auto end_line = [&] {
    if (!too_long) {
      use(std::string_view(line));
    }
    line.clear();
    too_long = false;
  };
  while (true) {
    const ssize_t got = ::read(file.get(), buffer.get(), kBuffer);
    if (got <= 0) {
      break;
    }
    std::string_view bytes(buffer.get(), static_cast<std::size_t>(got));
    while (!bytes.empty()) {
      const std::size_t newline = bytes.find('\n');
      const std::string_view part = bytes.substr(0, newline);
      too_long = too_long || line.size() + part.size() > kLongestLine;
      if (!too_long) {
        line += part;
      }
      if (newline == std::string_view::npos) {
        break;
      }
      end_line();
      bytes.remove_prefix(newline + 1);
    }
  }
  if (!line.empty()) {
    end_line();
  }
  return true;
}

// "name: value" of a control file; the value of the field `name`, if it is that.
std::optional<std::string_view> field(std::string_view line, std::string_view name) {
  if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ':') {
    return std::nullopt;
  }
  return util::trim(line.substr(name.size() + 1));
}

std::optional<Md5Digest> parse_md5(std::string_view text) {
  const auto bytes = util::from_hex(text);
  Md5Digest sum{};
  if (!bytes || bytes->size() != sum.size()) {
    return std::nullopt;
  }
  std::copy(bytes->begin(), bytes->end(), sum.begin());
  return sum;
}

struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// MD5 of a file, when its SHA-256 is still `expected`: what is asked about is what was told.
util::Result<std::optional<Md5Digest>> md5_of(const std::string& path,
                                              const crypto::Sha256Digest& expected,
                                              util::Pace& pace) {
  const util::Descriptor file(
      ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat info{};
  if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return std::optional<Md5Digest>();
  }
  const std::unique_ptr<EVP_MD_CTX, FreeDigest> context(EVP_MD_CTX_new());
  // Hosts in FIPS mode have no MD5: nothing is expected there.
  if (context == nullptr || EVP_DigestInit_ex(context.get(), EVP_md5(), nullptr) != 1) {
    return std::optional<Md5Digest>();
  }
  crypto::Sha256 sha256;
  const auto buffer = std::make_unique_for_overwrite<std::uint8_t[]>(kBuffer);
  std::uint64_t total = 0;
  while (true) {
    const ssize_t got = ::read(file.get(), buffer.get(), kBuffer);
    if (got <= 0 || total > static_cast<std::uint64_t>(info.st_size)) {
      break;
    }
    const auto length = static_cast<std::size_t>(got);
    total += length;
    sha256.update(util::ByteView(buffer.get(), length));
    EVP_DigestUpdate(context.get(), buffer.get(), length);
    if (!pace.spend(length)) {
      return stopped();
    }
  }
  Md5Digest sum{};
  EVP_DigestFinal_ex(context.get(), sum.data(), nullptr);
  return sha256.finish() == expected ? std::optional(sum) : std::nullopt;
}

std::uint64_t hash_of(std::string_view text) { return std::hash<std::string_view>()(text); }

std::vector<std::string> info_files(const std::filesystem::path& root, std::string_view ending) {
  std::vector<std::string> files;
  std::error_code error;
  for (std::filesystem::directory_iterator each(root / "var/lib/dpkg/info", error), none;
       !error && each != none; each.increment(error)) {
    std::string file = each->path().string();
    if (file.ends_with(ending)) {
      files.push_back(std::move(file));
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string package_of(std::string_view file, std::string_view ending) {
  file.remove_prefix(file.rfind('/') + 1);
  return std::string(file.substr(0, file.size() - ending.size()));
}

// Where a link leads, said from the root: "/usr/lib/x.so.1". Dots are taken away as text.
std::string destination(std::string_view link_path, std::string_view target) {
  std::vector<std::string_view> names;
  if (!target.starts_with('/')) {
    names = util::split_words(link_path, "/");
    names.pop_back();
  }
  for (const std::string_view name : util::split_words(target, "/")) {
    if (name == "..") {
      if (!names.empty()) {
        names.pop_back();
      }
    } else if (name != ".") {
      names.push_back(name);
    }
  }
  std::string path;
  for (const std::string_view name : names) {
    path += fmt::format("/{}", name);
  }
  return path;
}

enum class Question : std::uint8_t { kContent, kFolder, kLink, kMissing, kNone };

// What a package would have to say about it; kNone: nothing it could say makes it expected.
Question question_of(const Difference& difference, Fields fields, std::uint32_t owner) {
  if (!difference.after) {
    return difference.before && difference.before->packaged ? Question::kMissing : Question::kNone;
  }
  const Entry& after = *difference.after;
  if (difference.before) {
    const Changes changes = difference.changes(fields);
    if (changes.type || !changes.access.empty()) {
      return Question::kNone;
    }
    for (const FieldChange& change : changes.fields) {
      if (change.field != Field::kContent && change.field != Field::kSize &&
          change.field != Field::kTime && change.field != Field::kLink) {
        return Question::kNone;
      }
    }
  } else if (after.owner != owner || gives_rights(after) || after.attributes != 0 ||
             (after.type != FileType::kLink && (after.mode & kWritableByOthers) != 0)) {
    return Question::kNone;
  }
  switch (after.type) {
    case FileType::kFile:
      return after.content == Content::kRead ? Question::kContent : Question::kNone;
    case FileType::kFolder:
      return difference.before ? Question::kNone : Question::kFolder;
    case FileType::kLink:
      return Question::kLink;
    default:
      return Question::kNone;
  }
}

struct Asked {
  Difference* difference = nullptr;
  Question question = Question::kNone;
  std::optional<Md5Digest> sum;  // of the content; taken when a package names the path
  bool sum_is_taken = false;
  bool listed = false;      // of kMissing
  std::string destination;  // of kLink
};

}  // namespace

std::optional<SumLine> parse_sum_line(std::string_view line) {
  constexpr std::size_t kDigits = 32;
  if (line.size() < kDigits + 3 || line[kDigits] != ' ' || line[kDigits + 1] != ' ') {
    return std::nullopt;
  }
  const auto sum = parse_md5(line.substr(0, kDigits));
  if (!sum) {
    return std::nullopt;
  }
  return SumLine{*sum, line.substr(kDigits + 2)};
}

void StatusReader::line(std::string_view line) {
  if (line.empty()) {
    end();
    return;
  }
  if (line.front() == ' ' || line.front() == '\t') {
    // " /etc/x 0123... obsolete"
    const std::vector<std::string_view> words = util::split_words(line);
    if (in_conffiles_ && words.size() >= 2 && words[0].starts_with('/')) {
      if (const auto sum = parse_md5(words[1])) {
        package_.conffiles.push_back({*sum, std::string(words[0])});
      }
    }
    return;
  }
  in_conffiles_ = field(line, "Conffiles").has_value();
  if (const auto name = field(line, "Package")) {
    package_.name = *name;
  } else if (const auto version = field(line, "Version")) {
    package_.version = *version;
  } else if (const auto architecture = field(line, "Architecture")) {
    architecture_ = *architecture;
  } else if (const auto status = field(line, "Status")) {
    const std::vector<std::string_view> words = util::split_words(*status);
    installed_ = words.size() == 3 && words[2] != "config-files" && words[2] != "not-installed";
  } else if (const auto multi = field(line, "Multi-Arch")) {
    same_ = *multi == "same";
  }
}

void StatusReader::end() {
  if (installed_ && !package_.name.empty()) {
    if (same_) {
      package_.name += fmt::format(":{}", architecture_);
    }
    found_(package_);
  }
  package_ = {};
  architecture_.clear();
  installed_ = same_ = in_conffiles_ = false;
}

Packages::Packages(std::filesystem::path root) : root_(std::move(root)) {
  for (const char* const name : {"bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32"}) {
    std::error_code error;
    const std::filesystem::path target = std::filesystem::read_symlink(root_ / name, error);
    if (!error && (target == std::filesystem::path("usr") / name ||
                   target == std::filesystem::path("/usr") / name)) {
      merged_.push_back(fmt::format("/{}", name));
    }
  }
}

std::string Packages::canonical_of_package(std::string_view name) const {
  std::string path = name.starts_with('/') ? std::string(name) : fmt::format("/{}", name);
  for (const std::string& merged : merged_) {
    if (is_within(path, merged)) {
      return "/usr" + path;
    }
  }
  return path;
}

std::string Packages::canonical(std::string_view path) const {
  const std::string root = root_.string();
  if (root != "/") {
    if (!is_within(path, root)) {
      return {};
    }
    path.remove_prefix(root.size());
  }
  return canonical_of_package(path);
}

util::Status Packages::explain(std::span<Difference> differences, Fields fields,
                               util::Pace& pace) const {
  struct stat database{};
  if (::stat((root_ / "var/lib/dpkg/status").c_str(), &database) != 0) {
    return {};
  }
  std::map<std::string, Asked, std::less<>> asked;
  bool lists = false;
  for (Difference& difference : differences) {
    const Question question = question_of(difference, fields, database.st_uid);
    std::string path = canonical(difference.path);
    if (question == Question::kNone || path.empty()) {
      continue;
    }
    lists = lists || question != Question::kContent;
    Asked one;
    one.difference = &difference;
    one.question = question;
    if (question == Question::kLink) {
      one.destination = canonical_of_package(destination(path, difference.after->link));
    }
    asked.emplace(std::move(path), std::move(one));
  }
  if (asked.empty()) {
    return {};
  }
  util::Status failed;
  // Does the package's sum fit what is there?
  const auto judge = [&](std::string_view name, const Md5Digest& sum, const std::string& package) {
    const auto found = asked.find(canonical_of_package(name));
    if (found == asked.end() || found->second.question != Question::kContent || !failed) {
      return;
    }
    Asked& one = found->second;
    if (!one.sum_is_taken) {
      auto taken = md5_of(one.difference->path, one.difference->after->digest, pace);
      if (!taken) {
        failed = taken.error();
        return;
      }
      one.sum = *taken;
      one.sum_is_taken = true;
    }
    if (one.sum == sum) {
      one.difference->package = util::printable(package, 128);
    }
  };
  for (const std::string& file : info_files(root_, kSums)) {
    const std::string package = package_of(file, kSums);
    each_line(file, [&](std::string_view line) {
      if (const auto sum = parse_sum_line(line)) {
        judge(sum->path, sum->sum, package);
      }
    });
    WARDER_RETURN_IF_ERROR(failed);
  }
  for (const std::string& file : lists ? info_files(root_, kList) : std::vector<std::string>()) {
    const std::string package = package_of(file, kList);
    std::vector<Asked*> links;
    std::set<std::string, std::less<>> wanted;  // destinations of this package's links
    each_line(file, [&](std::string_view line) {
      const auto found = line.empty() ? asked.end() : asked.find(canonical_of_package(line));
      if (found == asked.end()) {
        return;
      }
      Asked& one = found->second;
      one.listed = true;
      if (one.question == Question::kFolder) {
        one.difference->package = util::printable(package, 128);
      } else if (one.question == Question::kLink) {
        links.push_back(&one);
        wanted.insert(one.destination);
      }
    });
    if (links.empty()) {
      continue;
    }
    std::set<std::string, std::less<>> brought;
    each_line(file, [&](std::string_view line) {
      if (std::string path = canonical_of_package(line); wanted.contains(path)) {
        brought.insert(std::move(path));
      }
    });
    for (Asked* const link : links) {
      if (brought.contains(link->destination)) {
        link->difference->package = util::printable(package, 128);
      }
    }
  }
  for (auto& [path, one] : asked) {
    if (one.question == Question::kMissing && !one.listed) {
      one.difference->package = "no package any more";
    }
  }
  // Versions, and the configuration files that stand in the status file only.
  std::map<std::string, std::string, std::less<>> versions;
  StatusReader status([&](const InstalledPackage& package) {
    for (const InstalledPackage::Conffile& conffile : package.conffiles) {
      judge(conffile.path, conffile.sum, package.name);
    }
    versions[package.name] = package.version;
  });
  each_line((root_ / "var/lib/dpkg/status").string(),
            [&](std::string_view line) { status.line(line); });
  status.end();
  WARDER_RETURN_IF_ERROR(failed);
  for (auto& [path, one] : asked) {
    std::string& package = one.difference->package;
    if (const auto version = versions.find(package); version != versions.end()) {
      package = util::printable(fmt::format("{} {}", package, version->second), 200);
    } else if (one.question != Question::kMissing) {
      package.clear();  // files of a package that is not installed say nothing
    }
  }
  return {};
}

Packages::Paths Packages::paths() const {
  Paths paths;
  for (const std::string& file : info_files(root_, kList)) {
    each_line(file, [&](std::string_view line) {
      paths.hashes_.push_back(hash_of(canonical_of_package(line)));
    });
  }
  std::sort(paths.hashes_.begin(), paths.hashes_.end());
  paths.hashes_.erase(std::unique(paths.hashes_.begin(), paths.hashes_.end()), paths.hashes_.end());
  return paths;
}

bool Packages::Paths::contains(const Packages& packages, std::string_view path) const {
  const std::string canonical = packages.canonical(path);
  return !canonical.empty() &&
         std::binary_search(hashes_.begin(), hashes_.end(), hash_of(canonical));
}

}  // namespace warder::files
