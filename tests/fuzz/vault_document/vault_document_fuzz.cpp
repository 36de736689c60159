// The JSON of a document: finding one member agrees with a whole parse, and no error repeats the
// content. Also the names of documents.
#include "fuzz/require.h"
#include "vault/provider.h"
#include "vault/reference.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <string>

using namespace warder;
using warder::testing::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto found = vault::document_member(crypto::SecretString(text), "key");
  if (found) {
    const auto whole = nlohmann::json::parse(text, nullptr, false);
    require(whole.is_object() && whole.contains("key") && whole["key"].is_string());
    require(whole["key"].get<std::string>() == found->view());
  } else {
    // One of our own sentences, whatever came in.
    require(found.error().message().size() < 120);
    require(found.error().code() == util::ErrorCode::kInvalid ||
            found.error().code() == util::ErrorCode::kNotFound);
  }
  if (vault::check_name(text)) {
    require(!text.empty() && text.size() <= vault::Provider::kLongestName);
    require(text.find("..") == std::string::npos || text.find("/..") == std::string::npos);
    require(text.front() != '/' && text.front() != '.');
    require(std::none_of(text.begin(), text.end(), [](char c) {
      return c == '\0' || c == '\n' || c == '+' || static_cast<unsigned char>(c) >= 0x7F;
    }));
  }
  return 0;
}
