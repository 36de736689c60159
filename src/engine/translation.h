#pragma once

#include "config/diagnostics.h"
#include "config/layer.h"

#include <nlohmann/json.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace warder::engine {

// One document of the vault in words of its own (sqlite_documents.h, backup_document.h) while it is
// turned into keys of sections. What is wrong goes to the diagnostics, which must outlive it, with
// the document and the member as its place: "vault security#/thresholds".
class Translation {
 public:
  Translation(std::string_view document, config::Diagnostics& diagnostics)
      : document_(document), diagnostics_(diagnostics) {}

  config::Place place(std::string_view pointer = "") const;
  void error(std::string_view pointer, std::string text, std::string suggestion = {});
  void warning(std::string_view pointer, std::string text);
  void set(std::string_view pointer, std::string_view key, std::string value);

  // The document, or null when it is none.
  nlohmann::json read(const std::string& text);

  // Calls what belongs to each member of an object; others are errors.
  using Reader = std::function<void(const std::string& pointer, const nlohmann::json& value)>;
  using Readers = std::vector<std::pair<std::string_view, Reader>>;
  void members(const std::string& pointer, const nlohmann::json& object, const Readers& readers);

  Reader boolean(std::function<void(const std::string&, bool)> use);
  // A whole number into a key, with the unit behind it.
  Reader number(std::string_view key, std::string_view unit = "");
  // A text into a key, whose table judges it.
  Reader text(std::string_view key);

  std::vector<config::RawOption> options;

 private:
  std::string_view document_;
  config::Diagnostics& diagnostics_;
};

}  // namespace warder::engine
