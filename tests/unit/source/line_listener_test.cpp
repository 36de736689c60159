// Lines that programs hand in, by HTTP or as a stream: read at once, whatever becomes of them.
#include "source/line_listener.h"

#include "crypto/sha256.h"
#include "source/http_request.h"
#include "source/listener_source.h"
#include "support/temporary_folder.h"
#include "util/bytes.h"
#include "util/encoding.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <fstream>
#include <memory>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

using namespace warder;
using namespace warder::source;

namespace {

struct Spoken {
  std::vector<std::string> lines;
  std::uint64_t too_long = 0;
  std::string answers;
  bool open = true;
};

Spoken speak(const std::string& bytes) {
  Spoken spoken;
  const HttpRequestReader::Limits limits{"/audit", 20, 100};
  const LineAssembler::Sink sink{
      [&](std::string_view line) { spoken.lines.emplace_back(line); },
      [&](const LineAssembler::Oversized& line) { spoken.too_long += line.length; },
      {}};
  HttpRequestReader reader(limits, sink);
  spoken.open = reader.feed(bytes, spoken.answers);
  return spoken;
}

std::string post(const std::string& body, const std::string& path = "/audit") {
  return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

const std::string kGood = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

// A port that was free a moment ago.
int free_port() {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  socklen_t length = sizeof address;
  REQUIRE(::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  ::close(probe);
  return ntohs(address.sin_port);
}

class Client {
 public:
  explicit Client(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    REQUIRE(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  // Sends a request and waits for its answer.
  std::string ask(const std::string& request) {
    REQUIRE(::send(fd_.get(), request.data(), request.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(request.size()));
    std::string answer;
    char buffer[1024];
    while (answer.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = ::recv(fd_.get(), buffer, sizeof buffer, 0);
      if (got <= 0) {
        break;
      }
      answer.append(buffer, static_cast<std::size_t>(got));
    }
    return answer;
  }

 private:
  util::Descriptor fd_;
};

struct Heard : LineHandler {
  void on_line(const model::Line& line) override { lines.emplace_back(line.text); }
  void on_notice(const Notice& notice) override { notices.push_back(notice.text); }
  std::vector<std::string> lines;
  std::vector<std::string> notices;
};

// A stream to a socket at `path`, or to a port.
class Stream {
 public:
  explicit Stream(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  // Blocks until the kernel has taken all of it: for ever, if nobody read.
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      REQUIRE(sent > 0);
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // Returns once the listener has read all that was sent and closed its side, too.
  void end() {
    ::shutdown(fd_.get(), SHUT_WR);
    char byte = 0;
    CHECK(::recv(fd_.get(), &byte, 1, 0) == 0);
  }
  bool is_closed() {
    char byte = 0;
    return ::recv(fd_.get(), &byte, 1, MSG_DONTWAIT) == 0;
  }

 private:
  util::Descriptor fd_;
};

// Everything that the listener has read so far.
void hear(ListenerSource& source, Heard& heard) {
  while (source.pump(heard, util::mebibytes(1)).more) {
  }
}

const std::string kLong =
    R"({"type":"response","auth":{"accessor":"a"},"request":{"path":"secret/metadata/x"},"response":{"data":{"keys":[)";

}  // namespace

TEST_CASE("a body is cut into lines, requests may follow each other") {
  const Spoken spoken = speak(post("{\"a\":1}\n") + post("x\r\ny") + post(""));
  CHECK(spoken.lines == std::vector<std::string>{"{\"a\":1}", "x", "y"});
  CHECK(spoken.answers == kGood + kGood + kGood);
  CHECK(spoken.open);
  const Spoken longer = speak(post(std::string(30, 'x') + "\nshort\n"));
  CHECK(longer.lines == std::vector<std::string>{"short"});
  CHECK(longer.too_long == 31);
}

TEST_CASE("everything else is answered and ends the connection") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"GET /audit HTTP/1.1\r\n\r\n", "405"},
      {"POST /other HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "404"},
      {"POST /audit HTTP/1.1\r\n\r\n", "411"},
      {"POST /audit HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", "411"},
      {"POST /audit HTTP/1.1\r\nContent-Length: 3\r\ncontent-length: 3\r\n\r\n", "411"},
      {"POST /audit HTTP/1.1\r\nContent-Length: -3\r\n\r\n", "400"},
      {"POST /audit HTTP/1.1\r\nContent-Length: 101\r\n\r\n", "413"},
      {"nonsense\r\n\r\n", "400"},
      {std::string(HttpRequestReader::kLongestHead, 'x'), "431"}};
  for (const auto& [bytes, status] : cases) {
    INFO(bytes.substr(0, 60));
    const Spoken spoken = speak(bytes);
    CHECK(spoken.answers.substr(9, 3) == status);
    CHECK_FALSE(spoken.open);
    CHECK(spoken.lines.empty());
  }
}

TEST_CASE("lines come out as they went in; a full queue drops, counts and still answers") {
  const int port = free_port();
  const std::string address = "http://127.0.0.1:" + std::to_string(port) + "/audit";
  // Room for the first three and one more.
  auto opened = LineListener::open(
      {address, util::kibibytes(1), util::ByteCount{4 * LineListener::kCost + 11 + 10}});
  REQUIRE(opened);
  Client client(port);
  for (const char* line : {"one", "two", "three"}) {
    CHECK(client.ask(post(std::string(line) + '\n')) == kGood);
  }
  for (int i = 0; i < 5; ++i) {
    CHECK(client.ask(post("0123456789\n")) == kGood);
  }
  const util::SystemClock clock;
  ListenerSource source(address, {7}, *opened, {}, clock);
  CHECK(source.name() == address);
  Heard heard;
  const Pumped pumped = source.pump(heard, util::kibibytes(256));
  CHECK(pumped.lines == 4);
  CHECK(heard.lines == std::vector<std::string>{"one", "two", "three", "0123456789"});
  CHECK(heard.notices ==
        std::vector<std::string>{address +
                                 ": 4 lines came faster than they could be judged; they were "
                                 "answered and dropped (40 bytes). A file device beside this one "
                                 "loses nothing"});
  CHECK(source.status().lost_bytes == 40);
  // There is room again.
  CHECK(client.ask(post("four\n")) == kGood);
  source.pump(heard, util::kibibytes(256));
  CHECK(heard.lines.back() == "four");
  CHECK(heard.notices.size() == 1);
}

TEST_CASE("a stream's lines come in pieces, glued and by several connections") {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path() / "audit.sock";
  auto opened = LineListener::open({"unix:" + path});
  REQUIRE(opened);
  struct stat facts{};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  CHECK((facts.st_mode & 07777) == 0660);
  const util::SystemClock clock;
  ListenerSource source("unix:" + path, {7}, *opened, {}, clock);
  CHECK(source.name() == "unix:" + path);
  Heard heard;
  {
    Stream one(path);
    Stream two(path);
    one.send("{\"a\":");
    two.send("two\r\n\nthree\n{\"cut");
    one.send("1}\nfour\n");
    one.end();
    two.end();
  }
  hear(source, heard);
  std::sort(heard.lines.begin(), heard.lines.end());
  CHECK(heard.lines == std::vector<std::string>{"four", "three", "two", "{\"a\":1}"});
  // What a connection did not bring to an end is no line.
  CHECK(heard.notices ==
        std::vector<std::string>{
            "unix:" + path +
            ": 1 connections ended within a line, which was not judged; a vault that goes on sends "
            "it again by its next connection (5 bytes). A file device beside this one loses "
            "nothing"});
  CHECK(source.status().lost_bytes == 5);
  opened->reset();
  CHECK(::stat(path.c_str(), &facts) == 0);  // the source has the listener still
}

TEST_CASE("an entry of tens of megabytes is judged by what filters ask for, in constant memory") {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path() / "audit.sock";
  auto opened = LineListener::open({"unix:" + path, util::kibibytes(2)});
  REQUIRE(opened);
  (*opened)->keep({"path", "accessor"});
  const util::SystemClock clock;
  ListenerSource source("unix:" + path, {7}, *opened, {}, clock);
  crypto::Sha256 hash;
  Stream stream(path);
  const auto send = [&](std::string_view bytes) {
    stream.send(bytes);
    hash.update(util::as_bytes(bytes));
  };
  send(kLong);
  std::uint64_t length = kLong.size();
  const std::string keys(64UL * 1024, 'k');
  for (int i = 0; i < 500; ++i) {
    send("\"" + keys + "\",");
    length += keys.size() + 3;
  }
  send("\"last\"]}}}\n");
  length += 11;
  stream.send(std::string(5000, 'x') + "\nshort\n");
  stream.end();
  Heard heard;
  hear(source, heard);
  REQUIRE(heard.lines.size() == 2);
  CHECK(
      heard.lines[0] ==
      R"({"type":"response","auth":{"accessor":"a"},"request":{"path":"secret/metadata/x"},"response":{"data":{}}})");
  CHECK(heard.lines[1] == "short");
  REQUIRE(heard.notices.size() == 2);
  CHECK(heard.notices[0] == "unix:" + path + ": a line of " + std::to_string(length) +
                                " bytes is longer than the limit of 2K and was judged by those of "
                                "its members that JSON filters ask for (SHA-256 " +
                                util::to_hex(hash.finish()) + ")");
  CHECK(heard.notices[1].find("a line of 5001 bytes is longer than the limit of 2K and was not "
                              "judged (SHA-256 ") != std::string::npos);
  CHECK(source.status().oversized == 2);
  CHECK(source.status().lost_bytes == 5001);
}

TEST_CASE("a stream is read to its end though nobody takes its lines; the rest is counted") {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path() / "audit.sock";
  auto opened = LineListener::open({"unix:" + path, util::kibibytes(64), util::kibibytes(64)});
  REQUIRE(opened);
  const util::SystemClock clock;
  ListenerSource source("unix:" + path, {7}, *opened, {}, clock);
  const std::string line(1000, 'x');
  const std::uint64_t fit = util::kibibytes(64).value / (line.size() + LineListener::kCost);
  constexpr std::uint64_t kSent = 20000;  // far more than a socket holds
  Stream stream(path);
  for (std::uint64_t i = 0; i < kSent; ++i) {
    stream.send(line + '\n');
  }
  stream.end();
  Heard heard;
  hear(source, heard);
  CHECK(heard.lines.size() == fit);
  CHECK(heard.notices ==
        std::vector<std::string>{"unix:" + path + ": " + std::to_string(kSent - fit) +
                                 " lines came faster than they could be judged; they were read and "
                                 "dropped (" +
                                 std::to_string((kSent - fit) * line.size()) +
                                 " bytes). A file device beside this one loses nothing"});
}

TEST_CASE("who connects and says nothing keeps nobody out") {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path() / "audit.sock";
  auto opened = LineListener::open({"unix:" + path});
  REQUIRE(opened);
  const util::SystemClock clock;
  ListenerSource source("unix:" + path, {7}, *opened, {}, clock);
  std::vector<std::unique_ptr<Stream>> silent;
  for (std::size_t i = 0; i < LineListener::kConnections + 3; ++i) {
    silent.push_back(std::make_unique<Stream>(path));
  }
  Stream vault(path);
  vault.send("heard\n");
  vault.end();
  Heard heard;
  hear(source, heard);
  CHECK(heard.lines == std::vector<std::string>{"heard"});
  // The last to come have stayed.
  CHECK(std::count_if(silent.begin(), silent.end(),
                      [](const auto& stream) { return stream->is_closed(); }) == 4);
  CHECK(silent.front()->is_closed());
  CHECK_FALSE(silent.back()->is_closed());
}

TEST_CASE("a socket that was left behind makes way; a file and another listener do not") {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path() / "audit.sock";
  {
    const util::Descriptor left(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(::bind(left.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  {
    const auto first = LineListener::open({"unix:" + path});
    REQUIRE(first);
    const auto second = LineListener::open({"unix://" + path});
    REQUIRE_FALSE(second);
    CHECK(second.error().code() == util::ErrorCode::kConflict);
    CHECK(second.error().message() ==
          "another program answers on " + path + "; stop it, or name another path");
  }
  struct stat facts{};
  CHECK(::stat(path.c_str(), &facts) != 0);  // gone with its listener
  std::ofstream(path) << "a file";
  const auto third = LineListener::open({"unix:" + path});
  REQUIRE_FALSE(third);
  CHECK(third.error().code() == util::ErrorCode::kConflict);
  CHECK(::stat(path.c_str(), &facts) == 0);
  const auto fourth = LineListener::open({"unix:" + (folder.path() / "none/audit.sock").string()});
  REQUIRE_FALSE(fourth);
  CHECK(fourth.error().message().find("(its folder must be there before)") != std::string::npos);
}

TEST_CASE("only loopback addresses with a port, and absolute paths, are listened at") {
  const std::string longest = "unix:/" + std::string(107, 'x');
  for (const std::string& address :
       {std::string("http://192.0.2.1:80/x"), std::string("http://0.0.0.0:80/"),
        std::string("http://127.0.0.1/x"), std::string("http://[::]:80/"),
        std::string("https://127.0.0.1:1/"), std::string("http://localhost:80/"),
        std::string("http://127.0.0.1:0/"), std::string("http://127.0.0.1:99999/"),
        std::string("tcp://192.0.2.1:80"), std::string("tcp://127.0.0.1"),
        std::string("tcp://127.0.0.1:80/audit"), std::string("unix:audit.sock"),
        std::string("unix:"), std::string("unix:/run/"), longest}) {
    INFO(address);
    const auto parsed = parse_listen_address(address);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == util::ErrorCode::kInvalid);
  }
  CHECK(parse_listen_address("tcp://[::1]:1")->port == 1);
  CHECK(parse_listen_address("unix:///run/x")->path == "/run/x");
  CHECK(parse_listen_address(longest.substr(0, longest.size() - 1)));
  CHECK(parse_listen_address("tcp://192.0.2.1:80").error().message() ==
        "'tcp://192.0.2.1:80' cannot be listened at: who hands lines in there is not asked who he "
        "is, so only loopback is possible; write for instance tcp://127.0.0.1:8301");
}
