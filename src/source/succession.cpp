#include "source/succession.h"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <memory>
#include <string_view>
#include <sys/stat.h>
#include <utility>

namespace warder::source {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

// Newest first. By name where all names have one form, else by the time of the last change.
void sort_by_age(std::vector<Candidate>& files) {
  const bool by_name = std::all_of(files.begin(), files.end(), [&](const Candidate& file) {
    return compare_age(*files.front().rolled, *file.rolled) != Age::kUnknown;
  });
  std::sort(files.begin(), files.end(), [&](const Candidate& a, const Candidate& b) {
    if (by_name) {
      const Age age = compare_age(*a.rolled, *b.rolled);
      return age == Age::kSame ? a.compression < b.compression : age == Age::kNewer;
    }
    return a.facts.modified != b.facts.modified ? a.facts.modified > b.facts.modified
                                                : a.path > b.path;
  });
}

std::vector<Candidate> list_rolled(const std::string& real_path) {
  std::vector<Candidate> files;
  const std::size_t slash = real_path.rfind('/');
  const std::string folder = real_path.substr(0, slash + 1);
  const std::string name = real_path.substr(slash + 1);
  const std::unique_ptr<DIR, CloseFolder> listing(::opendir(folder.c_str()));
  if (!listing) {
    return files;
  }
  while (const dirent* const entry = ::readdir(listing.get())) {
    std::optional<RolledName> rolled = parse_rolled(name, entry->d_name);
    if (!rolled) {
      continue;
    }
    Candidate file;
    file.path = folder + entry->d_name;
    const FactsResult looked = facts_of_path(file.path);
    if (!looked.facts || !S_ISREG(looked.facts->mode)) {
      continue;
    }
    file.facts = *looked.facts;
    file.compression = rolled->compression;
    file.rolled = std::move(rolled);
    files.push_back(std::move(file));
  }
  if (files.empty()) {
    return files;
  }
  sort_by_age(files);
  // While a file is being compressed both stand there; the whole one counts.
  const auto same = [](const Candidate& a, const Candidate& b) {
    return a.rolled->suffix == b.rolled->suffix && b.compression != Compression::kNone;
  };
  files.erase(std::unique(files.begin(), files.end(), same), files.end());
  return files;
}

bool content_matches(const Generation& generation, const Candidate& file, const ReadAt& read_at) {
  if (file.compression == Compression::kOther ||
      (file.compression == Compression::kNone && file.facts.size < generation.offset())) {
    return false;
  }
  const OpenedReader opened = open_reader(file.path, file.compression, read_at);
  if (!opened.reader) {
    return false;
  }
  return generation.offset() == 0 && generation.is_open() ? generation.begins_like(*opened.reader)
                                                          : generation.matches(*opened.reader);
}

bool same_file(const Generation& generation, const Candidate& file, const ReadAt& read_at) {
  if (generation.detached) {
    return false;
  }
  if (generation.pinned()) {
    return generation.identity() == file.facts.identity;
  }
  if (!may_be_same(generation.identity(), file.facts.identity)) {
    return false;
  }
  return generation.offset() == 0 || content_matches(generation, file, read_at);
}

bool same_content(const Generation& generation, const Candidate& file, const ReadAt& read_at) {
  if (generation.pinned() && !generation.unlinked()) {
    return false;
  }
  if (!file.rolled && generation.offset() < LineCursor::kTail) {
    return false;
  }
  return content_matches(generation, file, read_at);
}

bool is_claimed(const Succession& succession, const Generation& generation) {
  return std::any_of(succession.candidates.begin(), succession.candidates.end(),
                     [&](const Candidate& file) { return file.generation == &generation; });
}

using Same = bool (*)(const Generation&, const Candidate&, const ReadAt&);

void claim(const Generations& generations, Succession& succession, Same same, const ReadAt& read_at,
           bool by_content) {
  for (auto place = generations.rbegin(); place != generations.rend(); ++place) {
    Generation& generation = **place;
    if (is_claimed(succession, generation)) {
      continue;
    }
    // Of what was read to its end only the newest is wanted still, to tell what is newer.
    if (by_content && generation.dormant && place != generations.rbegin()) {
      continue;
    }
    for (Candidate& file : succession.candidates) {
      if (file.generation == nullptr && same(generation, file, read_at)) {
        file.generation = &generation;
        file.moved_in = by_content;
        break;
      }
    }
  }
}

void claim_cut(Generation& newest, Succession& succession, const ReadAt& read_at) {
  if (newest.is_open() || newest.detached || newest.offset() == 0 ||
      is_claimed(succession, newest)) {
    return;
  }
  for (Candidate& file : succession.candidates) {
    if (file.generation != nullptr || file.compression != Compression::kNone ||
        !may_be_same(newest.identity(), file.facts.identity)) {
      continue;
    }
    const OpenedReader opened = open_reader(file.path, file.compression, read_at);
    if (opened.reader) {
      file.cut_at = newest.cut_short(*opened.reader, file.facts);
    }
    if (file.cut_at) {
      file.generation = &newest;
      return;
    }
  }
}

// Copied from the file at the path, and that one not truncated yet: it has these lines itself. A
// file renamed away was made before the one at the path, a copy after it.
bool is_copy(const Candidate& file, const Candidate& current, const ReadAt& read_at) {
  if (file.compression != Compression::kNone || file.facts.size == 0 ||
      file.facts.size > current.facts.size) {
    return false;
  }
  const std::int64_t born = file.facts.identity.birth;
  const std::int64_t current_born = current.facts.identity.birth;
  if (born != 0 && current_born != 0 ? born < current_born : file.facts.size < LineCursor::kTail) {
    return false;
  }
  const OpenedReader copy = open_reader(file.path, file.compression, read_at);
  const OpenedReader original = open_reader(current.path, current.compression, read_at);
  if (!copy.reader || !original.reader) {
    return false;
  }
  const std::uint64_t size = file.facts.size;
  const auto same = [&](std::uint64_t offset, std::uint32_t length) {
    const auto bytes = fingerprint_at(*copy.reader, offset, length);
    return bytes && bytes == fingerprint_at(*original.reader, offset, length);
  };
  const auto head = static_cast<std::uint32_t>(std::min<std::uint64_t>(size, kLongestHead));
  return same(0, head) &&
         same(size - std::min<std::uint64_t>(size, LineCursor::kTail),
              static_cast<std::uint32_t>(std::min<std::uint64_t>(size, LineCursor::kTail)));
}

void find_fresh(const Generations& generations, Succession& succession, const ReadAt& read_at) {
  std::vector<Candidate>& files = succession.candidates;
  if (generations.empty()) {
    if (succession.has_current) {
      succession.fresh.push_back(0);
    }
    return;
  }
  const Generation& newest = *generations.back();
  const auto known = [](const Candidate& file) { return file.generation != nullptr; };
  const auto first_known = std::find_if(files.begin(), files.end(), known);
  const bool newest_found = first_known != files.end() && first_known->generation == &newest;
  const auto end = static_cast<std::size_t>(first_known - files.begin());
  for (std::size_t i = end; i-- > 0;) {
    const Candidate& file = files[i];
    // Equal counts: clocks of file systems tick in milliseconds, and twice is better than never.
    const bool later = newest_found || !file.rolled || file.facts.modified >= newest.modified();
    const bool copy = file.rolled && succession.has_current &&
                      files.front().generation == nullptr && is_copy(file, files.front(), read_at);
    if (later && !copy) {
      succession.fresh.push_back(i);
    }
  }
}

}  // namespace

Succession find_succession(const Generations& generations, const LookedAt& now,
                           const std::string& real_path, const ReadAt& read_at) {
  Succession succession;
  if (now.state == LookedAt::State::kRegular && now.facts) {
    Candidate current;
    current.path = now.path;
    current.facts = *now.facts;
    succession.candidates.push_back(std::move(current));
    succession.has_current = true;
  }
  if (!generations.empty()) {
    for (Candidate& file : list_rolled(real_path)) {
      succession.candidates.push_back(std::move(file));
    }
  }
  claim(generations, succession, same_file, read_at, false);
  if (!generations.empty()) {
    claim_cut(*generations.back(), succession, read_at);
  }
  claim(generations, succession, same_content, read_at, true);
  for (const std::unique_ptr<Generation>& generation : generations) {
    if (!is_claimed(succession, *generation)) {
      succession.not_found.push_back(generation.get());
    }
  }
  find_fresh(generations, succession, read_at);
  return succession;
}

}  // namespace warder::source
