#pragma once

#include "filter/json_condition.h"
#include "filter/json_filter.h"

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace warder::filter {

// What a `format = json` file says, checked, as trees. Every JsonFilter is one of these: the
// interface only keeps the trees out of the sight of those who hold filters.
class JsonRules final : public JsonFilter {
 public:
  const std::vector<Pattern>& patterns() const override { return written; }
  std::set<std::string> members() const override;
  std::vector<std::string> fields() const override {
    std::vector<std::string> names;
    for (const auto& [name, path] : captures) {
      names.push_back(name);
    }
    return names;
  }

  std::vector<Pattern> written;
  std::vector<Expression> conditions;  // one a pattern; the first that holds is the finding
  std::optional<Expression> ignore;
  JsonPath time;
  // Where the offender's address may stand, best first.
  std::vector<JsonPath> address;
  // Who really opened the connection. Where it is known, headers are believed only when it is one
  // of our proxies.
  std::optional<JsonPath> peer;
  // What our proxies report about those behind them: a text or an array of texts, each a list of
  // addresses, the last the nearest.
  std::optional<JsonPath> forwarded;
  std::optional<JsonPath> user;
  std::optional<JsonPath> once;
  // A line that blames no address is a finding all the same.
  bool without_address = false;
  // Texts with which an entry begins: where a line is no JSON as a whole, entries are looked for.
  std::vector<std::string> begins;
  std::vector<std::pair<std::string, JsonPath>> captures;
  // Which of the captures tell people what happened, in this order; empty: all, with their names.
  std::vector<std::size_t> message;
};

}  // namespace warder::filter
