#pragma once

#include "oci/credentials.h"
#include "util/clock.h"
#include "util/result.h"
#include "vault/oci_client.h"
#include "vault/provider.h"
#include "vault/stages.h"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace warder::vault {

struct OciVaultOptions {
  // Where secrets are looked up by name and made. Empty: only `settings_secret` is known.
  std::string vault;        // OCID
  std::string compartment;  // OCID; for listing and making
  std::string key;          // OCID of the key that seals what put() makes; may be empty
  // Put before a document's name: several installations can share a vault.
  std::string prefix;
  // One secret that holds a whole settings document: a JSON object. The document `settings` is its
  // text; other documents are its members when there is no `vault`. Empty: none.
  std::string settings_secret;
};

// The document that the secret of this name holds in the layout with a secret a document. Empty for
// a secret of somebody else's.
std::optional<std::string> document_of_secret(std::string_view prefix, std::string_view secret);

// Secrets of OCI Vault as documents. In the layout with a secret a document, `jails` is the secret
// `<prefix>jails`; '/' in a name is written "--", since names of secrets cannot hold it, and a
// document whose own name holds "--" is refused. In the layout with one secret, documents are
// members of that secret's JSON, put() replaces one member of the newest version, and all documents
// share its versions.
//
// A put() is an update with if-match on what was read, so that two writers cannot undo each other
// (kConflict). What put_pending() writes is current only after promote(); of one secret that holds
// everything the whole is pending. remove() schedules the deletion, which OCI makes after
// `kDeletionDays`; until then the name is taken and reading answers kNotFound. What is listed and
// cannot be found is kDenied: OCI answers alike to what is not there and what may not be seen.
// Where the list may not be read either nobody can tell which it is, and that is kDenied, too.
//
// Thread safe. `credentials` and `clock` must outlive it.
class OciVault : public Provider, public StagedProvider {
 public:
  static constexpr int kDeletionDays = 30;

  OciVault(oci::Credentials& credentials, oci::Endpoints endpoints, http::ClientOptions http,
           OciVaultOptions options, const util::Clock& clock);

  std::string_view kind() const override { return "oci"; }
  util::Result<Document> get(std::string_view name,
                             std::optional<std::uint64_t> version = {}) override;
  util::Result<std::uint64_t> put(std::string_view name, const crypto::SecretString& content,
                                  const PutOptions& options) override;
  util::Result<std::vector<DocumentInfo>> list() override;
  util::Result<std::vector<VersionInfo>> history(std::string_view name) override;
  util::Status remove(std::string_view name) override;
  util::Result<Health> health() override;
  util::Result<Document> get_stage(std::string_view name, std::string_view stage) override;
  util::Result<std::uint64_t> put_pending(std::string_view name,
                                          const crypto::SecretString& content,
                                          const PutOptions& options) override;
  util::Result<std::uint64_t> promote(std::string_view name,
                                      std::optional<std::uint64_t> version) override;
  std::optional<Failure> last_failure() const override { return client_.last_failure(); }
  void stop() override { client_.stop(); }

 private:
  // A secret as the management service knows it: never its content.
  struct Secret {
    std::string id;
    std::string name;
    std::string state;  // "ACTIVE"
    std::uint64_t version = 0;
    std::string etag;
    util::WallTime time{};
  };
  // Which version is read: a parameter of the request; none for the current one.
  using Selector = std::optional<std::pair<std::string, std::string>>;
  enum class Stage { kCurrent, kPending };

  static bool is_going(const Secret& secret);
  bool one_secret(std::string_view name) const;
  util::Result<std::string> secret_name(std::string_view name) const;
  util::Result<Document> bundle(const OciCall& call);
  util::Result<Document> select(std::string_view name, const Selector& selector);
  util::Result<Document> read(std::string_view name, const Selector& selector);
  util::Result<Document> read_settings(const Selector& selector);
  util::Error unless_hidden(const std::string& secret_name, const util::Error& error);
  util::Result<std::optional<Secret>> find(std::string_view secret_name);
  util::Result<Secret> secret(const std::string& id);
  util::Result<Secret> needed(std::string_view name);
  util::Result<std::uint64_t> write(std::string_view name, const crypto::SecretString& content,
                                    const PutOptions& options, Stage stage);
  util::Result<std::uint64_t> update(const Secret& secret, const crypto::SecretString& content,
                                     std::string_view what, Stage stage);
  util::Result<std::uint64_t> put_member(std::string_view name, const crypto::SecretString& content,
                                         const PutOptions& options, Stage stage);
  util::Result<std::uint64_t> make(const std::string& secret_name,
                                   const crypto::SecretString& content, const PutOptions& options,
                                   std::string_view what);
  util::Result<std::vector<VersionInfo>> versions(const std::string& id, std::string_view what);

  OciClient client_;
  const OciVaultOptions options_;
  std::mutex mutex_;
  // Names of secrets that were looked up and are not there, until one is read. Guarded by mutex_.
  std::set<std::string> absent_;
};

}  // namespace warder::vault
