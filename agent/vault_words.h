#pragma once

#include "agent/command.h"
#include "util/result.h"
#include "vault/provider.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace warder::agent {

// The words of `warder vault ...`; each verb uses some of them.
struct VaultWords {
  std::string name;
  std::string key;
  std::string file;
  std::string output;
  std::string comment;
  std::uint64_t version = 0;  // 0: none named
  std::string stage;
  bool pending = false;
  bool recoverable = false;
  // update
  bool security_config = false;
  bool security_sqlite = false;
  bool performance_config = false;
  // test
  bool backup_passphrase = false;
  bool sqlite_config = false;
  // audit
  unsigned days = 30;
  // rotate
  bool due = false;
  bool plan_only = false;
  std::string every;
  std::string overlap;
  std::optional<unsigned> length;
  // log-audit, log-security-event
  std::string severity;
  // setup of a vault in the network
  std::string role = "warder";
  std::string trail;
  std::string audit_device;
  std::string transit;
  bool snapshot = false;
  std::string secret_id_file;
  bool yes = false;
};

// vault_setup.cpp
// Whether it can be the name of a policy, role, key, mount or device of HashiCorp Vault or OpenBao:
// it goes into paths and into the text of policies.
bool is_vault_word(std::string_view word);
ExitStatus set_up_vault(const Globals& globals, const VaultWords& given);
// vault_check.cpp
ExitStatus test_vault(const Globals& globals, const VaultWords& words);
ExitStatus check_policies(const Globals& globals, const VaultWords& words);
// vault_change.cpp
// complain(), and to whom the vault gave no right to write: how one who may is asked to.
ExitStatus complain_of_writing(const vault::Provider& provider, const util::Error& error);
ExitStatus put_in_vault(const Globals& globals, const VaultWords& words);
ExitStatus promote_version(const Globals& globals, const VaultWords& words);
ExitStatus update_vault(const Globals& globals, const VaultWords& given);
ExitStatus update_backup_config(const Globals& globals, const VaultWords& words);
ExitStatus migrate_from_env(const Globals& globals, const VaultWords& words);
ExitStatus rotate_secret(const Globals& globals, const VaultWords& words);
// vault_audit.cpp
ExitStatus audit_vault(const Globals& globals, const VaultWords& words);
// vault_cosign.cpp
ExitStatus cosign_checkpoint(const Globals& globals, const VaultWords& words);
// vault_report.cpp
ExitStatus log_audit(const Globals& globals, const VaultWords& words);
ExitStatus log_security_event(const Globals& globals, const VaultWords& words);

}  // namespace warder::agent
