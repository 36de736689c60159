// The jails that ship, read as the agent reads them: without a word of complaint, each with a
// filter that ships too, and the three of the plan with exactly its values.
#include "config/check.h"
#include "config/file_reader.h"
#include "config/load.h"
#include "config/reference.h"
#include "files/options.h"
#include "filter/filter.h"
#include "jail/keys.h"
#include "monitor/options.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

using namespace warder;
using namespace std::chrono_literals;

namespace {

std::string folder(const char* name) {
  return (std::filesystem::path(WARDER_SOURCE_DIR) / name).string();
}

std::map<std::string, jail::JailOptions> shipped() {
  config::DiskFiles files;
  config::Diagnostics diagnostics;
  const auto paths = config::files_of_folder(files, folder("jails"), diagnostics);
  const config::Document document = config::load(files, paths, diagnostics);
  const config::Table* const tables[] = {&jail::jail_table(), &monitor::monitor_table(),
                                         &files::files_table()};
  const config::Checked checked = config::check_document(tables, document, diagnostics);
  std::map<std::string, jail::JailOptions> jails;
  for (const config::Values* values : checked.all(jail::jail_table())) {
    const auto options = jail::jail_options(*values, diagnostics);
    if (options) {
      jails.emplace(options->name, *options);
    }
  }
  for (const config::Values* values : checked.all(monitor::monitor_table())) {
    CHECK_FALSE(monitor::monitor_options(*values, diagnostics).enabled);
  }
  for (const config::Values* values : checked.all(files::files_table())) {
    const files::FilesOptions options = files::files_options(*values, diagnostics);
    CHECK_FALSE(options.enabled);
    CHECK_FALSE(options.scope.paths().empty());
  }
  CHECK(diagnostics.to_text() == "");
  return jails;
}

}  // namespace

TEST_CASE("shipped jails are sound, disabled, and have filters that ship") {
  const auto jails = shipped();
  std::vector<std::string> names;
  std::set<std::string> filters;
  for (const auto& [name, options] : jails) {
    INFO(name);
    names.push_back(name);
    CHECK_FALSE(options.enabled);
    CHECK(options.counting == jail::Counting::kWindow);
    CHECK((options.logpath.empty() != options.journalmatch.empty()));
    const auto reference = config::parse_reference(options.filter);
    REQUIRE(reference);
    filter::FilterRequest request;
    request.name = reference->name;
    request.parameters = {reference->parameters.begin(), reference->parameters.end()};
    request.folders = {folder("filters")};
    request.given_at = {"jails", 1};
    if (name == "mariadb") {  // whose log others can forge: refused until it is accepted
      CHECK_FALSE(filter::load_filter(request).has_value());
      request.parameters["forged-lines"] = "accepted";
    }
    filters.insert(reference->name);
    const auto loaded = filter::load_filter(request);
    INFO((loaded ? "" : loaded.error().message()));
    CHECK(loaded.has_value());
  }
  CHECK(names == std::vector<std::string>{"apache-auth",
                                          "apache-bad-request",
                                          "apache-errors",
                                          "apache-scanner",
                                          "asterisk",
                                          "authentik",
                                          "caddy-4xx",
                                          "caddy-auth",
                                          "caddy-scanner",
                                          "dovecot",
                                          "exim",
                                          "forgejo",
                                          "gitea",
                                          "gitlab",
                                          "grafana",
                                          "haproxy",
                                          "haproxy-bad-request",
                                          "home-assistant",
                                          "jellyfin",
                                          "keycloak",
                                          "mariadb",
                                          "mongodb",
                                          "mosquitto",
                                          "nextcloud",
                                          "nginx-bad-request",
                                          "nginx-http-auth",
                                          "nginx-limit-req",
                                          "nginx-scanner",
                                          "oci-denied",
                                          "oci-identity",
                                          "oci-key",
                                          "oci-mass-delete",
                                          "oci-mass-read",
                                          "oci-network",
                                          "oci-policy",
                                          "oci-secret-delete",
                                          "oci-secret-update",
                                          "oci-secret-write",
                                          "oci-witness",
                                          "openvpn",
                                          "pam",
                                          "phpmyadmin",
                                          "portscan",
                                          "postfix",
                                          "postfix-sasl",
                                          "postgresql",
                                          "postgresql-json",
                                          "proftpd",
                                          "proxmox",
                                          "pure-ftpd",
                                          "recidive",
                                          "redis",
                                          "roundcube",
                                          "sqlite-backup-monitor",
                                          "sshd",
                                          "traefik-auth",
                                          "traefik-scanner",
                                          "vault-accessor-list",
                                          "vault-audit-device",
                                          "vault-auth-method",
                                          "vault-bad-token",
                                          "vault-break-glass",
                                          "vault-decrypt",
                                          "vault-decrypt-failed",
                                          "vault-denied",
                                          "vault-destroy",
                                          "vault-documents",
                                          "vault-enumeration",
                                          "vault-first-agent",
                                          "vault-first-hour",
                                          "vault-first-sight",
                                          "vault-identity",
                                          "vault-key-ceremony",
                                          "vault-leaked-token",
                                          "vault-lease-revoke",
                                          "vault-lockout",
                                          "vault-login",
                                          "vault-login-after-failures",
                                          "vault-login-spray",
                                          "vault-login-user",
                                          "vault-mass-delete",
                                          "vault-mass-read",
                                          "vault-mount",
                                          "vault-network",
                                          "vault-new-entity",
                                          "vault-plugin",
                                          "vault-policy",
                                          "vault-probe",
                                          "vault-quota",
                                          "vault-raw",
                                          "vault-root-minted",
                                          "vault-root-token",
                                          "vault-seal",
                                          "vault-secret-outside",
                                          "vault-secret-update",
                                          "vault-token-guess",
                                          "vault-token-life",
                                          "vault-transit-keys",
                                          "vault-unhashed",
                                          "vault-wrapping",
                                          "vaultwarden",
                                          "vaultwarden-sqlite-admin",
                                          "vaultwarden-sqlite-auth",
                                          "vsftpd",
                                          "wordpress",
                                          "wordpress-access"});
  // And the other way round: no filter without a jail that shows how it is meant.
  for (const auto& file : std::filesystem::directory_iterator(folder("filters"))) {
    if (file.path().extension() == ".conf") {
      INFO(file.path());
      CHECK(filters.contains(file.path().stem().string()));
    }
  }
}

TEST_CASE("the jails of the plan have its values") {
  const auto jails = shipped();
  const std::vector<std::string> ports = {"80", "443", "8080"};
  const std::vector<std::string> caddy_log = {"/data/caddy_logs/access.log"};

  jail::JailOptions sign_in;
  sign_in.name = "vaultwarden-sqlite-auth";
  sign_in.port = ports;
  sign_in.protocol = "tcp";
  sign_in.filter = "vaultwarden-auth";
  sign_in.logpath = caddy_log;
  sign_in.maxretry = 5;
  sign_in.bantime = 3600s;
  sign_in.findtime = 600s;
  sign_in.ignoreip = {*net::Prefix::parse("127.0.0.1"), *net::Prefix::parse("10.0.0.0/8")};
  CHECK(jails.at(sign_in.name) == sign_in);

  jail::JailOptions admin;
  admin.name = "vaultwarden-sqlite-admin";
  admin.port = ports;
  admin.protocol = "tcp";
  admin.filter = "vaultwarden-admin";
  admin.logpath = caddy_log;
  admin.maxretry = 3;
  admin.bantime = 7200s;
  admin.findtime = 300s;
  CHECK(jails.at(admin.name) == admin);

  jail::JailOptions backup;
  backup.name = "sqlite-backup-monitor";
  backup.filter = "sqlite-backup-security";
  backup.logpath = {"/data/logs/backup.log"};
  backup.maxretry = 2;
  backup.bantime = 1800s;
  backup.findtime = 3600s;
  backup.port = jails.at(backup.name).port;  // the plan names none: the default, all ports
  CHECK(jails.at(backup.name) == backup);
  CHECK(jails.at("sshd").port != backup.port);
}
