#include "backup/stamp.h"

#include "config/plain_name.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace warder::backup {
namespace {

constexpr std::string_view kFormats[] = {"sql_dump", "binary", "full", "vault"};
constexpr std::string_view kEndings[] = {".sql.gz", ".sqlite3.gz", ".tar.gz", ".snap.gz"};
constexpr std::size_t kTimeLength = 16;  // 20261125T155057Z

}  // namespace

std::string_view to_string(Format format) { return kFormats[static_cast<std::size_t>(format)]; }

std::optional<Format> parse_format(std::string_view name) {
  const auto* const found = std::ranges::find(kFormats, name);
  if (found == std::end(kFormats)) {
    return std::nullopt;
  }
  return static_cast<Format>(found - std::begin(kFormats));
}

std::string Stamp::to_string() const {
  std::string text = util::format_rfc3339(time).substr(0, 19) + 'Z';
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return revision == 0 ? text : fmt::format("{}.r{}", text, revision);
}

std::optional<Stamp> parse_stamp(std::string_view text) {
  if (text.size() < kTimeLength) {
    return std::nullopt;
  }
  const std::string_view t = text.substr(0, kTimeLength);
  for (std::size_t i = 0; i < kTimeLength; ++i) {
    const bool digit = t[i] >= '0' && t[i] <= '9';
    if (i == 8 ? t[i] != 'T' : i == 15 ? t[i] != 'Z' : !digit) {
      return std::nullopt;
    }
  }
  const auto time = util::parse_rfc3339(fmt::format("{}-{}-{}T{}:{}:{}Z", t.substr(0, 4),
                                                    t.substr(4, 2), t.substr(6, 2), t.substr(9, 2),
                                                    t.substr(11, 2), t.substr(13, 2)));
  if (!time) {
    return std::nullopt;
  }
  Stamp stamp{*time, 0};
  std::string_view rest = text.substr(kTimeLength);
  if (!rest.empty()) {
    if (!rest.starts_with(".r") || rest.size() > 8) {
      return std::nullopt;
    }
    rest.remove_prefix(2);
    const auto [end, error] =
        std::from_chars(rest.data(), rest.data() + rest.size(), stamp.revision);
    if (error != std::errc() || end != rest.data() + rest.size() || stamp.revision == 0) {
      return std::nullopt;
    }
  }
  // One spelling for one stamp: no leading zeros, no leap second.
  if (stamp.to_string() != text) {
    return std::nullopt;
  }
  return stamp;
}

std::string file_name(std::string_view name, const Stamp& stamp, Format format,
                      Encryption encryption) {
  return fmt::format("{}-{}{}{}", name, stamp.to_string(),
                     kEndings[static_cast<std::size_t>(format)],
                     encryption == Encryption::kOpenPgp ? ".gpg" : "");
}

std::vector<std::string> file_names(std::string_view name, const Stamp& stamp) {
  std::vector<std::string> all;
  for (std::size_t format = 0; format < std::size(kFormats); ++format) {
    for (const Encryption encryption : {Encryption::kOpenPgp, Encryption::kNone}) {
      all.push_back(file_name(name, stamp, static_cast<Format>(format), encryption));
    }
  }
  return all;
}

std::optional<FileNameParts> parse_file_name(std::string_view file) {
  FileNameParts parts;
  std::string_view rest = file;
  parts.encryption = rest.ends_with(".gpg") ? Encryption::kOpenPgp : Encryption::kNone;
  if (parts.encryption == Encryption::kOpenPgp) {
    rest.remove_suffix(4);
  }
  for (std::size_t i = 0; i < std::size(kEndings); ++i) {
    if (!rest.ends_with(kEndings[i])) {
      continue;
    }
    rest.remove_suffix(kEndings[i].size());
    const std::size_t dash = rest.rfind('-');
    if (dash == std::string_view::npos) {
      return std::nullopt;
    }
    const auto stamp = parse_stamp(rest.substr(dash + 1));
    parts.name = std::string(rest.substr(0, dash));
    if (!stamp || !config::is_plain_name(parts.name)) {
      return std::nullopt;
    }
    parts.stamp = *stamp;
    parts.format = static_cast<Format>(i);
    return parts;
  }
  return std::nullopt;
}

std::string manifest_name(std::string_view name, const Stamp& stamp) {
  return fmt::format("{}-{}.json", name, stamp.to_string());
}

std::optional<Stamp> stamp_of_manifest(std::string_view name, std::string_view file) {
  constexpr std::string_view kEnding = ".json";
  if (file.size() <= name.size() + 1 + kEnding.size() || !file.starts_with(name) ||
      file[name.size()] != '-' || !file.ends_with(kEnding)) {
    return std::nullopt;
  }
  file.remove_prefix(name.size() + 1);
  file.remove_suffix(kEnding.size());
  return parse_stamp(file);
}

}  // namespace warder::backup
