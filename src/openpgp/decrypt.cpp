#include "openpgp/decrypt.h"

#include "openpgp/encrypt.h"
#include "openpgp/rnp_handles.h"

#include <cstring>
#include <rnp/rnp_err.h>
#include <string>
#include <string_view>

namespace warder::openpgp {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::size_t kPipe = std::size_t{1} << 20U;

struct Streams {
  util::ByteSource& from;
  util::BytePipe& to;
  const crypto::SecretString& passphrase;
  util::Status failure;
  bool asked = false;     // for the passphrase
  bool given_up = false;  // by who reads
  bool any_output = false;
};

bool read_from(void* context, void* buffer, std::size_t size, std::size_t* got) {
  auto* const streams = static_cast<Streams*>(context);
  auto* const out = static_cast<std::uint8_t*>(buffer);
  *got = 0;
  // librnp takes a short read for the end.
  while (*got < size) {
    const auto count = streams->from.read({out + *got, size - *got});
    if (!count) {
      streams->failure = count.error();
      return false;
    }
    if (*count == 0) {
      break;
    }
    *got += *count;
  }
  return true;
}

bool write_pipe(void* context, const void* bytes, std::size_t size) {
  auto* const streams = static_cast<Streams*>(context);
  streams->any_output = true;
  streams->given_up = !streams->to.write({static_cast<const std::uint8_t*>(bytes), size});
  return !streams->given_up;
}

bool give_passphrase(rnp_ffi_t, void* context, rnp_key_handle_t, const char*, char* buffer,
                     std::size_t size) {
  auto* const streams = static_cast<Streams*>(context);
  const std::string_view text = streams->passphrase.view();
  if (streams->asked || text.size() >= size) {
    return false;
  }
  streams->asked = true;
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';
  return true;
}

void close_nothing(void*) {}
void close_output(void*, bool) {}

util::Status check(rnp_result_t result) {
  if (result == RNP_SUCCESS) {
    return {};
  }
  return Error(ErrorCode::kInternal, std::string("librnp: ") + rnp_result_to_string(result));
}

util::Error reason(rnp_result_t result, const Streams& streams) {
  if (streams.asked && !streams.any_output &&
      (result == RNP_ERROR_BAD_PASSWORD || result == RNP_ERROR_DECRYPT_FAILED ||
       result == RNP_ERROR_NO_SUITABLE_KEY)) {
    return Error(ErrorCode::kDenied,
                 "the passphrase does not open it (or its first bytes are damaged)");
  }
  return Error(ErrorCode::kInvalid,
               std::string("it is damaged or was changed (") + rnp_result_to_string(result) + ")");
}

}  // namespace

util::Result<std::unique_ptr<DecryptSource>> DecryptSource::create(
    const crypto::SecretString& passphrase, util::ByteSource& from) {
  WARDER_RETURN_IF_ERROR(check_passphrase(passphrase));
  return std::unique_ptr<DecryptSource>(new DecryptSource(passphrase.copy(), from));
}

DecryptSource::DecryptSource(crypto::SecretString passphrase, util::ByteSource& from)
    : passphrase_(std::move(passphrase)), from_(from), pipe_(kPipe) {
  thread_ = std::thread([this] { pipe_.close_writer(run()); });
}

DecryptSource::~DecryptSource() {
  pipe_.close_reader();
  thread_.join();
}

util::Status DecryptSource::run() {
  Streams streams{from_, pipe_, passphrase_, {}};
  rnp_ffi_t raw_ffi = nullptr;
  WARDER_RETURN_IF_ERROR(check(rnp_ffi_create(&raw_ffi, "GPG", "GPG")));
  const Ffi ffi(raw_ffi);
  WARDER_RETURN_IF_ERROR(check(rnp_ffi_set_pass_provider(ffi.get(), give_passphrase, &streams)));
  rnp_input_t raw_input = nullptr;
  WARDER_RETURN_IF_ERROR(
      check(rnp_input_from_callback(&raw_input, read_from, close_nothing, &streams)));
  const Input input(raw_input);
  rnp_output_t raw_output = nullptr;
  WARDER_RETURN_IF_ERROR(
      check(rnp_output_to_callback(&raw_output, write_pipe, close_output, &streams)));
  const Output output(raw_output);
  rnp_op_verify_t raw_verify = nullptr;
  WARDER_RETURN_IF_ERROR(
      check(rnp_op_verify_create(&raw_verify, ffi.get(), input.get(), output.get())));
  const Verify verify(raw_verify);
  const rnp_result_t result = rnp_op_verify_execute(verify.get());
  WARDER_RETURN_IF_ERROR(streams.failure);
  if (streams.given_up) {
    return {};
  }
  if (result != RNP_SUCCESS) {
    return reason(result, streams);
  }
  // A message that is merely wrapped has been read as gladly as an encrypted one.
  bool valid = false;
  WARDER_RETURN_IF_ERROR(
      check(rnp_op_verify_get_protection_info(verify.get(), nullptr, nullptr, &valid)));
  if (!valid || !streams.asked) {
    return Error(ErrorCode::kInvalid,
                 "it is not encrypted with a passphrase and protected against changes");
  }
  return {};
}

util::Result<std::size_t> DecryptSource::read(std::span<std::uint8_t> out) {
  return pipe_.read(out);
}

}  // namespace warder::openpgp
