#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace warder::agent {

// Colours for what is written to a terminal; without one, with NO_COLOR (no-color.org) or with
// TERM=dumb every text stays as it is.
class Paint {
 public:
  // Of standard output.
  static Paint of_output();
  static Paint none() { return Paint(false); }

  std::string bold(std::string_view text) const { return with("1", text); }
  std::string dim(std::string_view text) const { return with("2", text); }
  std::string red(std::string_view text) const { return with("31", text); }
  std::string green(std::string_view text) const { return with("32", text); }
  std::string yellow(std::string_view text) const { return with("33", text); }
  std::string cyan(std::string_view text) const { return with("36", text); }
  bool on() const { return on_; }

 private:
  explicit Paint(bool on) : on_(on) {}
  std::string with(std::string_view code, std::string_view text) const;
  bool on_ = false;
};

// How far a long reading is, on standard error when that is a terminal. Takes its line away at the
// end.
class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  // `all` is 0 where it is not known.
  void show(std::uint64_t done, std::uint64_t all);

 private:
  std::string what_;
  bool on_;
  std::optional<std::uint64_t> shown_;  // the percent, or MiB, shown last
};

// Below what was found: why it is so, of one line or several, and what to do, each unless empty.
std::string advice(std::string cause, std::string_view remedy, std::size_t indent,
                   const Paint& paint);

}  // namespace warder::agent
