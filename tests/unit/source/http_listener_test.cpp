// Lines by HTTP: answered at once, whatever becomes of them.
#include "source/http_listener.h"

#include "source/http_request.h"
#include "source/http_source.h"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
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
  const HttpRequestReader::Sink sink{
      [&](std::string_view line) { spoken.lines.emplace_back(line); },
      [&](std::uint64_t length) { spoken.too_long += length; }};
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

}  // namespace

TEST_CASE("a body is cut into lines, requests may follow each other") {
  const Spoken spoken = speak(post("{\"a\":1}\n") + post("x\r\ny") + post(""));
  CHECK(spoken.lines == std::vector<std::string>{"{\"a\":1}", "x", "y"});
  CHECK(spoken.answers == kGood + kGood + kGood);
  CHECK(spoken.open);
  const Spoken longer = speak(post(std::string(30, 'x') + "\nshort\n"));
  CHECK(longer.lines == std::vector<std::string>{"short"});
  CHECK(longer.too_long == 30);
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
  auto opened = HttpListener::open({address, util::kibibytes(1), util::ByteCount{30}});
  REQUIRE(opened);
  Client client(port);
  for (const char* line : {"one", "two", "three"}) {
    CHECK(client.ask(post(std::string(line) + '\n')) == kGood);
  }
  // Nobody reads: 11 bytes wait, 19 more fit.
  for (int i = 0; i < 5; ++i) {
    CHECK(client.ask(post("0123456789\n")) == kGood);
  }
  const util::SystemClock clock;
  HttpSource source(address, {7}, *opened, {}, clock);
  Heard heard;
  const Pumped pumped = source.pump(heard, util::kibibytes(256));
  CHECK(pumped.lines == 4);
  CHECK(heard.lines == std::vector<std::string>{"one", "two", "three", "0123456789"});
  CHECK(heard.notices ==
        std::vector<std::string>{address +
                                 ": 4 lines came faster than they could be judged and 0 were too "
                                 "long; they were answered and dropped (40 bytes). A file device "
                                 "beside this one loses nothing"});
  CHECK(source.status().lost_bytes == 40);
  // There is room again.
  CHECK(client.ask(post("four\n")) == kGood);
  source.pump(heard, util::kibibytes(256));
  CHECK(heard.lines.back() == "four");
  CHECK(heard.notices.size() == 1);
}

TEST_CASE("only loopback addresses with a port are listened at") {
  for (const char* address : {"http://192.0.2.1:80/x", "http://0.0.0.0:80/", "http://127.0.0.1/x",
                              "http://[::]:80/", "https://127.0.0.1:1/", "http://localhost:80/",
                              "http://127.0.0.1:0/", "http://127.0.0.1:99999/"}) {
    INFO(address);
    const auto opened = HttpListener::open({address});
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code() == util::ErrorCode::kInvalid);
  }
}
