#pragma once

#include "store/batch.h"
#include "store/database.h"
#include "store/names.h"
#include "util/clock.h"
#include "util/result.h"

#include <cstdint>
#include <string>

namespace warder::store {

// Running bans and those that ended. Works inside the transaction of its caller.
class BanTable {
 public:
  util::Status open(Connection& connection, Names& names);

  // Ending a ban that does not run changes nothing: it ended already.
  util::Status apply(const BanChange& change);

  // Every end moves by so much.
  util::Status shift(std::chrono::microseconds by);

  // Looks at the next `limit` running bans and moves those that ended before `now` into the past.
  // Gives whether it came to the end of the table; the next call begins anew then.
  util::Result<bool> sweep(util::WallTime now, std::int64_t limit);
  // The same for past bans: removes those of the next `limit` that ended before `cutoff`, and adds
  // their number to `removed`.
  util::Result<bool> forget(util::WallTime cutoff, std::int64_t limit, std::uint64_t* removed);

 private:
  Connection* connection_ = nullptr;
  Names* names_ = nullptr;
  Statement set_;
  Statement move_;
  Statement remove_;
  Statement shift_;
  Statement scan_;
  Statement scan_past_;
  Statement remove_past_;
  // Behind which row sweep() and forget() go on.
  struct Cursor {
    std::string address;
    std::int64_t jail = -1;
    std::int64_t start = 0;
  };
  Cursor running_;
  Cursor past_;
};

}  // namespace warder::store
