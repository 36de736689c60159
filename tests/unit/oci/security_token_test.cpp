#include "oci/security_token.h"

#include "support/manual_clock.h"
#include "support/temporary_folder.h"
#include "util/encoding.h"
#include "util/file.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace warder;
using namespace std::chrono;

std::string new_key() {
  return std::string(crypto::RsaPrivateKey::generate().value().to_pem().view());
}

std::string base64url(std::string_view text) {
  std::string out = util::to_base64(util::as_bytes(text));
  while (out.ends_with('=')) {
    out.pop_back();
  }
  return out;
}

// A session whose files lie in a folder and whose token service is a function of the test.
struct Session {
  Session() {
    put(key_file, new_key());
    put(token_file, first + "\n");
    auto made = oci::SecurityToken::create(
        profile(),
        [this](const oci::Identity& identity, std::string_view old_token) {
          CHECK(identity.key_id == "ST$" + std::string(old_token));
          asked.emplace_back(old_token);
          return answer;
        },
        clock);
    REQUIRE(made);
    token = std::move(*made);
  }
  static void put(const std::filesystem::path& path, std::string_view text) {
    REQUIRE(util::write_file_atomically(path, text, 0600));
  }
  // From `from` to `until` after the start.
  std::string made(seconds from, seconds until) const {
    return fmt::format("{}.{}.c2ln", base64url("{}"),
                       base64url(fmt::format(R"({{"iat":{},"exp":{}}})", start + from.count(),
                                             start + until.count())));
  }
  oci::Profile profile() const {
    oci::Profile made;
    made.tenancy = "ocid1.tenancy.oc1..t";
    made.key_file = key_file;
    made.security_token_file = token_file;
    return made;
  }
  std::string stored() const { return util::read_file(token_file, util::kibibytes(64)).value(); }
  std::string current() { return token->current()->key_id.substr(3); }

  const testing::TemporaryFolder folder;
  testing::ManualClock clock;
  const std::int64_t start = floor<seconds>(clock.now().time_since_epoch()).count();
  const std::string first = made(0s, 1h);
  const std::filesystem::path key_file = folder.path() / "key.pem";
  const std::filesystem::path token_file = folder.path() / "token";
  util::Result<std::string> answer{util::Error(util::ErrorCode::kUnavailable, "away")};
  std::vector<std::string> asked;
  std::unique_ptr<oci::SecurityToken> token;
};

}  // namespace

TEST_CASE("a session token is exchanged at half of its life and put into its file") {
  Session session;
  CHECK(session.current() == session.first);
  session.clock.advance(29min);
  CHECK(session.current() == session.first);
  CHECK(session.asked.empty());
  session.answer = session.made(30min, 90min);
  session.clock.advance(1min);
  CHECK(session.current() == *session.answer);
  CHECK(session.current() == *session.answer);
  CHECK(session.asked == std::vector{session.first});
  CHECK(session.stored() == *session.answer);
  CHECK(std::filesystem::status(session.token_file).permissions() ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE("files that another program rewrites are read again at once, token and key") {
  Session session;
  CHECK(session.current() == session.first);
  const std::string second = session.made(1min, 61min);
  Session::put(session.token_file, second);
  CHECK(session.current() == second);
  const auto before = session.token->current()->key->public_key_der();
  Session::put(session.key_file, new_key());
  const std::string third = session.made(1min, 50min);
  Session::put(session.token_file, third);
  CHECK(session.current() == third);
  CHECK(session.token->current()->key->public_key_der() != before);
  CHECK(session.asked.empty());
}

TEST_CASE("a file in the middle of being replaced does not stop a token that holds") {
  Session session;
  std::filesystem::remove(session.token_file);
  CHECK(session.current() == session.first);
  Session::put(session.token_file, "half a tok");
  CHECK(session.current() == session.first);
  session.answer = util::Error(util::ErrorCode::kUnavailable, "away");
  session.clock.advance(61min);
  CHECK(session.token->current().error().message() ==
        session.token_file.string() +
            ": the security token is no JWT; get a new one with: oci session authenticate");
}

TEST_CASE("a token service that is away is asked again, seldom, while the token holds") {
  Session session;
  session.clock.advance(31min);
  CHECK(session.current() == session.first);
  CHECK(session.current() == session.first);
  CHECK(session.asked.size() == 1);
  session.clock.advance(30s);
  CHECK(session.current() == session.first);
  CHECK(session.asked.size() == 2);
  session.answer = session.made(32min, 92min);
  session.clock.advance(30s);
  CHECK(session.current() == *session.answer);
}

TEST_CASE("a session that is over is not asked for again, and its end says what to do") {
  Session session;
  session.answer = util::Error(util::ErrorCode::kDenied, "no longer refreshable");
  session.clock.advance(31min);
  CHECK(session.current() == session.first);
  session.clock.advance(20min);
  CHECK(session.current() == session.first);
  CHECK(session.asked.size() == 1);
  session.clock.advance(10min);
  const auto ended = session.token->current();
  CHECK(ended.error().code() == util::ErrorCode::kDenied);
  CHECK(ended.error().message() ==
        "the security token in " + session.token_file.string() +
            " ended at 2026-11-02T13:00:00Z, and no newer one was given: no longer refreshable; "
            "begin a new session with: oci session authenticate");
  // Its user did.
  const std::string next = session.made(61min, 121min);
  Session::put(session.token_file, next);
  CHECK(session.current() == next);
}

TEST_CASE("a token that the service refuses is exchanged, once") {
  Session session;
  session.answer = session.made(1min, 61min);
  CHECK(session.token->renew().value());
  CHECK(session.current() == *session.answer);
  CHECK(session.token->renew().error().message() ==
        "the token service gave a token that ends no later");
  // A newer one in the file comes first.
  Session::put(session.token_file, session.made(2min, 62min));
  CHECK(session.token->renew().value());
  CHECK(session.asked.size() == 2);
}

TEST_CASE("what another program put into the file meanwhile is not written over") {
  Session session;
  session.clock.advance(30min);
  const std::string theirs = session.made(29min, 89min);
  session.answer = session.made(30min, 90min);
  // Between the look at the file and the exchange somebody else refreshes.
  auto racing = oci::SecurityToken::create(
      session.profile(),
      [&](const oci::Identity&, std::string_view) {
        Session::put(session.token_file, theirs);
        return session.answer;
      },
      session.clock);
  REQUIRE(racing);
  CHECK((*racing)->current()->key_id == "ST$" + *session.answer);
  CHECK(session.stored() == theirs);
  CHECK((*racing)->current()->key_id == "ST$" + *session.answer);  // it ends later
}
