#include "backup/remote_copies.h"

#include "backup/streams.h"
#include "util/file.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <set>

namespace warder::backup {
namespace {

using util::Error;
using util::ErrorCode;

// What a storage sends is held in memory only up to a limit.
class TextSink : public util::ByteSink {
 public:
  explicit TextSink(std::size_t limit) : limit_(limit) {}
  util::Status write(util::ByteView bytes) override {
    if (text_.size() + bytes.size() > limit_) {
      return Error(ErrorCode::kInvalid, "it is longer than a manifest may be");
    }
    text_ += util::as_text(bytes);
    return {};
  }
  const std::string& text() const { return text_; }

 private:
  std::size_t limit_;
  std::string text_;
};

Progress progress_of(const StageProgress& progress, std::string stage, std::uint64_t total) {
  if (!progress) {
    return {};
  }
  return [progress, stage = std::move(stage), total](std::uint64_t done) {
    return progress(stage, done, total);
  };
}

}  // namespace

util::Result<std::vector<Stamp>> RemoteCopies::list() {
  auto objects = storage_.list(name_ + '-');
  if (!objects) {
    return objects.error().with_context(storage_.describe());
  }
  sizes_.clear();
  std::set<Stamp> all;
  for (const storage::Object& object : *objects) {
    sizes_.emplace(object.name, object.bytes);
    if (const auto stamp = stamp_of_manifest(name_, object.name)) {
      all.insert(*stamp);
    }
  }
  std::vector<Stamp> newest;
  for (const Stamp& stamp : all) {
    if (!newest.empty() && newest.back().time == stamp.time) {
      newest.back() = stamp;
    } else {
      newest.push_back(stamp);
    }
  }
  return newest;
}

std::string RemoteCopies::fault(const Manifest& manifest) const {
  for (const BackupFile& file : manifest.files) {
    const auto found = sizes_.find(file.name);
    if (found == sizes_.end()) {
      return fmt::format("{} is not there", file.name);
    }
    if (found->second != file.stored.bytes) {
      return fmt::format("{} has {} bytes instead of {}", file.name, found->second,
                         file.stored.bytes);
    }
  }
  return {};
}

util::Result<ReadManifest> RemoteCopies::manifest(const Stamp& stamp) {
  TextSink text(kLongestManifest);
  const std::string name = manifest_name(name_, stamp);
  if (const util::Status got = storage_.get(name, text); !got) {
    return got.error().with_context(fmt::format("{}: {}", storage_.describe(), name));
  }
  auto read = read_manifest(text.text());
  if (!read) {
    return read.error().with_context(fmt::format("{}: {}", storage_.describe(), name));
  }
  if (read->manifest.name != name_ || read->manifest.stamp != stamp) {
    return Error(ErrorCode::kInvalid, fmt::format("{}: {} is the manifest of another backup",
                                                  storage_.describe(), name));
  }
  return read;
}

util::Status RemoteCopies::put_file(const std::filesystem::path& file, const std::string& name,
                                    const Digest& expected, const StageProgress& progress) {
  WARDER_RETURN_IF_ERROR(
      storage_.put(file, name, progress_of(progress, "uploading", expected.bytes)));
  DigestSink back(nullptr, progress_of(progress, "reading back", expected.bytes));
  if (const util::Status got = storage_.get(name, back); !got) {
    return got.error().with_context(fmt::format("reading {} back", name));
  }
  WARDER_RETURN_IF_ERROR(back.finish());
  if (back.digest() != expected) {
    return Error(
        ErrorCode::kInvalid,
        fmt::format("{} came back with other bytes than were sent: the copy does not count", name));
  }
  return {};
}

util::Status RemoteCopies::put(const Folder& folder, const Entry& entry,
                               const StageProgress& progress) {
  const auto bring = [&]() -> util::Status {
    for (const BackupFile& file : entry.manifest->manifest.files) {
      WARDER_RETURN_IF_ERROR(put_file(folder.file(file.name), file.name, file.stored, progress));
    }
    const std::string name = manifest_name(name_, entry.stamp);
    WARDER_ASSIGN_OR_RETURN(const Digest expected, digest_of_file(folder.file(name)));
    WARDER_RETURN_IF_ERROR(put_file(folder.file(name), name, expected, progress));
    for (std::uint32_t older = 0; older < entry.stamp.revision; ++older) {
      WARDER_RETURN_IF_ERROR(remove({entry.stamp.time, older}));
    }
    return {};
  };
  const util::Status done = bring();
  return done ? done : done.error().with_context(storage_.describe());
}

util::Status RemoteCopies::fetch(const Stamp& stamp, const Folder& into,
                                 const StageProgress& progress) {
  WARDER_ASSIGN_OR_RETURN(const ReadManifest read, manifest(stamp));
  for (const BackupFile& file : read.manifest.files) {
    WARDER_ASSIGN_OR_RETURN(FileSink disk, FileSink::create(into.making(file.name)));
    DigestSink digest(&disk, progress_of(progress, "fetching", file.stored.bytes));
    if (const util::Status got = storage_.get(file.name, digest); !got) {
      return got.error().with_context(fmt::format("{}: {}", storage_.describe(), file.name));
    }
    WARDER_RETURN_IF_ERROR(digest.finish());
    if (digest.digest() != file.stored) {
      return Error(ErrorCode::kInvalid, fmt::format("{}: {} has other bytes than its manifest says",
                                                    storage_.describe(), file.name));
    }
  }
  // The manifest as it lies there: rewriting it would break its seal.
  TextSink text(kLongestManifest);
  const std::string name = manifest_name(name_, stamp);
  if (const util::Status got = storage_.get(name, text); !got) {
    return got.error().with_context(fmt::format("{}: {}", storage_.describe(), name));
  }
  WARDER_RETURN_IF_ERROR(util::write_file_atomically(into.making(name), text.text(), 0600));
  return into.publish(read.manifest, [] {});
}

util::Status RemoteCopies::remove(const Stamp& stamp) {
  const std::string manifest = manifest_name(name_, stamp);
  const std::string base = manifest.substr(0, manifest.size() - std::string_view("json").size());
  WARDER_ASSIGN_OR_RETURN(const std::vector<storage::Object> objects, storage_.list(base));
  const auto remove_if_there = [&](const std::string& name) -> util::Status {
    const bool there = std::ranges::any_of(
        objects, [&](const storage::Object& object) { return object.name == name; });
    return there ? storage_.remove(name) : util::Status();
  };
  WARDER_RETURN_IF_ERROR(remove_if_there(manifest));
  for (const std::string& name : file_names(name_, stamp)) {
    WARDER_RETURN_IF_ERROR(remove_if_there(name));
  }
  return {};
}

util::Status RemoteCopies::remove_superseded(
    const std::function<bool(const ReadManifest&)>& is_genuine) {
  std::map<Stamp, bool> judged;
  const auto may_replace = [&](const Stamp& stamp) {
    const auto [found, fresh] = judged.try_emplace(stamp, false);
    if (fresh) {
      const auto read = manifest(stamp);
      found->second = read && is_genuine(*read);
    }
    return found->second;
  };
  WARDER_ASSIGN_OR_RETURN(const std::vector<Stamp> newest, list());
  WARDER_ASSIGN_OR_RETURN(const std::vector<storage::Object> objects, storage_.list(name_ + '-'));
  for (const storage::Object& object : objects) {
    std::optional<Stamp> stamp = stamp_of_manifest(name_, object.name);
    if (!stamp) {
      const auto parts = parse_file_name(object.name);
      if (!parts || parts->name != name_) {
        continue;
      }
      stamp = parts->stamp;
    }
    const bool superseded = std::ranges::any_of(newest, [&](const Stamp& one) {
      return one.time == stamp->time && one.revision > stamp->revision && may_replace(one);
    });
    if (superseded) {
      WARDER_RETURN_IF_ERROR(storage_.remove(object.name));
    }
  }
  return {};
}

}  // namespace warder::backup
