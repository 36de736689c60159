#include "engine/backup_document.h"

#include "engine/translation.h"
#include "util/strings.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <iterator>

namespace warder::engine {
namespace {

using nlohmann::json;

void read_formats(Translation& document, const std::string& pointer, const json& value) {
  std::string formats;
  for (const json& word : value.is_array() ? value : json::array({value})) {
    if (!word.is_string()) {
      document.error(pointer,
                     "a list of formats is expected here: sql_dump, binary, encrypted, full");
      return;
    }
    formats += (formats.empty() ? "" : " ") + word.get<std::string>();
  }
  document.set(pointer, "formats", std::move(formats));
}

// A wish that is always met, whatever is written.
Translation::Reader always(Translation& document, std::string_view why) {
  return document.boolean([&document, why](const std::string& pointer, bool wanted) {
    if (!wanted) {
      document.error(pointer, std::string(why));
    }
  });
}

Translation::Reader elsewhere(Translation& document, std::string_view why) {
  return [&document, why](const std::string& pointer, const json&) {
    document.warning(pointer, std::string(why));
  };
}

// A text of which only some words mean what is done here.
Translation::Reader only(Translation& document, std::vector<std::string_view> words,
                         std::string_view otherwise) {
  return [&document, words = std::move(words), otherwise](const std::string& pointer,
                                                          const json& value) {
    for (const std::string_view word : words) {
      if (value.is_string() && util::to_lower(value.get_ref<const std::string&>()) == word) {
        return;
      }
    }
    document.error(pointer, std::string(otherwise));
  };
}

void read_encryption(Translation& document, const std::string& pointer, const json& value) {
  document.members(
      pointer, value,
      {{"algorithm", only(document, {"aes256", "aes-256"},
                          "only AES256 is possible: what gpg --decrypt opens with a passphrase")},
       {"key_source", only(document, {"oci_vault", "vault", "hashicorp_vault", "openbao"},
                           "the passphrase lies in the vault (oci_vault, vault); the key "
                           "passphrase of the section "
                           "says where")},
       {"passphrase_rotation",
        elsewhere(
            document,
            "a passphrase is rotated by `warder vault rotate DOC/KEY --every 30d` and `warder "
            "vault rotate --due` from a timer; `warder backup re-encrypt` brings old backups to "
            "it; nothing is done here")}});
}

void read_document(Translation& document, const std::string& text) {
  const json backup = document.read(text);
  if (backup.is_null()) {
    return;
  }
  document.members(
      "", backup,
      {{"formats", [&](const std::string& pointer,
                       const json& value) { read_formats(document, pointer, value); }},
       {"compression",
        [&](const std::string& pointer, const json& value) {
          if (value.is_number()) {
            document.number("compression")(pointer, value);
          } else {
            only(document, {"gzip"}, "gzip, or a number from fast (1) to small (12)")(pointer,
                                                                                      value);
          }
        }},
       {"encryption", [&](const std::string& pointer,
                          const json& value) { read_encryption(document, pointer, value); }},
       {"validation",
        [&](const std::string& pointer, const json& value) {
          document.members(
              pointer, value,
              {{"integrity_check",
                always(document, "each backup is checked; take this member out")},
               {"test_restore",
                always(document,
                       "a backup counts only once it was restored; take this member out")},
               {"cross_platform_test", document.boolean([&](const std::string& inner, bool wanted) {
                  if (wanted) {
                    document.error(
                        inner,
                        "nothing here can restore on another platform; do it there with "
                        "`gpg --decrypt`, or run `warder backup restore` on that machine");
                  }
                })}});
        }},
       {"retention",
        [&](const std::string& pointer, const json& value) {
          document.members(pointer, value,
                           {{"local_days", document.number("local_days")},
                            {"cloud_days", document.number("cloud_days")},
                            {"archive_days", document.number("archive_days")}});
        }},
       {"performance",
        [&](const std::string& pointer, const json& value) {
          document.members(
              pointer, value,
              {{"oci_a1_optimized", document.boolean([](const std::string&, bool) {})},
               {"concurrent_backups",
                [&](const std::string& inner, const json& number) {
                  if (number != 1) {
                    document.error(inner, "only 1 is possible: one backup is made at a time");
                  }
                }},
               {"memory_limit",
                elsewhere(document,
                          "limits are the unit's business (MemoryMax= in systemd); a backup takes "
                          "some 30 MB whatever the size of the database; nothing is done here")}});
        }},
       {"schedule", document.text("schedule")},
       {"verify_schedule", document.text("verify_schedule")},
       {"drill_schedule", document.text("drill_schedule")},
       {"oldest", document.text("oldest")}});
}

}  // namespace

config::Layer backup_layer(const std::optional<std::string>& text,
                           const std::vector<std::string>& sections,
                           config::Diagnostics& diagnostics) {
  config::Layer layer;
  layer.interpolates = false;
  if (!text) {
    return layer;
  }
  Translation document("backup", diagnostics);
  read_document(document, *text);
  if (sections.empty()) {
    document.error("",
                   "there is no section [backup NAME] that it could speak for; write one with the "
                   "database into the main configuration");
  }
  for (const std::string& section : sections) {
    layer.sections.push_back({section, {"vault", 0}, document.options});
  }
  return layer;
}

std::optional<std::string> backup_rules(const std::optional<std::string>& text) {
  if (!text) {
    return text;
  }
  json document = json::parse(*text, nullptr, false);
  if (!document.is_object()) {
    return text;
  }
  bool secret = false;
  for (auto member = document.begin(); member != document.end();) {
    const bool is_secret = util::to_lower(member.key()).find("passphrase") != std::string::npos;
    secret = secret || is_secret;
    member = is_secret ? document.erase(member) : std::next(member);
  }
  if (document.empty()) {
    return std::nullopt;
  }
  // As it was written when there is nothing to hide: a member named twice is told.
  return secret ? document.dump(-1, ' ', false, json::error_handler_t::replace) : *text;
}

}  // namespace warder::engine
