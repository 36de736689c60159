#pragma once

#include "util/byte_stream.h"
#include "util/result.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::storage {

struct Object {
  std::string name;
  std::uint64_t bytes = 0;
  friend bool operator==(const Object&, const Object&) = default;
};

// Called now and then with the bytes moved so far; false stops with kUnavailable. May be empty.
using Progress = std::function<bool(std::uint64_t bytes)>;

// What keeps backups from being removed by whoever has this host's credentials.
struct Protection {
  enum class State : std::uint8_t {
    kNone,      // nothing does
    kUnlocked,  // a rule that whoever manages the bucket can take away
    kLocked,    // a rule that nobody can take away or make shorter
  };
  State state = State::kNone;
  // One sentence: "a retention rule of 30 days, locked since 2026-11-01".
  std::string text;
  // What the owner of the place types to have more of it; empty when there is no more to have, or
  // the place has no such thing.
  std::string command;
};
std::string_view to_string(Protection::State state);

// A place outside this host that holds files under plain names (no '/'). One thread at a time.
//
// Errors: kNotFound, kDenied (credentials, permission), kUnavailable and kTimeout (try again),
// kInvalid (an answer that makes no sense), kIo. Texts say what is wrong and what to do, never a
// secret; whoever tells them says where (describe()).
class Storage {
 public:
  virtual ~Storage() = default;

  // For people: "s3 bucket backups at s3.example.org".
  virtual std::string describe() const = 0;
  // All objects whose name begins with `prefix`, in order of name.
  virtual util::Result<std::vector<Object>> list(std::string_view prefix) = 0;
  // Brings a file there under `name`, replacing what has that name. It appears whole or not at all.
  // One that broke off goes on where it stopped, where the place can do that.
  virtual util::Status put(const std::filesystem::path& file, std::string_view name,
                           const Progress& progress) = 0;
  // Writes the object to `sink` without finishing it.
  virtual util::Status get(std::string_view name, util::ByteSink& sink) = 0;
  // No error when it is not there.
  virtual util::Status remove(std::string_view name) = 0;
  // Asks the place. By default it has no such thing.
  virtual util::Result<Protection> protection();
};

// 1 to 200 characters of letters, digits, '.', '_' and '-', not beginning with '.'. What a storage
// lists under other names is passed over.
bool is_valid_object_name(std::string_view name);
// kInvalid for another.
util::Status check_object_name(std::string_view name);

}  // namespace warder::storage
