#pragma once

#include <cassert>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace warder::util {

// What a caller can act on. Branch on the code, never on the text.
enum class ErrorCode {
  kNotFound,       // the named thing does not exist
  kInvalid,        // what was given is wrong; trying again does not help
  kDenied,         // permission missing
  kIo,             // a read, write or sync failed
  kTimeout,        // it took longer than its limit
  kUnavailable,    // the other side is away for now; trying again may help
  kConflict,       // somebody else changed it first
  kInternal,       // a defect of ours or of a library
  kConfiguration,  // the operator's configuration has errors, which the text tells
};

std::string_view to_string(ErrorCode code);

// A failure: a code for the program and a text for the operator. The text gains context on the way
// up ("loading jail sshd: filter sshd: line 14: ..."), and never holds a secret.
class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }

  // "context: message", same code.
  Error with_context(std::string_view context) const;

 private:
  ErrorCode code_;
  std::string message_;
};

// An Error made from errno: the text is "what: strerror(errno_value)".
Error errno_error(std::string_view what, int errno_value);

// A value or an Error. Spelled like std::expected so that it can become that once the compilers of
// Debian stable have it. Reading the value of a failed Result is a broken invariant (assert).
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(const T& value) : state_(std::in_place_index<0>, value) {}
  Result(T&& value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  template <typename U>
    requires(std::is_convertible_v<U &&, T> && !std::is_same_v<std::remove_cvref_t<U>, T> &&
             !std::is_same_v<std::remove_cvref_t<U>, Error> &&
             !std::is_same_v<std::remove_cvref_t<U>, Result<T>>)
  Result(U&& value) : state_(std::in_place_index<0>, std::forward<U>(value)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & {
    assert(has_value());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    assert(has_value());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    assert(has_value());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    assert(!has_value());
    return *std::get_if<1>(&state_);
  }

  T value_or(T fallback) const& { return has_value() ? value() : std::move(fallback); }

  // The same result, a failure with "context: " put before its text.
  Result with_context(std::string_view context) && {
    if (has_value()) {
      return std::move(*this);
    }
    return error().with_context(context);
  }

 private:
  std::variant<T, Error> state_;
};

// Success or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  const Error& error() const {
    assert(!has_value());
    return *std::get_if<1>(&state_);
  }
  Result with_context(std::string_view context) && {
    if (has_value()) {
      return std::move(*this);
    }
    return error().with_context(context);
  }

 private:
  std::variant<std::monostate, Error> state_;
};

using Status = Result<void>;

}  // namespace warder::util

// Returns the Error of a failed Result from the current function.
#define WARDER_RETURN_IF_ERROR(expression)                     \
  do {                                                         \
    if (auto warder_status_ = (expression); !warder_status_) { \
      return warder_status_.error();                           \
    }                                                          \
  } while (false)

// WARDER_ASSIGN_OR_RETURN(auto x, compute()): the value, or returns the Error.
#define WARDER_ASSIGN_OR_RETURN(declaration, expression) \
  WARDER_ASSIGN_OR_RETURN_(WARDER_CONCAT_(warder_result_, __LINE__), declaration, expression)
#define WARDER_CONCAT_(a, b) WARDER_CONCAT_INNER_(a, b)
#define WARDER_CONCAT_INNER_(a, b) a##b
#define WARDER_ASSIGN_OR_RETURN_(result, declaration, expression) \
  auto result = (expression);                                     \
  if (!result) {                                                  \
    return result.error();                                        \
  }                                                               \
  declaration = std::move(result).value()
