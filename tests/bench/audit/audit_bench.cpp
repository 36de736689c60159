// Entries of a vault's audit log a second on one core, judged by all filters of
// filters/vault-*.conf at once, on lines of 1 to 2 KB: reads that nobody minds, and a log in which
// every request is one that some filter looks for. With a file as argument that file's lines; with
// --write FILE (--write-hostile FILE) the lines are written there, for other programs. Prints
// figures by processor time; nothing passes or fails.
#include "filter/filter.h"
#include "filter/matcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

using namespace warder;
using namespace warder::filter;

namespace {

class Count final : public MatchHandler {
 public:
  void on_finding(std::size_t, model::Finding&&) override { ++findings; }
  void on_notice(std::size_t, const Notice&) override { ++notices; }
  std::uint64_t findings = 0;
  std::uint64_t notices = 0;
};

std::vector<std::shared_ptr<const Filter>> all_filters() {
  const std::filesystem::path folder = std::filesystem::path(WARDER_SOURCE_DIR) / "filters";
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    const std::string name = file.path().stem();
    if (name.starts_with("vault-") && file.path().extension() == ".conf") {
      names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  std::vector<std::shared_ptr<const Filter>> filters;
  for (const std::string& name : names) {
    FilterRequest request;
    request.name = name;
    request.folders = {folder};
    filters.push_back(std::move(load_filter(request)).value());
  }
  return filters;
}

std::string hmac(int number) {
  return fmt::format("hmac-sha256:{:016x}{:016x}{:016x}{:016x}", number * 2654435761U, number, 7,
                     9);
}

// A request or its response, in OpenBao's order of members.
std::string entry(int number, bool response, std::string_view operation, std::string_view path,
                  std::string_view policies, std::string_view error) {
  const std::string about = fmt::format(
      R"("auth":{{"client_token":"{}","accessor":"{}","display_name":"approle","policies":[{}],)"
      R"("token_policies":[{}],"policy_results":{{"allowed":true,"granting_policies":[{{"name":)"
      R"("guard","namespace_id":"root","type":"acl"}}]}},"metadata":{{"role_name":"web-{}"}},)"
      R"("entity_id":"e622f54e-1eb5-dbfd-4286-{:012x}","token_type":"service","token_ttl":1200,)"
      R"("token_issue_time":"2026-11-22T04:09:11Z"}},"request":{{"id":"{:08x}-7065-3526-d09e-)"
      R"(df5e5e5b6768","client_id":"e622f54e-1eb5-dbfd-4286-0eb4fb5afdb4","operation":"{}",)"
      R"("mount_point":"secret/","mount_type":"kv","mount_running_version":"v2.0.0+builtin.bao",)"
      R"("mount_class":"secret","client_token":"{}","client_token_accessor":"{}","namespace":)"
      R"({{"id":"root"}},"path":"{}","remote_address":"192.0.2.{}","remote_port":{}}})",
      hmac(number), hmac(number % 50), policies, policies, number % 50, number % 50, number / 2,
      operation, hmac(number), hmac(number % 50), path, number % 250, 1024 + number % 60000);
  std::string text = fmt::format(R"({{"time":"2026-11-22T04:09:11.{:06}Z","type":"{}",)",
                                 number % 1'000'000, response ? "response" : "request") +
                     about;
  if (response) {
    text += fmt::format(
        R"(,"response":{{"mount_point":"secret/","mount_type":"kv","mount_accessor":"kv_db10e8c3",)"
        R"("mount_class":"secret","data":{{"data":{{"bantime":"{}","password":"{}","url":"{}"}},)"
        R"("metadata":{{"created_time":"2026-11-22T04:09:11.362041012Z","custom_metadata":null,)"
        R"("deletion_time":"{}","destroyed":false,"version":1}}}}}})",
        hmac(1), hmac(2), hmac(3), hmac(4));
  }
  if (!error.empty()) {
    text += fmt::format(R"(,"error":"{}")", error);
  }
  return text + '}';
}

std::vector<std::string> usual_lines() {
  std::vector<std::string> lines;
  for (int i = 0; i < 8192; ++i) {
    lines.push_back(entry(i, i % 2 == 1, i % 40 < 36 ? "read" : "list",
                          fmt::format("secret/data/web/{}", i % 300), R"("default","web")", ""));
  }
  return lines;
}

std::vector<std::string> hostile_lines() {
  const std::vector<std::string_view> paths = {"sys/policies/acl/x",
                                               "sys/audit/file",
                                               "sys/auth/x",
                                               "sys/mounts/x/tune",
                                               "auth/userpass/login/eve",
                                               "secret/destroy/x",
                                               "transit/export/encryption-key/x",
                                               "sys/raw/core/keyring",
                                               "nosuch/../.env",
                                               "sys/seal",
                                               "identity/entity"};
  std::vector<std::string> lines;
  for (int i = 0; i < 8192; ++i) {
    lines.push_back(entry(i, i % 2 == 1, i % 3 == 0 ? "delete" : "update",
                          paths[static_cast<std::size_t>(i) / 2 % paths.size()],
                          R"("default","root")",
                          i % 5 == 0 ? R"(1 error occurred:\n\t* permission denied\n\n)" : ""));
  }
  return lines;
}

double processor_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

void measure(std::string_view name, const std::vector<std::string>& texts, Matcher& matcher,
             std::size_t filters) {
  Count count;
  const util::WallTime now = util::SystemClock().now();
  std::size_t bytes = 0;
  std::size_t lines = 0;
  const double start = processor_seconds();
  double spent = 0;
  while (spent < 2) {
    for (const std::string& text : texts) {
      model::Line line;
      line.text = text;
      matcher.match(line, now, count);
      bytes += text.size() + 1;
    }
    lines += texts.size();
    spent = processor_seconds() - start;
  }
  fmt::print(
      "{:8} {:2} filters {:9.0f} lines/s {:6.0f} MB/s {:5} bytes a line {:.3f} findings a line\n",
      name, filters, static_cast<double>(lines) / spent, static_cast<double>(bytes) / spent / 1e6,
      bytes / lines, static_cast<double>(count.findings) / static_cast<double>(lines));
}

}  // namespace

int main(int count, char** words) {
  const std::string_view first = count > 1 ? words[1] : "";
  if (count == 3 && (first == "--write" || first == "--write-hostile")) {
    std::ofstream file(words[2]);
    const auto lines = first == "--write" ? usual_lines() : hostile_lines();
    for (int round = 0; round < 25; ++round) {
      for (const std::string& line : lines) {
        file << line << '\n';
      }
    }
    return file ? 0 : 1;
  }
  const auto filters = all_filters();
  auto matcher = std::move(Matcher::build(filters, {})).value();
  matcher->set_reading(Reading::kCatchUp);
  if (count == 2) {
    std::ifstream file(words[1]);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) {
      lines.push_back(line);
    }
    measure("file", lines, *matcher, filters.size());
    return 0;
  }
  measure("usual", usual_lines(), *matcher, filters.size());
  measure("hostile", hostile_lines(), *matcher, filters.size());
}
