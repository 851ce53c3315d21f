#include "child/zygote.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <vector>

#include "child/media_child.h"
#include "child/sandbox.h"
#include "job/link.h"
#include "media/libav.h"
#include "media/pipeline.h"

namespace telecine {
namespace {

/// One datagram: a byte and two descriptors, the job's socket and its input.
struct Order {
  Fd link;
  Fd input;
};

bool receive_order(int control, Order& order) {
  char byte = 0;
  iovec piece{&byte, 1};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char space[CMSG_SPACE(2 * sizeof(int))] = {};
  header.msg_control = space;
  header.msg_controllen = sizeof space;
  ssize_t n = 0;
  do {
    n = ::recvmsg(control, &header, MSG_CMSG_CLOEXEC);
  } while (n < 0 && errno == EINTR);
  if (n <= 0) return false;
  cmsghdr* part = CMSG_FIRSTHDR(&header);
  if (part == nullptr || part->cmsg_len != CMSG_LEN(2 * sizeof(int))) return true;
  std::array<int, 2> fds{};
  std::memcpy(fds.data(), CMSG_DATA(part), sizeof fds);
  order.link = Fd(fds[0]);
  order.input = Fd(fds[1]);
  return true;
}

struct Child {
  Fd link;
  bool killed = false;
};
using Children = std::map<pid_t, Child>;

/// Tells the worker how its child ended, on the link the child has let go of.
void report_exits(Children& children) {
  int status = 0;
  while (true) {
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return;
    const auto at = children.find(pid);
    if (at == children.end()) continue;
    json::object how;
    if (WIFSIGNALED(status))
      how["signal"] = WTERMSIG(status);
    else
      how["status"] = WEXITSTATUS(status);
    Link link(std::move(at->second.link));
    // It may have died in the middle of a line.
    (void)link.end_line();
    (void)link.send(json::object{{"exit", std::move(how)}});
    children.erase(at);
  }
}

/// `waiting` has the links after its first two, in the order of the children.
void kill_abandoned(Children& children, const std::vector<pollfd>& waiting) {
  std::size_t at = 2;
  for (auto& [pid, child] : children) {
    if (waiting[at++].revents == 0) continue;
    ::kill(pid, SIGKILL);
    child.killed = true;
  }
}

[[noreturn]] void be_child(Order order, const SandboxLayers& layers, const sigset_t& signals) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::sigprocmask(SIG_SETMASK, &signals, nullptr);
  ::_exit(run_media_child(std::move(order.link), std::move(order.input), layers));
}

}  // namespace

int run_zygote(int control_socket) {
  Fd control(control_socket);
  media::warm_up();
  const std::string ready = json::serialize(to_json(media::describe_libav()));
  SandboxLayers layers;
  enter_zygote_sandbox(layers);

  sigset_t child_ended;
  sigset_t before;
  sigemptyset(&child_ended);
  sigaddset(&child_ended, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &child_ended, &before);
  // A terminal's Ctrl-C is for the server, which drains; it ends us by closing the socket.
  ::signal(SIGINT, SIG_IGN);
  ::prctl(PR_SET_NAME, "telecine-media");
  const Fd ended(::signalfd(-1, &child_ended, SFD_CLOEXEC | SFD_NONBLOCK));
  if (::send(control.get(), ready.data(), ready.size(), MSG_NOSIGNAL) < 0) return 1;

  Children children;
  std::vector<pollfd> waiting;
  while (true) {
    waiting.assign({{control.get(), POLLIN, 0}, {ended.get(), POLLIN, 0}});
    for (const auto& [pid, child] : children) {
      // A link is read by the child alone; here only its end is of interest.
      waiting.push_back({child.killed ? -1 : child.link.get(), POLLRDHUP, 0});
    }
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) break;
    kill_abandoned(children, waiting);
    if ((waiting[1].revents & POLLIN) != 0) {
      signalfd_siginfo info;
      while (::read(ended.get(), &info, sizeof info) > 0) {
      }
      report_exits(children);
    }
    if (waiting[0].revents == 0) continue;
    Order order;
    if (!receive_order(control.get(), order)) break;
    if (!order.link) continue;
    const pid_t pid = ::fork();
    if (pid == 0) {
      control.reset();
      children.clear();
      be_child(std::move(order), layers, before);
    }
    if (pid > 0) children[pid].link = std::move(order.link);
  }
  for (const auto& [pid, child] : children) ::kill(pid, SIGKILL);
  return 0;
}

}  // namespace telecine
