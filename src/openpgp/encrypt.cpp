#include "openpgp/encrypt.h"

#include "openpgp/rnp_handles.h"

#include <algorithm>
#include <rnp/rnp_err.h>
#include <string>
#include <string_view>

namespace warder::openpgp {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::size_t kPipe = std::size_t{1} << 20U;
// The largest count that the S2K octet can say (RFC 4880 section 3.7.1.3).
constexpr std::size_t kIterations = 65'011'712;

struct Streams {
  util::BytePipe& from;
  util::ByteSink& to;
  util::Status failure;
};

bool read_pipe(void* context, void* buffer, std::size_t size, std::size_t* got) {
  auto* const streams = static_cast<Streams*>(context);
  // librnp goes on reading after a failed write; who writes to us is to be told at once.
  if (!streams->failure) {
    return false;
  }
  const auto count = streams->from.read({static_cast<std::uint8_t*>(buffer), size});
  if (!count) {
    streams->failure = count.error();
    return false;
  }
  *got = *count;
  return true;
}

bool write_next(void* context, const void* bytes, std::size_t size) {
  auto* const streams = static_cast<Streams*>(context);
  streams->failure = streams->to.write({static_cast<const std::uint8_t*>(bytes), size});
  return streams->failure.has_value();
}

void close_nothing(void*) {}
void close_output(void*, bool) {}

util::Status check(rnp_result_t result, std::string_view what) {
  if (result == RNP_SUCCESS) {
    return {};
  }
  return Error(ErrorCode::kInternal, std::string(what) + ": " + rnp_result_to_string(result));
}

}  // namespace

util::Status check_passphrase(const crypto::SecretString& passphrase) {
  const std::string_view text = passphrase.view();
  if (text.empty()) {
    return Error(ErrorCode::kInvalid, "the passphrase is empty");
  }
  if (text.size() > kLongestPassphrase) {
    return Error(ErrorCode::kInvalid,
                 "the passphrase is longer than " + std::to_string(kLongestPassphrase) + " bytes");
  }
  if (text.find_first_of(std::string_view("\0\r\n", 3)) != std::string_view::npos) {
    return Error(ErrorCode::kInvalid, "the passphrase holds a line end or a zero byte");
  }
  return {};
}

util::Result<std::unique_ptr<EncryptSink>> EncryptSink::create(
    const crypto::SecretString& passphrase, util::ByteSink& next) {
  WARDER_RETURN_IF_ERROR(check_passphrase(passphrase));
  return std::unique_ptr<EncryptSink>(new EncryptSink(passphrase.copy(), next));
}

EncryptSink::EncryptSink(crypto::SecretString passphrase, util::ByteSink& next)
    : passphrase_(std::move(passphrase)), next_(next), pipe_(kPipe) {
  thread_ = std::thread([this] {
    outcome_ = run();
    pipe_.close_reader();
  });
}

EncryptSink::~EncryptSink() {
  if (thread_.joinable()) {
    pipe_.close_writer(Error(ErrorCode::kUnavailable, "given up"));
    thread_.join();
  }
}

util::Status EncryptSink::run() {
  Streams streams{pipe_, next_, {}};
  rnp_ffi_t raw_ffi = nullptr;
  WARDER_RETURN_IF_ERROR(check(rnp_ffi_create(&raw_ffi, "GPG", "GPG"), "starting librnp"));
  const Ffi ffi(raw_ffi);
  rnp_input_t raw_input = nullptr;
  WARDER_RETURN_IF_ERROR(
      check(rnp_input_from_callback(&raw_input, read_pipe, close_nothing, &streams), "librnp"));
  const Input input(raw_input);
  rnp_output_t raw_output = nullptr;
  WARDER_RETURN_IF_ERROR(
      check(rnp_output_to_callback(&raw_output, write_next, close_output, &streams), "librnp"));
  const Output output(raw_output);
  rnp_op_encrypt_t raw_encrypt = nullptr;
  WARDER_RETURN_IF_ERROR(
      check(rnp_op_encrypt_create(&raw_encrypt, ffi.get(), input.get(), output.get()), "librnp"));
  const Encrypt encrypt(raw_encrypt);
  std::string text(passphrase_.view());
  const rnp_result_t added =
      rnp_op_encrypt_add_password(encrypt.get(), text.c_str(), "SHA256", kIterations, "AES256");
  crypto::wipe(&text);
  WARDER_RETURN_IF_ERROR(check(added, "deriving the key"));
  WARDER_RETURN_IF_ERROR(check(rnp_op_encrypt_set_cipher(encrypt.get(), "AES256"), "librnp"));
  // AEAD as librnp writes it (draft 4880bis) is not read by every gpg; MDC is.
  WARDER_RETURN_IF_ERROR(check(rnp_op_encrypt_set_aead(encrypt.get(), "None"), "librnp"));
  WARDER_RETURN_IF_ERROR(
      check(rnp_op_encrypt_set_compression(encrypt.get(), "Uncompressed", 0), "librnp"));
  const rnp_result_t result = rnp_op_encrypt_execute(encrypt.get());
  WARDER_RETURN_IF_ERROR(streams.failure);
  return check(result, "encrypting");
}

util::Status EncryptSink::join() {
  thread_.join();
  return outcome_;
}

util::Status EncryptSink::write(util::ByteView bytes) {
  if (pipe_.write(bytes)) {
    return {};
  }
  // The thread has ended before the end of the data: it says why.
  if (thread_.joinable()) {
    WARDER_RETURN_IF_ERROR(join());
  }
  return Error(ErrorCode::kInternal, "encrypting ended early");
}

util::Status EncryptSink::finish() {
  if (!thread_.joinable()) {
    return Error(ErrorCode::kInternal, "encrypting had failed before");
  }
  pipe_.close_writer({});
  WARDER_RETURN_IF_ERROR(join());
  return next_.finish();
}

}  // namespace warder::openpgp
