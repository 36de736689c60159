// A whole configuration: the input is cut at NUL bytes into jail.conf, a filter, an action and a
// list. Whatever stands there, every option that is given to our jails has a text without line
// breaks where one line is wanted, and each remark says something.
#include "fail2ban/jails.h"
#include "fuzz/require.h"
#include "support/memory_files.h"

#include <cstdint>
#include <string>
#include <string_view>

using namespace warder;
using warder::testing::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::map<std::string, std::string> content;
  for (const char* name :
       {"/f/jail.conf", "/f/filter.d/app.conf", "/f/action.d/nftables.conf", "/f/list"}) {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    content[name] = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  testing::MemoryFiles files(std::move(content));
  fail2ban::ReadOptions options;
  options.all = true;
  options.resolve = [](const std::string&) -> util::Result<std::vector<net::IpAddress>> {
    return std::vector{*net::IpAddress::parse("192.0.2.1")};
  };
  options.exists = [](const std::string& pattern) { return pattern.size() % 2 == 0; };
  config::Diagnostics diagnostics;
  const auto configuration = fail2ban::read_configuration(files, "/f", options, diagnostics);
  for (const fail2ban::JailPlan& plan : configuration.jails) {
    require(plan.options.find("counting")->text == "compat");
    for (const fail2ban::Remark& remark : plan.remarks) {
      require(!remark.text.empty() && !remark.subject.empty());
    }
    for (const char* name : {"maxretry", "findtime", "bantime", "protocol"}) {
      const config::Option* option = plan.options.find(name);
      require(option == nullptr || option->text.find('\n') == std::string::npos);
    }
  }
  return 0;
}
