#include "storage/sigv4.h"

#include "storage/parts.h"
#include "storage/sftp.h"
#include "storage/xml.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace warder::storage {
namespace {

TEST_CASE("a request is signed as Amazon's documentation shows it") {
  // "GET Object" of "Signature Calculations: Examples" (docs.aws.amazon.com, S3 API,
  // sig-v4-header-based-auth).
  const crypto::SecretString secret(std::string_view("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"));
  SigV4Request request;
  request.method = "GET";
  request.host = "examplebucket.s3.amazonaws.com";
  request.path = "/test.txt";
  request.headers["range"] = "bytes=0-9";
  request.payload_sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const SigV4Key key{"AKIAIOSFODNN7EXAMPLE", secret, "us-east-1", "s3"};
  const auto headers = sign_v4(request, key, *util::parse_rfc3339("2013-05-24T00:00:00Z"));
  REQUIRE(headers);
  CHECK(headers->back() ==
        "authorization: AWS4-HMAC-SHA256 "
        "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  // The same with a session token, as botocore's S3SigV4Auth signs it.
  const SigV4Key temporary{"AKIAIOSFODNN7EXAMPLE", secret, "us-east-1", "s3",
                           "AQoDYXdzEPT//////////wEXAMPLE+token/=="};
  const auto with_token = sign_v4(request, temporary, *util::parse_rfc3339("2013-05-24T00:00:00Z"));
  REQUIRE(with_token);
  CHECK(std::count(with_token->begin(), with_token->end(),
                   "x-amz-security-token: AQoDYXdzEPT//////////wEXAMPLE+token/==") == 1);
  CHECK(with_token->back().ends_with(
      "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date;x-amz-security-token, "
      "Signature=06b906eb857c96a1660562a903aad95f223b938d0206bcd9c834c4e6732cff9b"));
  // "Get Bucket (List Objects)" of the same page: a query, sorted and encoded.
  request = {};
  request.method = "GET";
  request.host = "examplebucket.s3.amazonaws.com";
  request.path = "/";
  request.query = {{"prefix", "J"}, {"max-keys", "2"}};
  request.payload_sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const auto list = sign_v4(request, key, *util::parse_rfc3339("2013-05-24T00:00:00Z"));
  REQUIRE(list);
  CHECK(list->back().ends_with(
      "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

TEST_CASE("names and queries are encoded as they are signed") {
  CHECK(encode("a b/ü~", Slash::kKept) == "a%20b/%C3%BC~");
  CHECK(encode("a/b", Slash::kEncoded) == "a%2Fb");
  CHECK(encode_query({{"b", "1+2"}, {"a", ""}}) == "a=&b=1%2B2");
}

TEST_CASE("a file is cut into parts that cover it") {
  const auto parts = cut(25, 10);
  REQUIRE(parts.size() == 3);
  CHECK(parts[2].number == 3);
  CHECK(parts[2].offset == 20);
  CHECK(parts[2].bytes == 5);
  CHECK(cut(std::uint64_t{1} << 40U, 1 << 20).size() <= 9000);
  CHECK(cut(0, 10).empty());
}

TEST_CASE("XML gives its leaves, and refuses document types, depth and garbage") {
  std::string seen;
  const auto note = [&seen](const XmlPart& part) {
    seen += std::string(part.path) + (part.ended ? "/" : "=" + std::string(part.text)) + ' ';
  };
  REQUIRE(read_xml("<?xml version=\"1.0\"?><a><b>1 &lt; 2</b><c/></a>", note));
  CHECK(seen == "a/b=1 < 2 a/c= a/ ");
  CHECK_FALSE(read_xml("<!DOCTYPE a [<!ENTITY b \"x\">]><a>&b;</a>", note));
  CHECK_FALSE(read_xml("<a><b></a>", note));
  CHECK_FALSE(read_xml("", note));
  std::string deep;
  for (int i = 0; i < 33; ++i) {
    deep += "<a>";
  }
  CHECK_FALSE(read_xml(deep, note));
}

TEST_CASE("a listing gives regular files with names of ours") {
  const auto found = read_listing(
      "drwxr-xr-x    2 root     root         4096 Nov 25 12:00 .\n"
      "-rw-------    1 root     root          123 Nov 25 12:00 vw-20261125T155057Z.json\n"
      "-rw-------    1 root     root          124 Nov 25 12:00 a name\n"
      "lrwxrwxrwx    1 root     root          125 Nov 25 12:00 link\n"
      "-rw-------    1 root     root          x Nov 25 12:00 size\n"
      "garbage\n");
  CHECK(found == std::vector<Object>{{"vw-20261125T155057Z.json", 123}});
}

}  // namespace
}  // namespace warder::storage
