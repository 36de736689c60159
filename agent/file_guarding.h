#pragma once

#include "agent/wiring.h"
#include "engine/routes.h"
#include "files/stored.h"
#include "store/store.h"

#include <filesystem>
#include <functional>
#include <stop_token>

namespace warder::agent {

// What file integrity is joined to; all of it must outlive what is made of it.
struct FileParts {
  store::Store* store = nullptr;
  const engine::Routes* routes = nullptr;
  std::filesystem::path database;
  std::filesystem::path key;  // that signs checkpoints; it must be there
  std::stop_token stop;       // ends waiting for the store
  std::function<void()> outbox_ready;
};
util::Result<files::FilesHooks> file_hooks(FileParts parts);

// For commands beside the agent: reads, checks signatures with the verifier key, records nothing.
util::Result<files::FilesHooks> file_readers(const engine::MainConfiguration& main);

}  // namespace warder::agent
