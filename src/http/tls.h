#pragma once

#include <memory>
#include <string>

#include "base/error.h"

struct ssl_ctx_st;

namespace telecine::http {

using TlsContext = std::shared_ptr<ssl_ctx_st>;

/// A server's context: TLS 1.2 and up, HTTP/1.1 by ALPN. kInvalidParameter when a file cannot be
/// used.
Result<TlsContext> load_tls(const std::string& certificate, const std::string& key);

}  // namespace telecine::http
