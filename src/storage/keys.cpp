#include "storage/keys.h"

#include <fmt/core.h>

#include <algorithm>

namespace warder::storage {
namespace {

using config::Key;
using config::Type;

constexpr std::string_view kKinds[] = {"directory", "sftp", "s3", "oci"};

constexpr Key kKeys[] = {
    {.name = "kind",
     .type = Type::kEnum,
     .required = true,
     .choices = kKinds,
     .text = "directory: another disk or a mounted share. sftp: a server with SSH. s3: any service "
             "that speaks Amazon's S3. oci: Oracle Object Storage, with the account of [vault].",
     .example = "s3"},
    {.name = "path",
     .type = Type::kPath,
     .text = "directory: the folder. It must exist, so that a disk that is not mounted is noticed.",
     .example = "/mnt/backup/warder"},
    {.name = "url",
     .type = Type::kString,
     .fallback = "",
     .most = "500",
     .text = "sftp: sftp://USER@HOST:PORT/FOLDER, the folder exists. s3: the service's address.",
     .example = "https://s3.example.org"},
    {.name = "bucket",
     .type = Type::kString,
     .fallback = "",
     .most = "256",
     .text = "s3, oci: the bucket. It exists.",
     .example = "backups"},
    {.name = "prefix",
     .type = Type::kString,
     .fallback = "",
     .most = "200",
     .text = "s3, oci: what names in the bucket begin with.",
     .example = "web-1/"},
    {.name = "region",
     .type = Type::kString,
     .fallback = "us-east-1",
     .most = "64",
     .text = "s3: the region that requests are signed for.",
     .example = "eu-central-1"},
    {.name = "namespace",
     .type = Type::kString,
     .fallback = "",
     .most = "64",
     .text = "oci: the Object Storage namespace; asked from the service when not set.",
     .example = "mytenancy"},
    {.name = "access_key",
     .type = Type::kSecret,
     .text =
         "s3: where the access key id lies. vault:/PATH/KEY has HashiCorp Vault or OpenBao "
         "make one that ends with its lease (aws/sts/ROLE; its secret_key, and the session_token "
         "of a temporary one, then come from the same path).",
     .example = "vault:storage/access_key"},
    {.name = "secret_key",
     .type = Type::kSecret,
     .text = "s3: where the secret access key lies.",
     .example = "vault:storage/secret_key"},
    {.name = "session_token",
     .type = Type::kSecret,
     .text = "s3: where the session token lies that belongs to a temporary access key (STS): of a "
             "role whose credentials are temporary, vault:/aws/sts/ROLE/session_token beside "
             "access_key and secret_key of the same path.",
     .example = "vault:/aws/sts/ROLE/session_token"},
    {.name = "password",
     .type = Type::kSecret,
     .text = "sftp: where the password lies, or with key_file that of the key.",
     .example = "vault:storage/sftp"},
    {.name = "key",
     .type = Type::kSecret,
     .text = "sftp: where the private key itself lies, with its lines, instead of key_file. It is "
             "never written to a disk.",
     .example = "vault:storage/sftp_key"},
    {.name = "key_file",
     .type = Type::kPath,
     .text = "sftp: the file with the private key.",
     .example = "/etc/warder/backup_ed25519"},
    {.name = "known_hosts",
     .type = Type::kPath,
     .text =
         "sftp: the file with the server's host key, in ssh's form (ssh-keyscan HOST). A server "
         "whose key is not in it is not talked to.",
     .example = "/etc/warder/known_hosts"},
    {.name = "host_key",
     .type = Type::kLines,
     .fallback = "",
     .text = "sftp: the lines of known_hosts themselves, instead of the file.",
     .example = "backup.example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI..."},
    {.name = "ca",
     .type = Type::kLines,
     .fallback = "",
     .text = "s3: the lines of ca_file themselves, instead of the file.",
     .example = "-----BEGIN CERTIFICATE-----"},
    {.name = "ca_file",
     .type = Type::kPath,
     .text = "s3: certificates to trust instead of the system's.",
     .example = "/etc/warder/ca.pem"},
    {.name = "bandwidth",
     .type = Type::kBytes,
     .fallback = "0",
     .text = "How much is sent or fetched a second at most; 0 is no limit.",
     .example = "2M"},
    {.name = "part_size",
     .type = Type::kBytes,
     .fallback = "16M",
     .least = "5M",
     .most = "1G",
     .text = "s3, oci: a file larger than this is sent in such parts, and goes on after the last "
             "whole one when it broke off.",
     .example = "16M"},
};

constexpr config::Table kTable{
    .section = "storage *",
    .text = "A place outside this host that gets a copy of backups. Each copy is read back.",
    .keys = kKeys,
};

void check_whole(const config::Values& values, const StorageOptions& options,
                 config::Diagnostics& diagnostics) {
  const auto need = [&](bool there, std::string_view key, std::string_view what) {
    if (!there) {
      diagnostics.add(values.about(key, fmt::format("is missing: {}", what)));
    }
  };
  const auto either = [&](std::string_view key, bool one, std::string_view file, bool other) {
    if (one && other) {
      diagnostics.add(values.about(key, fmt::format("and {} exclude each other", file)));
    }
  };
  switch (options.kind) {
    case Kind::kDirectory:
      need(!options.path.empty(), "path", "kind = directory needs the folder");
      break;
    case Kind::kSftp:
      need(options.url.starts_with("sftp://"), "url", "kind = sftp needs sftp://USER@HOST/FOLDER");
      need(!options.known_hosts.empty() || !options.host_key.empty(), "known_hosts",
           "kind = sftp needs the server's host key");
      need(options.password || options.key || !options.key_file.empty(), "key_file",
           "kind = sftp needs a key_file, a key or a password");
      either("key", options.key.has_value(), "key_file", !options.key_file.empty());
      either("host_key", !options.host_key.empty(), "known_hosts", !options.known_hosts.empty());
      break;
    case Kind::kS3:
      need(options.url.starts_with("https://") || options.url.starts_with("http://"), "url",
           "kind = s3 needs the address of the service, https://...");
      need(!options.bucket.empty(), "bucket", "kind = s3 needs it");
      need(options.access_key.has_value(), "access_key", "kind = s3 needs it");
      need(options.secret_key.has_value(), "secret_key", "kind = s3 needs it");
      either("ca", !options.ca.empty(), "ca_file", !options.ca_file.empty());
      break;
    case Kind::kOci:
      need(!options.bucket.empty(), "bucket", "kind = oci needs it");
      break;
  }
  const bool plain = std::ranges::all_of(options.prefix, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '/';
  });
  if (!plain || options.prefix.starts_with('/')) {
    diagnostics.add(values.about("prefix",
                                 "may hold letters, digits, '.', '_', '-' and '/', and "
                                 "does not begin with '/'"));
  }
}

}  // namespace

const config::Table& storage_table() { return kTable; }

StorageOptions storage_options(const config::Values& values, config::Diagnostics& diagnostics) {
  StorageOptions options;
  options.name = std::string(values.name());
  options.kind = values.choice<Kind>("kind");
  const auto path = [&values](std::string_view key) {
    return values.has(key) ? values.path(key) : std::filesystem::path();
  };
  const auto secret = [&values](std::string_view key) {
    return values.has(key) ? std::optional(values.secret(key)) : std::nullopt;
  };
  options.path = path("path");
  options.url = values.string("url");
  options.bucket = values.string("bucket");
  options.prefix = values.string("prefix");
  options.region = values.string("region");
  options.object_namespace = values.string("namespace");
  options.access_key = secret("access_key");
  options.secret_key = secret("secret_key");
  options.session_token = secret("session_token");
  options.password = secret("password");
  const auto lines = [&values](std::string_view key) {
    std::string text;
    for (const std::string& line : values.list(key)) {
      text += line + '\n';
    }
    return text;
  };
  options.key = secret("key");
  options.key_file = path("key_file");
  options.host_key = lines("host_key");
  options.known_hosts = path("known_hosts");
  options.ca = lines("ca");
  options.ca_file = path("ca_file");
  options.bandwidth = values.bytes("bandwidth");
  options.part_size = values.bytes("part_size");
  check_whole(values, options, diagnostics);
  return options;
}

}  // namespace warder::storage
