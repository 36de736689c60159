#pragma once

#include "http/client.h"
#include "oci/credentials.h"
#include "oci/endpoints.h"
#include "util/clock.h"
#include "util/result.h"
#include "vault/patience.h"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace warder::vault {

// A call to one of Oracle's services.
struct OciCall {
  oci::Service service = oci::Service::kSecrets;
  http::Method method = http::Method::kGet;
  std::string path = {};  // behind the base address, encoded: "/secrets/ocid1..."
  std::vector<std::pair<std::string_view, std::string>> query = {};  // values not yet encoded
  std::string_view body = {};
  std::string_view if_match = {};     // an etag; empty: whatever is there
  std::string_view retry_token = {};  // the same for each attempt at one creation
  std::string_view what;              // for messages: "reading the secret jails"
  std::string_view policy = {};       // what the identity must be permitted; empty: reading secrets
};

struct OciAnswer {
  std::string body;
  std::string etag;        // empty when there is none
  std::string next_page;   // empty on the last page
  std::string request_id;  // opc-request-id
};

// Signs and sends, and turns refusals into errors with cause and remedy (oci/answer.h). After a
// 401 the credentials are renewed and the call is made once more; nothing else is repeated here,
// since who calls knows how long it can wait. Redirects are not followed: a signature is bound to
// host and path.
//
// Thread safe; calls are made one after the other. `credentials` and `clock` must outlive it.
class OciClient {
 public:
  OciClient(oci::Credentials& credentials, oci::Endpoints endpoints, http::ClientOptions options,
            const util::Clock& clock);

  util::Result<OciAnswer> call(const OciCall& call);
  // All pages of a call that answers with arrays, as one JSON array's elements, in order. At most
  // `most` elements are read; more is kInvalid.
  util::Result<std::vector<std::string>> call_all(OciCall call, std::size_t most);

  // Why the last call failed, by its status; empty after an answer.
  std::optional<Failure> last_failure() const;

  // Ends a running call and every later one with kUnavailable, at once. From any thread.
  void stop() { http_.cancel(); }

  const oci::Endpoints& endpoints() const { return endpoints_; }

 private:
  struct Attempt {
    util::Result<OciAnswer> answer;
    bool renew = false;  // the error is one that new credentials may mend
  };
  util::Result<Attempt> attempt(const OciCall& call);

  oci::Credentials& credentials_;
  const oci::Endpoints endpoints_;
  const util::Clock& clock_;
  std::mutex mutex_;
  http::Client http_;  // guarded by mutex_, but for cancel()
  mutable std::mutex failure_mutex_;
  std::optional<Failure> failure_;  // guarded by failure_mutex_
};

}  // namespace warder::vault
