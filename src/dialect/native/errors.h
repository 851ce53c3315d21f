#pragma once

#include "base/error.h"
#include "http/message.h"

namespace telecine::native {

/// The HTTP status an error answers a native call with.
int status_of(ErrorCode code);

/// An RFC 9457 problem document.
http::Response problem(const Error& error);
http::Response problem(int status, ErrorCode code, std::string_view detail);

}  // namespace telecine::native
