#pragma once

#include "config/values.h"
#include "oci/credentials.h"
#include "util/clock.h"
#include "util/result.h"
#include "vault/oci_client.h"
#include "vault/server_options.h"

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace warder::vault {

// Oracle's other services, with the account that the keys oci_* of [vault] name, whatever the
// provider of that section is. The account is opened with the first call (a host whose metadata
// service is not there yet can start) and its key or token read again when a service refuses it.
//
// An account that cannot be opened is kUnavailable: what is to be sent waits for it. Thread safe;
// calls are made one after the other. `clock` must outlive it.
class OciSender {
 public:
  OciSender(config::Values values, Environment environment, const util::Clock& clock);
  ~OciSender();

  util::Result<OciAnswer> call(const OciCall& call);

  // PutLogs: `body` into the log with this OCID.
  util::Result<OciAnswer> put_logs(std::string_view log, std::string_view body);
  // PublishMessage to a topic.
  util::Result<OciAnswer> publish(std::string_view topic, std::string_view body);
  // PostMetricData.
  util::Result<OciAnswer> post_metrics(std::string_view body);

  // SearchLogs: what a query finds between two times, each as the JSON object `data` of a result;
  // at most `most`, else kInvalid.
  util::Result<std::vector<std::string>> search_logs(std::string_view query, util::WallTime from,
                                                     util::WallTime until, std::size_t most);

  // Ends a running call and every later one with kUnavailable, at once. From any thread.
  void stop();

 private:
  util::Result<OciClient*> client();

  const config::Values values_;
  const Environment environment_;
  const util::Clock& clock_;
  std::mutex mutex_;
  bool stopped_ = false;                           // guarded by mutex_
  std::unique_ptr<oci::Credentials> credentials_;  // set once, with mutex_
  std::unique_ptr<OciClient> client_;              // set once, with mutex_
};

}  // namespace warder::vault
