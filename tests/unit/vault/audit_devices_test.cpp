// The vault's audit devices: which there are, and whether each is still the one it was, by the hash
// of a constant. Told once, over a restart too; what may not be asked is told once.
#include "vault/audit_devices.h"

#include "support/manual_clock.h"
#include "support/temporary_folder.h"
#include "vault/server_client.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <map>
#include <set>
#include <string>

using namespace warder;
using namespace warder::vault;
using nlohmann::json;

namespace {

using Texts = std::vector<std::string>;

// A vault with devices, each with the salt that the server gave it.
struct Vault {
  std::map<std::string, std::string> devices{{"file", "1"}};
  std::set<std::string> refused = {};  // paths
  bool away = false;
  std::map<std::string, int> asked = {};
  std::set<std::string> bodies = {};

  Answer answer(const Call& call) {
    ++asked[call.path];
    Answer made;
    made.meaning = Meaning::kOk;
    made.status = 200;
    const std::string hashed = "sys/audit-hash/";
    if (away) {
      made.meaning = Meaning::kServerFault;
      made.status = 500;
    } else if (refused.contains(call.path)) {
      made.meaning = Meaning::kDenied;
      made.status = 403;
      made.text = "no right to " + call.path;
    } else if (call.path == "sys/audit") {
      json data = json::object();
      for (const auto& [name, salt] : devices) {
        data[name + "/"] = {{"type", "file"}};
      }
      made.body = SecretJson(json{{"data", data}});
    } else if (const auto found = devices.find(call.path.substr(hashed.size()));
               found != devices.end()) {
      bodies.emplace(call.body.view());
      made.body = SecretJson(json{{"data", {{"hash", "hmac-sha256:" + found->second}}}});
    } else {
      made.meaning = Meaning::kBadRequest;
      made.status = 400;
    }
    return made;
  }
};

// One life of an agent that looks at `vault`.
struct Agent {
  explicit Agent(Vault& asked, AuditDeviceOptions options = {})
      : devices(
            std::move(options), [&asked](const Call& call) { return asked.answer(call); }, clock) {}

  Texts told() {
    std::vector<ProviderNotice> notices;
    devices.look(notices);
    Texts texts;
    for (const ProviderNotice& notice : notices) {
      texts.push_back(notice.text);
    }
    return texts;
  }

  testing::ManualClock clock;
  AuditDevices devices;
};

AuditDeviceOptions kept_in(const std::filesystem::path& folder, std::string vault = "https://a") {
  return {{}, std::move(vault), folder / "devices", crypto::SecretString(std::string(32, 'k'))};
}

std::string gone(const std::string& name) {
  return "the vault's audit device " + name +
         " is gone: what it would have written is written nowhere";
}

std::string made_anew(const std::string& name) {
  return "the vault's audit device " + name +
         " was removed and made anew (it hashes the same text to something else): what was done in "
         "between may be written nowhere; look at the vault's other devices and its server's own "
         "log for who did that";
}

}  // namespace

TEST_CASE("devices that stay what they are give no word, and are asked the same each time") {
  Vault vault{.devices = {{"file", "1"}, {"tcp", "2"}}};
  Agent agent(vault);
  for (int i = 0; i < 3; ++i) {
    CHECK(agent.told().empty());
  }
  CHECK(vault.asked == std::map<std::string, int>{{"sys/audit", 3},
                                                  {"sys/audit-hash/file", 3},
                                                  {"sys/audit-hash/tcp", 3}});
  CHECK(vault.bodies.size() == 1);
}

TEST_CASE("a device that was removed and made anew between two looks is told, once") {
  Vault vault{.devices = {{"file", "1"}, {"tcp", "2"}}};
  Agent agent(vault);
  agent.told();
  vault.devices["file"] = "3";
  CHECK(agent.told() == Texts{made_anew("file/")});
  CHECK(agent.told().empty());
}

TEST_CASE("audit devices that come and go are told") {
  Vault vault;
  Agent agent(vault);
  agent.told();
  vault.devices = {{"raw\n", "2"}};
  CHECK(agent.told() == Texts{gone("file/"), "the vault has a new audit device raw\\x0a/"});
  vault.devices = {{"file", "3"}};
  // Another salt is no news of a device that is new.
  CHECK(agent.told() == Texts{gone("raw\\x0a/"), "the vault has a new audit device file/"});
  Vault bare{.devices = {}};
  CHECK(Agent(bare).told() ==
        Texts{"the vault has no audit device: what is done there is written nowhere"});
}

TEST_CASE("an identity that may not list devices looks at those that are named") {
  Vault vault{.refused = {"sys/audit"}};
  Agent agent(vault, {.named = {"file", "tcp"}});
  const Texts unknown{
      "the vault has no audit device tcp/, which [vault] audit_devices names: enable it, or name "
      "those that there are"};
  CHECK(agent.told() == unknown);
  CHECK(agent.told().empty());
  vault.devices["file"] = "2";
  CHECK(agent.told() == Texts{made_anew("file/")});
  vault.devices.erase("file");
  CHECK(agent.told() == Texts{gone("file/")});
  CHECK(agent.told().empty());
  vault.devices["tcp"] = "4";
  CHECK(agent.told().empty());
  vault.devices["tcp"] = "5";
  CHECK(agent.told() == Texts{made_anew("tcp/")});
  // Asked for once in hours only.
  CHECK(vault.asked["sys/audit"] == 1);
  agent.clock.advance(AuditDevices::kNotOffered);
  agent.told();
  CHECK(vault.asked["sys/audit"] == 2);
}

TEST_CASE("what may not be asked is told once") {
  Vault vault{.refused = {"sys/audit"}};
  Agent blind(vault);
  const Texts nothing{
      "whether somebody removes the vault's audit devices or makes them anew is not seen: this "
      "identity may not list them (sys/audit needs sudo) and [vault] audit_devices names none; "
      "name them there, and grant update on sys/audit-hash/NAME"};
  CHECK(blind.told() == nothing);
  blind.clock.advance(AuditDevices::kNotOffered);
  CHECK(blind.told().empty());
  Vault half{.refused = {"sys/audit-hash/file"}};
  Agent agent(half);
  CHECK(agent.told() ==
        Texts{"whether somebody removes the vault's audit device file/ and makes it anew is not "
              "seen, since its hash of a constant may not be asked for (grant update on "
              "sys/audit-hash/file): no right to sys/audit-hash/file"});
  CHECK(agent.told().empty());
  CHECK(half.asked["sys/audit-hash/file"] == 1);
  agent.clock.advance(AuditDevices::kNotOffered);
  CHECK(agent.told().empty());
  CHECK(half.asked["sys/audit-hash/file"] == 2);
}

TEST_CASE("a vault that is away has no devices that are gone") {
  Vault vault;
  Agent agent(vault, {.named = {"file"}});
  agent.told();
  vault.away = true;
  CHECK(agent.told().empty());
  vault.away = false;
  CHECK(agent.told().empty());
}

TEST_CASE("what was seen is remembered over a restart, of the same vault") {
  const testing::TemporaryFolder folder;
  Vault vault{.devices = {{"file", "1"}, {"tcp", "2"}}};
  CHECK(Agent(vault, kept_in(folder.path())).told().empty());
  CHECK(Agent(vault, kept_in(folder.path())).told().empty());
  vault.devices = {{"file", "3"}};
  CHECK(Agent(vault, kept_in(folder.path())).told() == Texts{gone("tcp/"), made_anew("file/")});
  CHECK(Agent(vault, kept_in(folder.path())).told().empty());
  vault.devices = {{"file", "9"}};
  CHECK(Agent(vault, kept_in(folder.path(), "https://b")).told().empty());
  Vault blind{.refused = {"sys/audit"}};
  CHECK(Agent(blind, kept_in(folder.path(), "https://c")).told().size() == 1);
  CHECK(Agent(blind, kept_in(folder.path(), "https://c")).told().empty());
}

TEST_CASE("what was changed on disk counts for nothing, what cannot be written is told once") {
  const testing::TemporaryFolder folder;
  Vault vault;
  CHECK(Agent(vault, kept_in(folder.path())).told().empty());
  folder.append("devices", "x");
  vault.devices["file"] = "2";
  CHECK(Agent(vault, kept_in(folder.path())).told().empty());
  vault.devices["file"] = "3";
  CHECK(Agent(vault, kept_in(folder.path())).told() == Texts{made_anew("file/")});

  Agent nowhere(vault, kept_in(folder.path() / "missing"));
  const Texts told = nowhere.told();
  REQUIRE(told.size() == 1);
  CHECK(
      told[0].starts_with("what is known of the vault's audit devices is forgotten with the next "
                          "start: "));
  vault.devices["file"] = "4";
  CHECK(nowhere.told() == Texts{made_anew("file/")});
}
