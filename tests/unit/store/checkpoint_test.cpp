#include "store/checkpoint.h"

#include "store_support.h"

using namespace warder;
using store::Checkpoint;

namespace {

Checkpoint sample() {
  return {"warder/test.example", 1234, crypto::merkle::leaf_hash(util::as_bytes("x"))};
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  text.replace(text.find(from), from.size(), to);
  return text;
}

}  // namespace

TEST_CASE("a signed checkpoint opens with its key and no other") {
  const auto key = testing::secret_key();
  const auto note = store::sign_checkpoint(sample(), key);
  REQUIRE(note);
  const auto opened = store::open_checkpoint(*note, key.public_key());
  REQUIRE(opened);
  CHECK(*opened == sample());
  CHECK(*store::parse_checkpoint(*note) == sample());
  const auto other = store::open_checkpoint(*note, testing::secret_key(8).public_key());
  REQUIRE_FALSE(other);
  CHECK(other.error().code() == util::ErrorCode::kDenied);
  CHECK(other.error().message() == "the checkpoint is not signed by this key");
}

// The form is fixed by C2SP: the key id and base64 are computed here by hand once more.
TEST_CASE("the note has the form of C2SP") {
  const auto key = testing::secret_key();
  const std::string note = *store::sign_checkpoint(sample(), key);
  const std::string body = "warder/test.example\n1234\n" + util::to_base64(sample().root) + "\n";
  REQUIRE(note.starts_with(body + "\n\xe2\x80\x94 warder/test.example "));
  REQUIRE(note.ends_with("\n"));
  const std::size_t at = note.rfind(' ') + 1;
  const util::Bytes blob = *util::from_base64(note.substr(at, note.size() - at - 1));
  REQUIRE(blob.size() == 68);
  std::string named = "warder/test.example\n\x01";
  named += util::as_text(key.public_key().bytes);
  const auto id = crypto::sha256(util::as_bytes(named));
  CHECK(std::equal(blob.begin(), blob.begin() + 4, id.begin()));
  crypto::Ed25519Signature signature{};
  std::copy(blob.begin() + 4, blob.end(), signature.begin());
  CHECK(key.public_key().verify(util::as_bytes(body), signature));
}

TEST_CASE("a witness adds a signature line of its own") {
  const auto key = testing::secret_key();
  const auto witness = testing::secret_key(8);
  const store::VerifierKey known{"warder/test.example/transit/w", witness.public_key()};
  const std::string note = *store::sign_checkpoint(sample(), key);
  CHECK_FALSE(store::is_signed_by(note, known));
  const auto signature = witness.sign(util::as_bytes(store::signed_part(note)));
  REQUIRE(signature);
  const std::string line = store::signature_line(known.name, known.key, *signature);
  const std::string cosigned = note + line;
  CHECK(store::is_signed_by(cosigned, known));
  CHECK(store::is_signed_by(cosigned, {"warder/test.example", key.public_key()}));
  CHECK(*store::open_checkpoint(cosigned, key.public_key()) == sample());
  CHECK_FALSE(store::is_signed_by(cosigned, {known.name, key.public_key()}));
  CHECK_FALSE(store::is_signed_by(cosigned, {"warder/test.example/transit/v", known.key}));
  CHECK_FALSE(store::is_signed_by(replaced(cosigned, "1234", "1233"), known));
  CHECK_FALSE(store::is_signed_by(line, known));
}

TEST_CASE("a changed checkpoint is denied") {
  const auto key = testing::secret_key();
  const std::string note = *store::sign_checkpoint(sample(), key);
  const auto opened = store::open_checkpoint(replaced(note, "1234", "1233"), key.public_key());
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code() == util::ErrorCode::kDenied);
  CHECK(opened.error().message() == "the signature of the checkpoint is wrong");
}

TEST_CASE("a witness's signature beside ours is passed over, extension lines are allowed") {
  const auto key = testing::secret_key();
  const std::string note = *store::sign_checkpoint(sample(), key);
  const std::string witness = "\xe2\x80\x94 witness.example AAAAAAEBAQ==\n";
  CHECK(store::open_checkpoint(note + witness, key.public_key()));
  CHECK(store::parse_checkpoint(replaced(note, "\n\n", "\nextension 7\n\n")));
}

TEST_CASE("what is no checkpoint is refused with its reason") {
  const std::string root = util::to_base64(sample().root);
  const std::string end = "\n\xe2\x80\x94 a AAAAAAEBAQ==\n";
  const std::pair<std::string, std::string> cases[] = {
      {"", "no checkpoint: an empty line and signature lines must end it"},
      {"a\n1\n" + root + "\n", "no checkpoint: an empty line and signature lines must end it"},
      {"a\n1\n" + end, "no checkpoint: origin, size and root are needed"},
      {"a b\n1\n" + root + "\n" + end,
       "no checkpoint: the origin is empty, too long or holds a blank or '+'"},
      {"a\n01\n" + root + "\n" + end, "no checkpoint: the size is no decimal number"},
      {"a\n-1\n" + root + "\n" + end, "no checkpoint: the size is no decimal number"},
      {"a\n18446744073709551616\n" + root + "\n" + end,
       "no checkpoint: the size is no decimal number"},
      {"a\n1\nAAAA\n" + end, "no checkpoint: the root is not the base64 of 32 bytes"},
      {"a\n1\n" + root + "\n\nno signature\n",
       "no checkpoint: a signature line must begin with an em dash and a blank"},
      {"a\r\n1\n" + root + "\n" + end, "no checkpoint: it holds a control character"},
      {"\xff\n1\n" + root + "\n" + end, "no checkpoint: it is not valid UTF-8"},
      {std::string(20000, 'x'), "no checkpoint: it is longer than 16384 bytes"},
  };
  for (const auto& [text, message] : cases) {
    const auto parsed = store::parse_checkpoint(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().message() == message);
  }
}

TEST_CASE("a verifier key survives its text form") {
  const auto key = testing::secret_key().public_key();
  const std::string text = store::format_verifier_key("warder/test.example", key);
  const auto parsed = store::parse_verifier_key(text);
  REQUIRE(parsed);
  CHECK(parsed->name == "warder/test.example");
  CHECK(parsed->key == key);
  for (const std::string& wrong : {replaced(text, "test", "best"), std::string("a+b"),
                                   std::string(), text.substr(0, text.size() - 4)}) {
    CHECK(store::parse_verifier_key(wrong).error().message() ==
          "no verifier key; expected NAME+ID+KEY as the agent prints it");
  }
}
