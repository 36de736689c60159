#pragma once

#include "files/guard.h"
#include "support/manual_clock.h"
#include "support/temporary_folder.h"
#include "unit/files/seal.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace warder::files {

// A section over a temporary folder, with a store in memory and a clock of its own.
struct World {
  World() {
    options.name = "system";
    options.enabled = true;
    options.expects_packages = false;
    options.fields = Fields("01111111");
    options.budget = util::ByteCount{0};
    options.every = std::chrono::hours(24);
    options.quick_every = std::chrono::hours(1);
    options.root = folder / "root";
    std::filesystem::create_directories(folder / "root/d");
    cover({folder / "root/d"});
    hooks.record = [this](std::vector<model::Event> events, std::vector<Remembered> remembered) {
      if (refuse > 0 && --refuse == 0) {
        return util::Status(util::Error(util::ErrorCode::kIo, "the disk is full"));
      }
      for (const model::Event& event : events) {
        sound = sound && event.message.size() <= model::Event::kLongestMessage &&
                event.detail.size() <= model::Event::kLongestDetail &&
                event.kind == model::EventKind::kIntegrity && event.jail == options.name;
        const auto detail = nlohmann::json::parse(event.detail);
        if (detail.contains("facts") && detail["facts"].contains("root")) {
          newest_root = detail["facts"]["root"];
        }
        details.push_back(detail);
        told.push_back(fmt::format("{} {}", to_string(event.severity), short_of(event.message)));
      }
      for (Remembered& one : remembered) {
        if (one.value.empty()) {
          kept.erase(one.name);
        } else {
          kept[one.name] = std::move(one.value);
        }
      }
      return util::Status();
    };
    hooks.remembered = [this](const std::string& name) -> util::Result<std::optional<std::string>> {
      const auto found = kept.find(name);
      return found == kept.end() ? std::nullopt : std::optional(found->second);
    };
    hooks.names = [this](const std::string& prefix) -> util::Result<std::vector<std::string>> {
      std::vector<std::string> names;
      for (const auto& [name, value] : kept) {
        if (name.starts_with(prefix)) {
          names.push_back(name);
        }
      }
      return names;
    };
    hooks.newest_root = [this](const std::string&) -> util::Result<std::string> {
      return newest_root;
    };
    hooks.seal = testing_seal();
  }
  ~World() { CHECK(sound); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void cover(const std::vector<std::string>& paths, const std::vector<std::string>& exclude = {}) {
    options.scope = Scope::parse(paths, exclude).value();
  }
  std::string path(std::string_view name) const { return (folder / "root/d" / name).string(); }
  void write(std::string_view name, std::string_view content) const {
    folder.write(fmt::format("root/d/{}", name), content);
  }
  // The folder's name out of the way.
  std::string short_of(std::string text) const {
    const std::string base = (folder / "root/d").string();
    for (std::size_t at = text.find(base); at != std::string::npos; at = text.find(base)) {
      text.replace(at, base.size(), "D");
    }
    return text;
  }
  void start() { guard = std::make_unique<Guard>(options, hooks, clock); }
  util::Status full() {
    guard->want_full();
    told.clear();
    details.clear();
    return guard->scan({});
  }
  util::Status look(const TouchedPaths& paths) {
    told.clear();
    details.clear();
    return guard->look(paths, {});
  }
  // Without the event that says that the scan was made.
  std::vector<std::string> news() const {
    std::vector<std::string> rest;
    for (const std::string& line : told) {
      if (!line.starts_with("info scan of ")) {
        rest.push_back(line);
      }
    }
    return rest;
  }

  testing::TemporaryFolder folder;
  testing::ManualClock clock;
  FilesOptions options;
  FilesHooks hooks;
  std::unique_ptr<Guard> guard;
  std::map<std::string, std::string> kept;
  std::string newest_root;
  std::vector<std::string> told;
  std::vector<nlohmann::json> details;
  bool sound = true;  // every event fits the history
  int refuse = 0;     // the record that fails, counted from 1
};

}  // namespace warder::files
