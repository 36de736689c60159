#include "agent/accepted_documents.h"

#include "util/file.h"
#include "vault/private_file.h"
#include "vault/sealed.h"

#include <nlohmann/json.hpp>

#include <array>
#include <optional>
#include <string>
#include <utility>

namespace warder::agent {
namespace {

using engine::VaultDocuments;
using Json = nlohmann::json;

constexpr std::string_view kMagic = "WRDRDOCS";
constexpr std::string_view kName = "accepted";
constexpr util::ByteCount kLargest = util::mebibytes(16);

// In the order of kMembers.
template <typename Documents>
auto members_of(Documents& documents) {
  return std::array{&documents.jails,
                    &documents.alerts,
                    &documents.settings,
                    &documents.sqlite.security,
                    &documents.sqlite.performance,
                    &documents.backup};
}
constexpr std::array<const char*, 6> kMembers{"jails",    "alerts",      "settings",
                                              "security", "performance", "backup"};

}  // namespace

// '+' begins no document's name.
AcceptedDocuments::AcceptedDocuments(const std::filesystem::path& folder, crypto::SecretString key)
    : path_(folder / "+accepted.sealed"), key_(std::move(key)) {}

util::Status AcceptedDocuments::keep(const VaultDocuments& documents) {
  if (const auto before = kept(); before && *before == documents) {
    return {};
  }
  Json object = Json::object();
  const auto members = members_of(documents);
  for (std::size_t i = 0; i < members.size(); ++i) {
    const std::optional<std::string>& member = *members[i];
    if (member) {
      object[kMembers[i]] = *member;
    }
  }
  const auto plain =
      crypto::SecretString::take(object.dump(-1, ' ', false, Json::error_handler_t::replace));
  WARDER_ASSIGN_OR_RETURN(const util::Bytes sealed,
                          vault::seal(kMagic, key_, 0, kName, plain.bytes()));
  return util::write_file_atomically(path_, util::as_text(sealed), 0600);
}

util::Result<VaultDocuments> AcceptedDocuments::kept() const {
  WARDER_ASSIGN_OR_RETURN(
      const vault::PrivateFile file,
      vault::read_private_file(path_, "what ran last", vault::kNobodyElseReads, kLargest));
  auto opened = vault::unseal(kMagic, key_, kName, file.content.bytes());
  if (!opened) {
    return opened.error().with_context(path_.string());
  }
  const Json object = Json::parse(opened->plain.view(), nullptr, false);
  VaultDocuments documents;
  const auto members = members_of(documents);
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (const auto found = object.find(kMembers[i]); found != object.end() && found->is_string()) {
      *members[i] = found->get<std::string>();
    }
  }
  return documents;
}

}  // namespace warder::agent
