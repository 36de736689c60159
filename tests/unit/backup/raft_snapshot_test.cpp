#include "backup/raft_snapshot.h"

#include "backup/gzip.h"
#include "backup/streams.h"
#include "crypto/sha256.h"
#include "support/temporary_folder.h"
#include "util/encoding.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>

#include <string>
#include <utility>
#include <vector>

using namespace warder;
using util::ErrorCode;

namespace {

using Files = std::vector<std::pair<std::string, std::string>>;

// A ustar archive (POSIX.1-1988) of plain files.
std::string tar_of(const Files& files) {
  std::string archive;
  for (const auto& [name, text] : files) {
    std::string head(512, '\0');
    head.replace(0, name.size(), name);
    head.replace(100, 7, "0000600");
    head.replace(108, 7, "0000000");
    head.replace(116, 7, "0000000");
    head.replace(124, 11, fmt::format("{:011o}", text.size()));
    head.replace(136, 11, "00000000000");
    head.replace(148, 8, "        ");
    head[156] = '0';
    head.replace(257, 8, std::string("ustar\00000", 8));
    unsigned sum = 0;
    for (const char c : head) {
      sum += static_cast<unsigned char>(c);
    }
    head.replace(148, 7, fmt::format("{:06o}", sum) + '\0');
    archive += head + text + std::string((512 - text.size() % 512) % 512, '\0');
  }
  return archive + std::string(1024, '\0');
}

std::string sums_of(const Files& files) {
  std::string text;
  for (const auto& [name, content] : files) {
    text += fmt::format("{}  {}\n", util::to_hex(crypto::sha256(util::as_bytes(content))), name);
  }
  return text;
}

const Files kData = {{"meta.json", R"({"Version":1,"Index":64,"Term":3,"Size":5})"},
                     {"state.bin", "state"}};

Files with(Files files, std::string sums) {
  files.emplace_back("SHA256SUMS", std::move(sums));
  return files;
}

class Snapshot {
 public:
  util::Result<backup::RaftMark> check(const Files& files,
                                       util::ByteCount limit = util::mebibytes(1)) {
    return check_archive(tar_of(files), limit);
  }
  util::Result<backup::RaftMark> check_archive(std::string_view archive,
                                               util::ByteCount limit = util::mebibytes(1)) {
    const auto path = folder_.path() / fmt::format("{}", ++count_);
    auto file = backup::FileSink::create(path);
    REQUIRE(file);
    backup::GzipSink gzip(6, *file, 0);
    REQUIRE(gzip.write(util::as_bytes(archive)));
    REQUIRE(gzip.finish());
    auto mark = backup::check_raft_snapshot(path, folder_.path() / "work", limit);
    CHECK_FALSE(std::filesystem::exists(folder_.path() / "work"));
    return mark;
  }
  std::string refusal(const Files& files) {
    const auto mark = check(files);
    REQUIRE_FALSE(mark);
    CHECK(mark.error().code() == ErrorCode::kInvalid);
    return mark.error().message();
  }

 private:
  testing::TemporaryFolder folder_;
  int count_ = 0;
};

}  // namespace

TEST_CASE("a raft snapshot is whole when every file is what SHA256SUMS says") {
  Snapshot snapshot;
  const auto mark = snapshot.check(with(kData, sums_of(kData)));
  REQUIRE(mark);
  CHECK(mark->index == 64);
  CHECK(mark->term == 3);
  Files sealed = with(kData, sums_of(kData));
  sealed.emplace_back("SHA256SUMS.sealed", "only the vault reads this");
  CHECK(snapshot.check(sealed));
}

TEST_CASE("a raft snapshot that was changed or cut is refused with the reason") {
  Snapshot snapshot;
  const std::string begin = "it is no whole raft snapshot: ";
  Files changed = with(kData, sums_of(kData));
  changed[1].second = "sTate";
  CHECK(snapshot.refusal(changed) == begin + "state.bin is not what SHA256SUMS says");
  CHECK(snapshot.refusal(kData) == begin + "SHA256SUMS is not in it");
  CHECK(snapshot.refusal(with({kData[0]}, sums_of(kData))) ==
        begin + "SHA256SUMS names state.bin, which is not in it");
  CHECK(snapshot.refusal(with({kData[0]}, sums_of({kData[0]}))) ==
        begin + "SHA256SUMS does not name state.bin");
  Files more = with(kData, sums_of(kData));
  more.emplace_back("peers.json", "[]");
  CHECK(snapshot.refusal(more) == begin + "peers.json is in it, but not in SHA256SUMS");
  CHECK(snapshot.refusal(with(kData, sums_of(kData) + sums_of(kData))) ==
        begin + "SHA256SUMS names meta.json twice");
  CHECK(snapshot.refusal(with(kData, "not a sum\n")) ==
        begin + "SHA256SUMS has the line \"not a sum\"");
  const std::string whole = tar_of(with(kData, sums_of(kData)));
  for (const std::size_t cut : {std::size_t{0}, std::size_t{100}, std::size_t{1536}}) {
    const auto mark = snapshot.check_archive(std::string_view(whole).substr(0, cut));
    REQUIRE_FALSE(mark);
    CHECK(mark.error().code() == ErrorCode::kInvalid);
  }
}

TEST_CASE("a raft snapshot may not unpack to more than is allowed") {
  Snapshot snapshot;
  const Files large = {kData[0], {"state.bin", std::string(100'000, 'x')}};
  CHECK(snapshot.check(with(large, sums_of(large))));
  const auto mark = snapshot.check(with(large, sums_of(large)), util::kibibytes(64));
  REQUIRE_FALSE(mark);
  CHECK(mark.error().code() == ErrorCode::kInvalid);
}
