#include "storage/transfer.h"

#include "http/failure.h"
#include "http/library.h"
#include "storage/memory_file.h"
#include "util/descriptor.h"
#include "util/pace.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <unistd.h>

namespace warder::storage {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::size_t kMostText = std::size_t{8} << 20U;
constexpr long kConnectSeconds = 20;
constexpr long kStallSeconds = 60;
// libcurl's own limit of what it takes counts after a hundred buffers only, so ours is used, which
// waits between pieces of no more than a tenth of a second.
constexpr std::uint64_t kPiecesASecond = 10;
constexpr std::uint64_t kLeastPiece = 1024;

struct FreeEasy {
  void operator()(CURL* handle) const { http::library()->easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { http::library()->slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, FreeList>;

void add(List& list, const std::string& text) {
  curl_slist* const longer = http::library()->slist_append(list.get(), text.c_str());
  if (longer != nullptr) {
    [[maybe_unused]] curl_slist* const same = list.release();
    list.reset(longer);
  }
}

// "sftp://host:port" without user, path and password.
std::string place_of(const std::string& url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string::npos) {
    return "(unreadable address)";
  }
  const std::size_t begin = scheme + 3;
  const std::size_t end = std::min(url.find('/', begin), url.size());
  const std::size_t at = url.rfind('@', end);
  const std::size_t host = at == std::string::npos || at < begin ? begin : at + 1;
  return url.substr(0, begin) + url.substr(host, end - host);
}

util::Error sftp_failure(CURLcode code, CURL* handle, const std::string& url) {
  const std::string place = place_of(url);
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
      return Error(ErrorCode::kDenied,
                   fmt::format("{}: its host key is not the one in known_hosts; if the server is "
                               "new, look at the key and add it with ssh-keyscan",
                               place));
    case CURLE_LOGIN_DENIED:
      return Error(
          ErrorCode::kDenied,
          fmt::format("{}: the login was refused; look at user, key (key_file) and password",
                      place));
    case CURLE_REMOTE_FILE_NOT_FOUND:
    case CURLE_TFTP_NOTFOUND:
      return Error(ErrorCode::kNotFound, fmt::format("{}: there is no such file or folder", place));
    case CURLE_REMOTE_ACCESS_DENIED:
    case CURLE_TFTP_PERM:
      return Error(ErrorCode::kDenied, fmt::format("{}: permission denied", place));
    case CURLE_REMOTE_DISK_FULL:
      return Error(ErrorCode::kIo, fmt::format("{}: its disk is full", place));
    case CURLE_QUOTE_ERROR:
      return Error(ErrorCode::kIo, fmt::format("{}: renaming or removing a file failed", place));
    case CURLE_SSH:
      return Error(ErrorCode::kUnavailable,
                   fmt::format("{}: the SSH connection failed or broke off", place));
    case CURLE_PARTIAL_FILE:
    case CURLE_UPLOAD_FAILED:
      return Error(ErrorCode::kUnavailable, fmt::format("{}: the transfer broke off", place));
    case CURLE_ABORTED_BY_CALLBACK:
      return Error(ErrorCode::kUnavailable, "stopped");
    default:
      return http::describe_failure(code, handle, place);
  }
}

}  // namespace

class Transfer::Impl {
 public:
  explicit Impl(TransferOptions options)
      : options_(std::move(options)),
        pace_(options_.bandwidth, clock_),
        piece_(options_.bandwidth.value == 0
                   ? CURL_MAX_WRITE_SIZE
                   : std::clamp<std::uint64_t>(options_.bandwidth.value / kPiecesASecond,
                                               kLeastPiece, CURL_MAX_WRITE_SIZE)) {
    if (http::library() != nullptr) {
      handle_.reset(http::library()->easy_init());
    }
  }

  util::Result<TransferAnswer> http(const TransferRequest& request) {
    WARDER_RETURN_IF_ERROR(begin(request.url));
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    set(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    if (!options_.ca.empty()) {
      WARDER_ASSIGN_OR_RETURN(const std::filesystem::path file, lend(options_.ca, &ca_));
      set(CURLOPT_CAINFO, file.c_str());
      set(CURLOPT_CAPATH, nullptr);
    } else if (!options_.ca_file.empty() || !options_.ca_folder.empty()) {
      set(CURLOPT_CAINFO, options_.ca_file.empty() ? nullptr : options_.ca_file.c_str());
      set(CURLOPT_CAPATH, options_.ca_folder.empty() ? nullptr : options_.ca_folder.c_str());
    }
    if (!options_.client_certificate.empty()) {
      set(CURLOPT_SSLCERT, options_.client_certificate.c_str());
      set(CURLOPT_SSLKEY, options_.client_key.c_str());
    }
    if (!options_.unix_socket.empty()) {
      set(CURLOPT_UNIX_SOCKET_PATH, options_.unix_socket.c_str());
    }
    if (!options_.verify) {
      set(CURLOPT_SSL_VERIFYPEER, 0L);
      set(CURLOPT_SSL_VERIFYHOST, 0L);
    }
    List headers;
    for (const std::string& header : request.headers) {
      add(headers, header);
    }
    // 100-continue is not understood by every server and saves nothing here.
    add(headers, "Expect:");
    set(CURLOPT_HTTPHEADER, headers.get());
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    if (request.method == "HEAD") {
      set(CURLOPT_NOBODY, 1L);
    } else if (request.part != nullptr) {
      WARDER_RETURN_IF_ERROR(upload(*request.part));
    } else if (request.method == "POST" || request.method == "PUT") {
      set(CURLOPT_POST, 1L);
      set(CURLOPT_POSTFIELDS, request.body.data() == nullptr ? "" : request.body.data());
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    }
    answer_ = {};
    sink_ = request.sink;
    progress_ = &request.progress;
    set(CURLOPT_HEADERFUNCTION, take_header);
    set(CURLOPT_HEADERDATA, this);
    const CURLcode code = http::library()->easy_perform(handle_.get());
    WARDER_RETURN_IF_ERROR(status_);
    if (code == CURLE_ABORTED_BY_CALLBACK) {
      return Error(ErrorCode::kUnavailable, "stopped");
    }
    if (code != CURLE_OK) {
      return http::describe_failure(code, handle_.get(), place_of(request.url));
    }
    long status = 0;
    http::library()->easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    answer_.status = static_cast<int>(status);
    return std::move(answer_);
  }

  util::Status sftp_upload(const std::string& url, const SshLogin& login, const FilePart& part,
                           const std::vector<std::string>& commands_after,
                           const Progress& progress) {
    WARDER_RETURN_IF_ERROR(begin_sftp(url, login));
    WARDER_RETURN_IF_ERROR(upload(part));
    if (part.offset > 0) {
      set(CURLOPT_APPEND, 1L);
    }
    List commands;
    for (const std::string& command : commands_after) {
      add(commands, command);
    }
    set(CURLOPT_POSTQUOTE, commands.get());
    progress_ = &progress;
    return run_sftp(url);
  }

  util::Status sftp_download(const std::string& url, const SshLogin& login, util::ByteSink& sink) {
    WARDER_RETURN_IF_ERROR(begin_sftp(url, login));
    sink_ = &sink;
    return run_sftp(url);
  }

  util::Status sftp_commands(const std::string& url, const SshLogin& login,
                             const std::vector<std::string>& texts) {
    WARDER_RETURN_IF_ERROR(begin_sftp(url, login));
    List commands;
    for (const std::string& command : texts) {
      add(commands, command);
    }
    set(CURLOPT_QUOTE, commands.get());
    set(CURLOPT_NOBODY, 1L);
    return run_sftp(url);
  }

 private:
  template <typename Value>
  void set(CURLoption option, Value value) {
    http::library()->easy_setopt(handle_.get(), option, value);
  }

  util::Status begin(const std::string& url) {
    if (http::library() == nullptr) {
      return Error(ErrorCode::kUnavailable, std::string(http::kNoLibrary));
    }
    if (!handle_) {
      return Error(ErrorCode::kInternal, "libcurl does not start");
    }
    http::library()->easy_reset(handle_.get());
    status_ = {};
    sink_ = nullptr;
    progress_ = nullptr;
    file_.reset();
    key_.reset();
    moved_ = 0;
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROXY, "");
    set(CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, kStallSeconds);
    set(CURLOPT_WRITEFUNCTION, take_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_READFUNCTION, give_body);
    set(CURLOPT_READDATA, this);
    set(CURLOPT_SEEKFUNCTION, seek_body);
    set(CURLOPT_SEEKDATA, this);
    set(CURLOPT_BUFFERSIZE, static_cast<long>(piece_));
    return {};
  }

  util::Status begin_sftp(const std::string& url, const SshLogin& login) {
    WARDER_RETURN_IF_ERROR(begin(url));
    set(CURLOPT_PROTOCOLS_STR, "sftp");
    std::filesystem::path known_hosts = login.known_hosts;
    if (!login.host_key.empty()) {
      WARDER_ASSIGN_OR_RETURN(known_hosts, lend(login.host_key, &host_key_));
    }
    set(CURLOPT_SSH_KNOWNHOSTS, known_hosts.c_str());
    std::filesystem::path key_file = login.key_file;
    if (!login.key.empty()) {
      WARDER_ASSIGN_OR_RETURN(key_file, lend(login.key.view(), &key_));
    }
    const std::string password(login.password.view());
    if (!key_file.empty()) {
      set(CURLOPT_SSH_AUTH_TYPES, CURLSSH_AUTH_PUBLICKEY);
      set(CURLOPT_SSH_PRIVATE_KEYFILE, key_file.c_str());
      set(CURLOPT_KEYPASSWD, password.c_str());
    } else {
      set(CURLOPT_SSH_AUTH_TYPES, CURLSSH_AUTH_PASSWORD | CURLSSH_AUTH_KEYBOARD);
      set(CURLOPT_PASSWORD, password.c_str());
    }
    return {};
  }

  util::Status run_sftp(const std::string& url) {
    const CURLcode code = http::library()->easy_perform(handle_.get());
    key_.reset();
    WARDER_RETURN_IF_ERROR(status_);
    return code == CURLE_OK ? util::Status() : sftp_failure(code, handle_.get(), url);
  }

  // Where the text can be read. The same file for all requests, as long as there is one: libcurl
  // uses a connection again for the same path only.
  static util::Result<std::filesystem::path> lend(std::string_view text,
                                                  std::optional<MemoryFile>* file) {
    if (file->has_value()) {
      return file->value().path();
    }
    WARDER_ASSIGN_OR_RETURN(MemoryFile made, MemoryFile::holding(text));
    return file->emplace(std::move(made)).path();
  }

  util::Status upload(const FilePart& part) {
    file_ = util::Descriptor(::open(part.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!*file_) {
      return util::errno_error(part.path.string(), errno);
    }
    first_ = part.offset;
    left_ = part.bytes;
    size_ = part.bytes;
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(part.bytes));
    return {};
  }

  static std::size_t give_body(char* buffer, std::size_t one, std::size_t count, void* self) {
    auto* const impl = static_cast<Impl*>(self);
    const std::size_t wanted = std::min({std::uint64_t{one} * count, impl->left_, impl->piece_});
    if (wanted == 0 || !impl->file_) {
      return 0;
    }
    const auto at = static_cast<off_t>(impl->first_ + (impl->size_ - impl->left_));
    const ssize_t got = ::pread(impl->file_->get(), buffer, wanted, at);
    if (got <= 0) {
      impl->status_ = got < 0 ? util::errno_error("reading what is uploaded", errno)
                              : Error(ErrorCode::kIo, "what is uploaded became shorter");
      return CURL_READFUNC_ABORT;
    }
    impl->left_ -= static_cast<std::uint64_t>(got);
    impl->moved_ += static_cast<std::uint64_t>(got);
    if (impl->progress_ != nullptr && *impl->progress_ && !(*impl->progress_)(impl->moved_)) {
      return CURL_READFUNC_ABORT;
    }
    impl->pace_.spend(static_cast<std::uint64_t>(got));
    return static_cast<std::size_t>(got);
  }

  // libcurl begins a request anew when a kept connection turns out to be dead.
  static int seek_body(void* self, curl_off_t offset, int origin) {
    auto* const impl = static_cast<Impl*>(self);
    if (origin != SEEK_SET || offset < 0 || static_cast<std::uint64_t>(offset) > impl->size_) {
      return CURL_SEEKFUNC_CANTSEEK;
    }
    impl->left_ = impl->size_ - static_cast<std::uint64_t>(offset);
    return 0;
  }

  static std::size_t take_body(char* bytes, std::size_t one, std::size_t count, void* self) {
    auto* const impl = static_cast<Impl*>(self);
    const std::size_t size = one * count;
    long status = 0;
    http::library()->easy_getinfo(impl->handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    const bool good = status == 0 || (status >= 200 && status < 300);
    impl->pace_.spend(size);
    if (impl->sink_ != nullptr && good) {
      impl->status_ = impl->sink_->write({reinterpret_cast<const std::uint8_t*>(bytes), size});
      return impl->status_ ? size : 0;
    }
    if (impl->answer_.body.size() + size > kMostText) {
      impl->status_ = Error(ErrorCode::kInvalid, "the answer is too long");
      return 0;
    }
    impl->answer_.body.append(bytes, size);
    return size;
  }

  static std::size_t take_header(char* bytes, std::size_t one, std::size_t count, void* self) {
    auto* const impl = static_cast<Impl*>(self);
    const std::size_t size = one * count;
    const std::string_view line = util::trim({bytes, size});
    const std::size_t colon = line.find(':');
    if (line.starts_with("HTTP/")) {
      impl->answer_.headers.clear();
    } else if (colon != std::string_view::npos && impl->answer_.headers.size() < 256) {
      impl->answer_.headers.insert_or_assign(util::to_lower(line.substr(0, colon)),
                                             std::string(util::trim(line.substr(colon + 1))));
    }
    return size;
  }

  const TransferOptions options_;
  const util::SystemClock clock_;
  util::Pace pace_;
  const std::uint64_t piece_;
  std::unique_ptr<CURL, FreeEasy> handle_;
  util::Status status_;
  util::ByteSink* sink_ = nullptr;
  const Progress* progress_ = nullptr;
  std::optional<util::Descriptor> file_;
  // What is lent to libraries that read files; the private key only while they work.
  std::optional<MemoryFile> ca_;
  std::optional<MemoryFile> host_key_;
  std::optional<MemoryFile> key_;
  std::uint64_t first_ = 0;
  std::uint64_t left_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t moved_ = 0;
  TransferAnswer answer_;
};

Transfer::Transfer(TransferOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Transfer::~Transfer() = default;

util::Result<TransferAnswer> Transfer::http(const TransferRequest& request) {
  return impl_->http(request);
}
util::Status Transfer::sftp_upload(const std::string& url, const SshLogin& login,
                                   const FilePart& part,
                                   const std::vector<std::string>& commands_after,
                                   const Progress& progress) {
  return impl_->sftp_upload(url, login, part, commands_after, progress);
}
util::Status Transfer::sftp_download(const std::string& url, const SshLogin& login,
                                     util::ByteSink& sink) {
  return impl_->sftp_download(url, login, sink);
}
util::Status Transfer::sftp_commands(const std::string& url, const SshLogin& login,
                                     const std::vector<std::string>& commands) {
  return impl_->sftp_commands(url, login, commands);
}

}  // namespace warder::storage
