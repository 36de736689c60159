#include "source/stdin_source.h"

#include "unit/source/following.h"

#include <catch2/catch.hpp>

#include <string>
#include <unistd.h>

using namespace warder;
using namespace warder::testing;

namespace {

struct Pipe {
  util::Descriptor read;
  util::Descriptor write;
  Pipe() {
    int fds[2];
    REQUIRE(::pipe(fds) == 0);
    read.reset(fds[0]);
    write.reset(fds[1]);
  }
  void put(std::string_view bytes) const {
    REQUIRE(::write(write.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
};

}  // namespace

TEST_CASE("lines from a pipe, the last one without line end", "[source]") {
  Pipe pipe;
  ManualClock clock;
  Recorder recorder;
  source::StdinSource source({}, std::move(pipe.read), clock);
  const auto pump = [&] { return source.pump(recorder, util::mebibytes(1)); };
  REQUIRE_FALSE(pump().finished);
  pipe.put("one\ntw");
  pump();
  pipe.put("o\r\nthree");
  pump();
  REQUIRE(recorder.lines.size() == 2);
  REQUIRE(recorder.lines[1].offset == 4);
  REQUIRE(recorder.lines[1].length == 5);
  pipe.write.reset();
  REQUIRE(pump().finished);
  REQUIRE(recorder.take() == Texts{"one", "two", "three"});
  REQUIRE(source.log_info(0).name == "stdin");
  REQUIRE(recorder.notices.empty());
}

TEST_CASE("other options take half a line along", "[source]") {
  Pipe pipe;
  ManualClock clock;
  Recorder recorder;
  source::StdinSource source({}, std::move(pipe.read), clock);
  const auto pump = [&] { return source.pump(recorder, util::mebibytes(1)); };
  pipe.put("one\ntw");
  pump();
  source.use({util::ByteCount{3}, {3, 4}});
  pipe.put("o\nfour\nfiv\n");
  pump();
  REQUIRE(recorder.take() == Texts{"one", "two", "fiv"});
  REQUIRE(recorder.notices.size() == 1);
  REQUIRE(source.log_info(0).inputs == std::vector<std::uint32_t>{3, 4});
}

TEST_CASE("an over-long line from a pipe is named, the next one judged", "[source]") {
  Pipe pipe;
  ManualClock clock;
  Recorder recorder;
  source::StdinSource source({util::ByteCount{8}}, std::move(pipe.read), clock);
  const auto pump = [&] { return source.pump(recorder, util::mebibytes(1)); };
  pipe.put("12345678\r\n123456789\n");
  pump();
  pipe.put("abcdefghij");
  pump();
  pipe.put("klm\nend\n");
  pump();
  REQUIRE(recorder.take() == Texts{"12345678", "end"});
  REQUIRE(recorder.notices.size() == 2);
  REQUIRE(recorder.notices[0].offset == 10U);
  REQUIRE(recorder.notices[0].length == 10U);
  REQUIRE(recorder.notices[1].offset == 20U);
  REQUIRE(recorder.notices[1].length == 14U);
  // printf 'abcdefghijklm\n' | sha256sum
  REQUIRE(recorder.notices[1].sha256 ==
          "e37403713d952c656f11088f6be5c4fa80c133511637e5132c77d22a01e94d2b");
}
