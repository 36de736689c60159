#include "backup/vault_snapshot.h"

#include "storage/transfer.h"
#include "util/clock.h"

#include <fmt/core.h>

#include <string>
#include <utility>

namespace warder::backup {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::string_view kPath = "sys/storage/raft/snapshot";

storage::TransferOptions transfer_options(const vault::ServerConnection& connection) {
  storage::TransferOptions options;
  options.ca_file = connection.ca_file;
  options.ca_folder = connection.ca_folder;
  options.client_certificate = connection.client_certificate;
  options.client_key = connection.client_key;
  options.unix_socket = connection.socket;
  options.verify = connection.verify == http::Verify::kYes;
  return options;
}

// By what the answer means.
Error refused(const storage::TransferAnswer& answer, const std::string& address) {
  if (answer.status == 403) {
    return Error(ErrorCode::kDenied,
                 fmt::format("{}: the vault gives no snapshot to this identity: it needs a policy "
                             "with path \"{}\" {{ capabilities = [\"read\"] }}; see: warder vault "
                             "policies check --snapshot",
                             address, kPath));
  }
  http::Response response;
  response.status = answer.status;
  response.headers.assign(answer.headers.begin(), answer.headers.end());
  response.body = answer.body;
  const vault::Answer read = vault::read_answer(std::move(response), {.path = std::string(kPath)},
                                                address, util::SystemClock().now());
  return read.ok() ? Error(ErrorCode::kInvalid, address + ": the answer is no snapshot")
                   : read.error();
}

}  // namespace

util::Status fetch_vault_snapshot(vault::ServerVault& vault, const std::filesystem::path& target,
                                  const Progress& progress) {
  WARDER_ASSIGN_OR_RETURN(const crypto::SecretString token, vault.session_token());
  const vault::ServerConnection& connection = vault.connection();
  storage::Transfer transfer(transfer_options(connection));
  Error last(ErrorCode::kUnavailable, "no address of the vault is known");
  for (const std::string& address : connection.addresses) {
    // A new one each time: what an answer that broke off has left is no snapshot.
    WARDER_ASSIGN_OR_RETURN(FileSink file, FileSink::create(target));
    storage::TransferRequest request;
    request.url = fmt::format("{}/v1/{}", address, kPath);
    request.headers = {"X-Vault-Request: true", fmt::format("X-Vault-Token: {}", token.view())};
    request.sink = &file;
    request.progress = progress;
    const auto answer = transfer.http(request);
    if (!answer) {
      last = answer.error();
    } else if (answer->status == 200) {
      return file.finish();
    } else {
      last = refused(*answer, address);
      if (last.code() == ErrorCode::kDenied) {
        break;
      }
    }
  }
  return last;
}

}  // namespace warder::backup
