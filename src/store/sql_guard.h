#pragma once

#include "store/database.h"

#include <chrono>

namespace warder::store {

// While it lives, `connection` prepares nothing but SELECT on tables, views and functions (no
// ATTACH, PRAGMA or write), and a statement is interrupted when `limit` is over.
class SqlGuard {
 public:
  SqlGuard(Connection& connection, std::chrono::milliseconds limit);
  SqlGuard(const SqlGuard&) = delete;
  SqlGuard& operator=(const SqlGuard&) = delete;
  ~SqlGuard();

 private:
  static int is_over(void* self);

  Connection& connection_;
  std::chrono::steady_clock::time_point end_;
};

}  // namespace warder::store
