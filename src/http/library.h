#pragma once

namespace warder::http {

// Makes libcurl ready for this process, once however often it is called, and has the process ignore
// SIGPIPE unless it handles it: OpenSSL writes to sockets without MSG_NOSIGNAL, so a peer that went
// away would end it. Thread safe. Whoever uses libcurl calls it first.
void set_up_library();

}  // namespace warder::http
