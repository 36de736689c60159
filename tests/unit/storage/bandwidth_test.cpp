#include "storage/directory.h"
#include "storage/transfer.h"
#include "support/temporary_folder.h"
#include "support/test_server.h"
#include "util/file.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>

// A limit is a least time: a busy machine makes it longer, none makes it shorter. What is moved
// ahead (util::Pace) comes off, and a piece of it.
namespace warder::storage {
namespace {

constexpr util::ByteCount kLimit{400'000};
constexpr std::size_t kBytes = 800'000;
constexpr std::size_t kFirst = 50'000;

class Counter : public util::ByteSink {
 public:
  util::Status write(util::ByteView bytes) override {
    count += bytes.size();
    return {};
  }
  std::size_t count = 0;
};

template <typename Work>
double seconds_of(const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  REQUIRE(work());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

constexpr double kLeast = static_cast<double>(kBytes - kFirst) / kLimit.value;

TEST_CASE("a bandwidth limits what goes to a folder and what comes from it") {
  const testing::TemporaryFolder folder;
  const auto file = folder / "file";
  REQUIRE(util::write_file_atomically(file, std::string(kBytes, 'x'), 0600));
  Directory directory(folder.path(), kLimit);
  CHECK(seconds_of([&] { return directory.put(file, "copy", {}); }) >= kLeast);
  Counter sink;
  CHECK(seconds_of([&] { return directory.get("copy", sink); }) >= kLeast);
  CHECK(sink.count == kBytes);
}

TEST_CASE("a bandwidth limits what libcurl sends and what it takes") {
  const testing::TemporaryFolder folder;
  const FilePart part{folder / "file", 0, kBytes};
  REQUIRE(util::write_file_atomically(part.path, std::string(kBytes, 'x'), 0600));
  const testing::TestServer server([](const testing::TestRequest& request) {
    return testing::TestReply{.body = request.method == "GET" ? std::string(kBytes, 'y')
                                                              : std::string()};
  });
  TransferOptions options;
  options.bandwidth = kLimit;
  Transfer transfer(options);
  TransferRequest sent;
  sent.method = "PUT";
  sent.url = server.url("/a");
  sent.part = &part;
  CHECK(seconds_of([&] { return transfer.http(sent); }) >= kLeast);
  CHECK(server.requests().front().body.size() == kBytes);
  Counter sink;
  TransferRequest taken;
  taken.url = server.url("/a");
  taken.sink = &sink;
  CHECK(seconds_of([&] { return transfer.http(taken); }) >= kLeast);
  CHECK(sink.count == kBytes);
}

}  // namespace
}  // namespace warder::storage
