// What leaves no line in an audit log and is asked for: only changes are told, refusals are not
// repeated.
#include "vault/server_state.h"

#include "vault/server_client.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <map>
#include <string>

using namespace warder;
using namespace warder::vault;

namespace {

class HandClock : public util::Clock {
 public:
  util::WallTime now() const override { return util::WallTime(std::chrono::seconds(1793620800)); }
  util::MonotonicTime monotonic() const override { return time; }
  util::MonotonicTime time{std::chrono::hours(1)};
};

// A server that answers as its members say, and counts what it is asked.
struct Server {
  std::map<std::string, std::string> bodies{
      {"sys/seal-status", R"({"sealed":false})"},
      {"sys/rekey/init", R"({"started":false})"},
      {"sys/rekey-recovery-key/init", R"({"started":false})"},
      {"sys/generate-root/attempt", R"({"started":false})"},
      {"sys/audit", R"({"data":{"file/":{}}})"},
      {"sys/audit-hash/file", R"({"data":{"hash":"hmac-sha256:00"}})"}};
  std::map<std::string, int> refused;  // path to status
  std::map<std::string, int> asked;
  HandClock clock;

  Answer answer(const Call& call) {
    ++asked[call.path];
    Answer made;
    if (const auto status = refused.find(call.path); status != refused.end()) {
      made.meaning = Meaning::kDenied;
      made.status = status->second;
      return made;
    }
    made.meaning = Meaning::kOk;
    made.status = 200;
    made.body = SecretJson(nlohmann::json::parse(bodies.at(call.path)));
    return made;
  }
  ServerState state{[this](const Call& call) { return answer(call); },
                    [this](const Call& call) { return answer(call); },
                    {},
                    clock};

  std::vector<std::string> told() {
    std::vector<std::string> texts;
    for (const ProviderNotice& notice : state.look()) {
      texts.push_back(notice.text);
    }
    return texts;
  }
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("nothing is told while nothing happens") {
  Server server;
  CHECK(server.told().empty());
  CHECK(server.told().empty());
  CHECK(server.asked["sys/audit"] == 2);
}

TEST_CASE("a rekey that is under way is told once, and its end") {
  Server server;
  server.bodies["sys/rekey/init"] = R"({"started":true,"t":3,"n":5,"progress":1})";
  CHECK(
      server.told() ==
      Texts{"a rekey (new unseal keys) is under way (1 of 3 key shares given): if nobody of yours "
            "does that, cancel it (DELETE sys/rekey/init) and seal the vault"});
  CHECK(server.told().empty());
  server.bodies["sys/rekey/init"] = R"({"started":false})";
  CHECK(server.told() == Texts{"a rekey (new unseal keys) has ended"});
  server.bodies["sys/generate-root/attempt"] = R"({"started":true,"required":2,"progress":0})";
  CHECK(server.told() ==
        Texts{"the generation of a root token is under way (0 of 2 key shares given): if nobody of "
              "yours does that, cancel it (DELETE sys/generate-root/attempt) and seal the vault"});
}

TEST_CASE("sealing and unsealing are told, and nothing else is asked of a sealed vault") {
  Server server;
  server.told();
  server.bodies["sys/seal-status"] = R"({"sealed":true})";
  const int before = server.asked["sys/audit"];
  CHECK(server.told() ==
        Texts{"the vault is sealed: nobody gets a secret until it is unsealed; look in its audit "
              "log for sys/seal and at the server itself"});
  CHECK(server.told().empty());
  CHECK(server.asked["sys/audit"] == before);
  server.bodies["sys/seal-status"] = R"({"sealed":false})";
  CHECK(server.told() == Texts{"the vault was unsealed"});
}

TEST_CASE("what is refused is not asked again for hours") {
  Server server;
  server.refused = {{"sys/rekey/init", 405}};
  server.told();
  for (int i = 0; i < 4; ++i) {
    CHECK(server.told().empty());
  }
  CHECK(server.asked["sys/rekey/init"] == 1);
  CHECK(server.asked["sys/generate-root/attempt"] == 5);
  server.clock.time += ServerState::kNotOffered;
  server.told();
  CHECK(server.asked["sys/rekey/init"] == 2);
}
