#include "vault/generation_mark.h"

#include "util/file.h"
#include "vault/sealed.h"

#include <fmt/core.h>

namespace warder::vault {
namespace {

constexpr std::string_view kMagic = "WRDRMARK";
constexpr util::ByteCount kLargest{4096};

}  // namespace

util::Result<std::uint64_t> read_mark(const std::filesystem::path& path,
                                      const crypto::SecretString& key) {
  auto content = util::read_file(path, kLargest);
  if (!content) {
    if (content.error().code() == util::ErrorCode::kNotFound) {
      return std::uint64_t{0};
    }
    return content.error();
  }
  const auto mark = unseal(kMagic, key, {}, util::as_bytes(*content));
  if (!mark) {
    return mark.error().with_context(
        fmt::format("{}: the mark of the vault's generation (remove it when you know that the "
                    "vault file is genuine)",
                    path.string()));
  }
  return mark->counter;
}

util::Status write_mark(const std::filesystem::path& path, const crypto::SecretString& key,
                        std::uint64_t generation, std::optional<util::FileOwner> owner) {
  WARDER_ASSIGN_OR_RETURN(const util::Bytes sealed, seal(kMagic, key, generation, {}, {}));
  return util::write_file_atomically(path, util::as_text(sealed), 0600, owner);
}

}  // namespace warder::vault
