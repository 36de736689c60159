#include "backup/recovery.h"

#include "config/diagnostics.h"
#include "config/json_layer.h"
#include "storage/keys.h"
#include "util/file.h"
#include "util/strings.h"
#include "vault/put_over.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace warder::backup {
namespace {

using config::SecretReference;
using nlohmann::json;
using util::Error;
using util::ErrorCode;

constexpr util::ByteCount kLargestInlined = util::kibibytes(256);
constexpr std::size_t kMostHostsTold = 20;

json lines_of(std::string_view text) {
  json lines = json::array();
  for (const std::string_view line : util::split(text, '\n')) {
    if (const std::string_view trimmed = util::trim(line); !trimmed.empty()) {
      lines.push_back(std::string(trimmed));
    }
  }
  return lines;
}

// The keys of a section that somebody set.
json section_of(const config::Values& values, std::vector<std::string>* lacking) {
  json section = json::object();
  for (const config::Values::Item& item : values.items()) {
    if (item.is_default || !values.has(item.key->name)) {
      continue;
    }
    const std::string key(item.key->name);
    switch (item.key->type) {
      case config::Type::kSecret: {
        const SecretReference& reference = values.secret(key);
        section[key] = reference.to_string();
        if (reference.kind != SecretReference::Kind::kVault) {
          lacking->push_back(fmt::format(
              "[{}] {} = {} lies on this host only: put it into the vault and write {} = "
              "vault:DOCUMENT/KEY",
              values.section(), key, reference.to_string(), key));
        }
        break;
      }
      case config::Type::kLines:
      case config::Type::kWords:
        section[key] = values.list(key);
        break;
      default:
        section[key] = item.text;
    }
  }
  return section;
}

// A file without secrets becomes its content, under the key that takes that.
void inline_file(std::string_view section, std::string_view file_key, std::string_view lines_key,
                 json* options, std::vector<std::string>* lacking) {
  const auto named = options->find(file_key);
  if (named == options->end()) {
    return;
  }
  const auto content = util::read_file(named->get<std::string>(), kLargestInlined);
  if (content) {
    (*options)[std::string(lines_key)] = lines_of(*content);
    options->erase(named);
  } else {
    lacking->push_back(fmt::format("[{}] {}: {}", section, file_key, content.error().message()));
  }
}

json storage_section(const config::Values& values, std::vector<std::string>* lacking) {
  json section = section_of(values, lacking);
  inline_file(values.section(), "known_hosts", "host_key", &section, lacking);
  inline_file(values.section(), "ca_file", "ca", &section, lacking);
  if (section.contains("key_file")) {
    lacking->push_back(fmt::format(
        "[{}] key_file = {} lies on this host only: put the key into the vault (jq -n --rawfile "
        "key {} '{{$key}}' | warder vault put sftp) and write key = vault:sftp/key",
        values.section(), section["key_file"].get<std::string>(),
        section["key_file"].get<std::string>()));
  }
  return section;
}

util::Result<json> parsed(std::string_view text) {
  json document = json::parse(text, nullptr, false);
  if (!document.is_object() ||
      !std::ranges::all_of(document, [](const json& host) { return host.is_object(); })) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("the vault's document {} is no object of hosts, each an object of "
                             "sections; write it anew with: warder backup publish",
                             kRecoveryDocument));
  }
  return document;
}

struct Stored {
  json document = json::object();
  std::uint64_t version = 0;
};

util::Result<Stored> stored(vault::Provider& vault) {
  Stored found;
  const auto document = vault.get(kRecoveryDocument);
  if (!document) {
    return document.error().code() == ErrorCode::kNotFound ? util::Result<Stored>(std::move(found))
                                                           : document.error();
  }
  WARDER_ASSIGN_OR_RETURN(found.document, parsed(document->content.view()));
  found.version = document->version;
  return found;
}

// One host's member of the document.
util::Result<Recovery> recovery_of(const std::string& host, const json& sections) {
  config::Diagnostics diagnostics;
  Recovery recovery{
      host, config::parse_json(sections.dump(-1, ' ', false, json::error_handler_t::replace),
                               kRecoveryDocument, diagnostics)};
  for (const config::RawSection& section : recovery.layer.sections) {
    if (!section.name.starts_with("backup ") && !section.name.starts_with("storage ")) {
      diagnostics.error(section.place,
                        fmt::format("[{}] stands here in vain: only sections backup NAME and "
                                    "storage NAME are read",
                                    util::printable(section.name)));
    }
  }
  if (diagnostics.has_errors()) {
    return Error(ErrorCode::kInvalid, std::string(util::trim(diagnostics.to_text())));
  }
  return recovery;
}

}  // namespace

RecoveryEntry recovery_entry(const config::Checked& checked, const std::vector<SetOptions>& sets) {
  RecoveryEntry entry;
  std::set<std::string> storages;
  for (const config::Values* values : checked.all(backup_table())) {
    const auto set = std::ranges::find(sets, values->name(), &SetOptions::name);
    if (set == sets.end()) {
      continue;
    }
    json section = section_of(*values, &entry.lacking);
    section["folder"] = set->folder.string();
    if (set->storage.empty()) {
      entry.lacking.push_back(
          fmt::format("[backup {}] has no storage: its backups lie on this host only", set->name));
    } else {
      storages.insert(set->storage);
    }
    entry.sections[values->section()] = std::move(section);
  }
  for (const config::Values* values : checked.all(storage::storage_table())) {
    if (storages.contains(std::string(values->name()))) {
      entry.sections[values->section()] = storage_section(*values, &entry.lacking);
    }
  }
  return entry;
}

json recovery_part(const json& sections, const SetOptions& set) {
  json part = json::object();
  for (const std::string& name :
       {fmt::format("backup {}", set.name), fmt::format("storage {}", set.storage)}) {
    if (const auto section = sections.find(name); section != sections.end()) {
      part[name] = *section;
    }
  }
  return part;
}

util::Result<json> published_entry(vault::Provider& vault, std::string_view host) {
  WARDER_ASSIGN_OR_RETURN(const Stored found, stored(vault));
  const auto entry = found.document.find(host);
  return entry == found.document.end() ? json() : *entry;
}

util::Result<std::uint64_t> publish_entry(vault::Provider& vault, std::string_view host,
                                          const RecoveryEntry& entry, std::string_view author) {
  WARDER_ASSIGN_OR_RETURN(Stored found, stored(vault));
  json& own = found.document[std::string(host)];
  if (own == entry.sections) {
    return std::uint64_t{0};
  }
  own = entry.sections;
  vault::PutOptions options;
  options.author = author;
  options.comment = fmt::format("what a restore of {} needs", host);
  options.expected_version = found.version;
  return vault::put_over(vault, kRecoveryDocument, crypto::SecretString(found.document.dump(2)),
                         std::move(options));
}

util::Result<Recovery> read_recovery(std::string_view document, std::string_view wanted,
                                     std::string_view own) {
  WARDER_ASSIGN_OR_RETURN(const json hosts, parsed(document));
  auto host = hosts.find(wanted.empty() ? own : wanted);
  if (wanted.empty() && host == hosts.end() && hosts.size() == 1) {
    host = hosts.begin();
  }
  if (host == hosts.end()) {
    std::string known;
    std::size_t count = 0;
    for (const auto& [name, unused] : hosts.items()) {
      if (++count > kMostHostsTold) {
        known += ", ...";
        break;
      }
      known += (known.empty() ? "" : ", ") + util::printable(name, 100);
    }
    return Error(ErrorCode::kNotFound,
                 hosts.empty()
                     ? fmt::format("the vault's document {} names no host", kRecoveryDocument)
                     : fmt::format("the vault's document {} has nothing of {}; say which host's "
                                   "backups are meant with --host: {}",
                                   kRecoveryDocument,
                                   util::printable(wanted.empty() ? own : wanted), known));
  }
  return recovery_of(host.key(), *host);
}

util::Result<std::vector<Recovery>> read_recoveries(std::string_view document) {
  WARDER_ASSIGN_OR_RETURN(const json hosts, parsed(document));
  std::vector<Recovery> all;
  for (const auto& [name, sections] : hosts.items()) {
    WARDER_ASSIGN_OR_RETURN(Recovery one, recovery_of(name, sections));
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace warder::backup
