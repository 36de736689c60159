#pragma once

#include <memory>
#include <rnp/rnp.h>
#include <type_traits>

// Handles of librnp that free themselves.
namespace warder::openpgp {

struct FreeFfi {
  void operator()(rnp_ffi_t handle) const { rnp_ffi_destroy(handle); }
};
struct FreeInput {
  void operator()(rnp_input_t handle) const { rnp_input_destroy(handle); }
};
struct FreeOutput {
  void operator()(rnp_output_t handle) const { rnp_output_destroy(handle); }
};
struct FreeEncrypt {
  void operator()(rnp_op_encrypt_t handle) const { rnp_op_encrypt_destroy(handle); }
};
struct FreeVerify {
  void operator()(rnp_op_verify_t handle) const { rnp_op_verify_destroy(handle); }
};

using Ffi = std::unique_ptr<std::remove_pointer_t<rnp_ffi_t>, FreeFfi>;
using Input = std::unique_ptr<std::remove_pointer_t<rnp_input_t>, FreeInput>;
using Output = std::unique_ptr<std::remove_pointer_t<rnp_output_t>, FreeOutput>;
using Encrypt = std::unique_ptr<std::remove_pointer_t<rnp_op_encrypt_t>, FreeEncrypt>;
using Verify = std::unique_ptr<std::remove_pointer_t<rnp_op_verify_t>, FreeVerify>;

}  // namespace warder::openpgp
