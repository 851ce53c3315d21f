#include "object/exchange.h"

#include <curl/curl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <mutex>

#include "base/text.h"

namespace telecine::object {
namespace {

constexpr std::size_t kMostHeaderBytes = 256 * 1024;
constexpr long kBufferBytes = 256 * 1024;

template <auto Close>
struct Closer {
  template <typename T>
  void operator()(T* handle) const {
    Close(handle);
  }
};
using Easy = std::unique_ptr<CURL, Closer<curl_easy_cleanup>>;
using Multi = std::unique_ptr<CURLM, Closer<curl_multi_cleanup>>;
using List = std::unique_ptr<curl_slist, Closer<curl_slist_free_all>>;

struct Trouble {
  CURLcode code;
  bool may_pass;
  const char* message;
};

constexpr const char* kBroken = "The connection broke before everything was transferred.";
constexpr std::array kTroubles = {
    Trouble{CURLE_COULDNT_RESOLVE_HOST, true, "The URL's host name could not be found."},
    Trouble{CURLE_COULDNT_CONNECT, true, "The URL's server could not be reached."},
    Trouble{CURLE_OPERATION_TIMEDOUT, true, "The URL's server did not answer in time, or stalled."},
    Trouble{CURLE_PEER_FAILED_VERIFICATION, false,
            "The certificate of the URL's server is not valid."},
    Trouble{CURLE_SSL_CONNECT_ERROR, true, "No secure connection could be made to the server."},
    Trouble{CURLE_SSL_CACERT_BADFILE, false, "The configured CA file cannot be read."},
    Trouble{CURLE_PARTIAL_FILE, true, kBroken},
    Trouble{CURLE_GOT_NOTHING, true, kBroken},
    Trouble{CURLE_RECV_ERROR, true, kBroken},
    Trouble{CURLE_SEND_ERROR, true, kBroken},
    Trouble{CURLE_HTTP2, true, kBroken},
    Trouble{CURLE_HTTP2_STREAM, true, kBroken},
    Trouble{CURLE_READ_ERROR, false, "What was to be sent could not be read."},
};

/// State that the callbacks share while one exchange runs.
struct Context {
  const Outgoing& out;
  const Hooks& hooks;
  Incoming in;
  std::size_t header_bytes = 0;
  bool head_done = false;
  bool refused = false;
  std::int64_t read_at = 0;
};

/// Runs for every connection, after the name was looked up: a name that changes its answer between
/// a check and the connection gains nothing.
curl_socket_t open_socket(void* user, curlsocktype, curl_sockaddr* address) noexcept {
  auto& context = *static_cast<Context*>(user);
  if (context.out.rules != nullptr && !context.out.rules->allows(address->addr)) {
    context.refused = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

bool take_status_line(Context& context, std::string_view line) {
  if (!line.starts_with("HTTP/")) return false;
  context.in.headers.clear();
  context.in.status = 0;
  const auto space = line.find(' ');
  if (space == std::string_view::npos) return true;
  context.in.status = static_cast<int>(parse_int(line.substr(space + 1, 3)).value_or(0));
  return true;
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* user) noexcept {
  auto& context = *static_cast<Context*>(user);
  if (context.head_done) return size;  // trailers mean nothing here
  context.header_bytes += size;
  if (context.header_bytes > kMostHeaderBytes) return 0;
  const std::string_view line = trim({data, size});
  if (take_status_line(context, line)) return size;
  if (!line.empty()) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return size;
    context.in.headers.push_back(
        {std::string(line.substr(0, colon)), std::string(trim(line.substr(colon + 1)))});
    return size;
  }
  context.head_done = context.in.status >= 200;
  if (!context.head_done || !context.hooks.on_head) return size;
  if (context.hooks.on_head(context.in.status, context.in.headers)) return size;
  context.in.stopped = true;
  return 0;
}

std::size_t on_data(char* data, std::size_t, std::size_t size, void* user) noexcept {
  auto& context = *static_cast<Context*>(user);
  if (!context.hooks.on_body || context.hooks.on_body({data, size})) return size;
  context.in.stopped = true;
  return CURL_WRITEFUNC_ERROR;
}

std::size_t on_read(char* buffer, std::size_t, std::size_t room, void* user) noexcept {
  auto& context = *static_cast<Context*>(user);
  const auto left = context.out.body_size - context.read_at;
  const auto want = std::min<std::int64_t>(left, static_cast<std::int64_t>(room));
  ssize_t n = 0;
  do {
    n = ::pread(context.out.body_fd, buffer, static_cast<std::size_t>(want),
                context.out.body_offset + context.read_at);
  } while (n < 0 && errno == EINTR);
  if (n < 0 || (n == 0 && left > 0)) return CURL_READFUNC_ABORT;
  context.read_at += n;
  return static_cast<std::size_t>(n);
}

int on_seek(void* user, curl_off_t offset, int) noexcept {
  static_cast<Context*>(user)->read_at = offset;
  return CURL_SEEKFUNC_OK;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t total, curl_off_t now) noexcept {
  auto& context = *static_cast<Context*>(user);
  if (context.hooks.on_sent && total > 0) context.hooks.on_sent(now, total);
  return 0;
}

template <typename V>
void set(const Easy& easy, CURLoption option, V value) {
  curl_easy_setopt(easy.get(), option, value);
}

void set_limits(const Easy& easy, const Limits& limits) {
  set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits.connect));
  set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(limits.total));
  if (limits.stall <= 0) return;
  set(easy, CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(limits.stall_bytes));
  set(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(std::max<Millis>(1, limits.stall / 1000)));
}

void set_policy(const Easy& easy, const Outgoing& out) {
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_FOLLOWLOCATION, 0L);
  set(easy, CURLOPT_PROXY, "");       // the empty name also switches off the environment's
  set(easy, CURLOPT_PATH_AS_IS, 1L);  // a key may hold "..", and signatures cover the path
  set(easy, CURLOPT_USERAGENT, "telecine");
  set(easy, CURLOPT_BUFFERSIZE, kBufferBytes);
  set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  set(easy, CURLOPT_QUICK_EXIT, 1L);  // never wait for a name look-up that was given up
  if (!out.ca_file.empty()) set(easy, CURLOPT_CAINFO, out.ca_file.c_str());
}

void set_callbacks(const Easy& easy, Context& context) {
  set(easy, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  set(easy, CURLOPT_OPENSOCKETDATA, &context);
  set(easy, CURLOPT_HEADERFUNCTION, &on_header);
  set(easy, CURLOPT_HEADERDATA, &context);
  set(easy, CURLOPT_WRITEFUNCTION, &on_data);
  set(easy, CURLOPT_WRITEDATA, &context);
  set(easy, CURLOPT_XFERINFOFUNCTION, &on_progress);
  set(easy, CURLOPT_XFERINFODATA, &context);
  set(easy, CURLOPT_NOPROGRESS, context.hooks.on_sent ? 0L : 1L);
}

void set_request(const Easy& easy, Context& context) {
  const Outgoing& out = context.out;
  set(easy, CURLOPT_URL, out.url.c_str());
  if (out.body_fd >= 0) {
    set(easy, CURLOPT_UPLOAD, 1L);
    set(easy, CURLOPT_READFUNCTION, &on_read);
    set(easy, CURLOPT_READDATA, &context);
    set(easy, CURLOPT_SEEKFUNCTION, &on_seek);
    set(easy, CURLOPT_SEEKDATA, &context);
    set(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(out.body_size));
  } else if (!out.body.empty() || out.method == "POST" || out.method == "PUT") {
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(out.body.size()));
    set(easy, CURLOPT_POSTFIELDS, out.body.empty() ? "" : out.body.data());
  }
  if (out.method == "HEAD")
    set(easy, CURLOPT_NOBODY, 1L);
  else
    set(easy, CURLOPT_CUSTOMREQUEST, out.method.c_str());
}

bool breaks_a_line(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

/// Nothing when a header would smuggle in another line.
std::optional<List> header_list(const Headers& headers) {
  List list;
  const auto add = [&](const std::string& line) {
    curl_slist* grown = curl_slist_append(list.get(), line.c_str());
    if (grown == nullptr) throw std::bad_alloc();
    list.release();
    list.reset(grown);
  };
  add("Expect:");  // libcurl would wait a second for a 100 that many servers never send
  for (const auto& [name, value] : headers) {
    if (name.empty() || breaks_a_line(name) || breaks_a_line(value)) return std::nullopt;
    // libcurl's own form for a header with an empty value.
    add(value.empty() ? name + ";" : name + ": " + value);
  }
  return list;
}

CURLcode run(const Easy& easy, const std::stop_token& stop, bool& cancelled) {
  const Multi multi(curl_multi_init());
  curl_multi_add_handle(multi.get(), easy.get());
  CURLcode code = CURLE_FAILED_INIT;
  {
    const std::stop_callback wake(stop, [&] { curl_multi_wakeup(multi.get()); });
    int running = 1;
    while (running > 0 && !stop.stop_requested()) {
      if (curl_multi_perform(multi.get(), &running) != CURLM_OK) break;
      if (running > 0) curl_multi_poll(multi.get(), nullptr, 0, 1000, nullptr);
    }
    int left = 0;
    const CURLMsg* message = curl_multi_info_read(multi.get(), &left);
    if (message != nullptr && message->msg == CURLMSG_DONE)
      code = message->data.result;
    else
      cancelled = stop.stop_requested();
  }
  curl_multi_remove_handle(multi.get(), easy.get());
  return code;
}

void judge(Context& context, CURLcode code, bool cancelled) {
  Incoming& in = context.in;
  if (cancelled) {
    in.error = Error{ErrorCode::kCancelled, "The transfer was cancelled.", {}};
  } else if (code == CURLE_OK || in.stopped) {
    return;
  } else if (context.refused && in.status == 0) {
    in.error = forbidden_input();
  } else {
    in.error = Error{ErrorCode::kInputUnreachable, "The server's answer could not be read.", {}};
    for (const Trouble& trouble : kTroubles) {
      if (trouble.code != code) continue;
      in.error->message = trouble.message;
      in.may_pass = trouble.may_pass;
    }
  }
}

void start_libcurl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

std::string_view find_header(const Headers& headers, std::string_view name) {
  for (const Header& header : headers) {
    if (iequals(header.name, name)) return header.value;
  }
  return {};
}

Incoming exchange(const Outgoing& out, const Hooks& hooks) {
  start_libcurl();
  Context context{.out = out, .hooks = hooks, .in = {}};
  const auto headers = header_list(out.headers);
  if (!headers) {
    context.in.error = Error{ErrorCode::kInvalidParameter, "A header holds a line break.", {}};
    return context.in;
  }
  // One handle an exchange. A shared pool of connections would let a request under the address
  // rules ride on a connection that a trusted one opened.
  const Easy easy(curl_easy_init());
  if (!easy) throw std::bad_alloc();
  set_policy(easy, out);
  set_limits(easy, out.limits);
  set_callbacks(easy, context);
  set_request(easy, context);
  set(easy, CURLOPT_HTTPHEADER, headers->get());
  bool cancelled = false;
  const CURLcode code = run(easy, hooks.stop, cancelled);
  judge(context, code, cancelled);
  curl_off_t seconds = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RETRY_AFTER, &seconds);
  long issued = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_REQUEST_SIZE, &issued);
  context.in.issued = issued > 0;
  context.in.retry_after = std::clamp<Millis>(seconds, 0, 86'400) * 1000;
  return context.in;
}

}  // namespace telecine::object
