// Values of every type: accepted or refused with a reason, and a secret is never told. The first
// byte chooses the key, the rest is the value.
#include "config/check.h"
#include "fuzz/require.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace warder::config;
using warder::testing::require;

constexpr std::string_view kChoices[] = {"one", "two"};
constexpr Key kKeys[] = {
    {.name = "string", .type = Type::kString, .most = "100"},
    {.name = "text", .type = Type::kText},
    {.name = "integer", .type = Type::kInteger, .least = "-5"},
    {.name = "bool", .type = Type::kBool},
    {.name = "duration", .type = Type::kDuration, .least = "1s", .most = "1y", .permanent = true},
    {.name = "bytes", .type = Type::kBytes, .most = "1G"},
    {.name = "enum", .type = Type::kEnum, .choices = kChoices},
    {.name = "path", .type = Type::kPath},
    {.name = "words", .type = Type::kWords, .choices = kChoices},
    {.name = "lines", .type = Type::kLines, .most = "10"},
    {.name = "prefixes", .type = Type::kPrefixes},
    {.name = "ports", .type = Type::kPorts},
    {.name = "address", .type = Type::kAddress},
    {.name = "url", .type = Type::kUrl},
    {.name = "secret", .type = Type::kSecret},
    {.name = "hidden", .type = Type::kUrl, .secret = true},
};
constexpr Table kTable{.section = "x", .keys = kKeys};

std::string told(const Key& key, std::string value, bool* has) {
  Section section{"x", {"f", 1}, {}};
  section.options.push_back({std::string(key.name), std::move(value), {"f", 2}, {}});
  Diagnostics diagnostics;
  const Values values = check(kTable, section, diagnostics);
  *has = values.has(key.name);
  require(*has || diagnostics.has_errors() || section.options[0].text.empty());
  return diagnostics.to_text();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const Key& key = kKeys[data[0] % std::size(kKeys)];
  const std::string value(reinterpret_cast<const char*>(data) + 1, size - 1);
  bool has = false;
  const std::string text = told(key, value, &has);
  require(text.size() < 2000);
  for (const char c : text) {
    require(static_cast<unsigned char>(c) >= 0x20 || c == '\n');
  }
  if ((key.secret || key.type == Type::kSecret) && !text.empty()) {
    // The same words whatever was written.
    bool ignored = false;
    require(text == told(key, "another", &ignored));
  }
  return 0;
}
