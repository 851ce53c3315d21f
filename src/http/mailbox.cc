#include "http/mailbox.h"

#include <utility>

#include "http/event_stream.h"

namespace telecine::http {
namespace {

thread_local const Mailbox* this_threads_box = nullptr;

class MailboxTarget final : public Responder::Target {
 public:
  MailboxTarget(std::shared_ptr<Mailbox> mailbox, Ticket ticket)
      : mailbox_(std::move(mailbox)), ticket_(ticket) {}
  ~MailboxTarget() override {
    if (!answered()) mailbox_->put({ticket_, Letter::Kind::kDropped, {}});
  }

  void answer(Response response) override {
    mailbox_->put({ticket_, Letter::Kind::kAnswer, std::move(response)});
  }

 private:
  std::shared_ptr<Mailbox> mailbox_;
  Ticket ticket_;
};

}  // namespace

void Mailbox::put(Letter letter) {
  if (this_threads_box == this) {
    owner_.deliver(std::move(letter));
    return;
  }
  {
    std::lock_guard lock(mutex_);
    if (!closed_) {
      letters_.push_back(std::move(letter));
      if (letters_.size() == 1) owner_.wake();
      return;
    }
  }
  discard(letter.response);
}

void Mailbox::take(std::vector<Letter>& out) {
  std::lock_guard lock(mutex_);
  out.swap(letters_);
}

void Mailbox::close() {
  std::vector<Letter> left;
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    left.swap(letters_);
  }
  if (this_threads_box == this) this_threads_box = nullptr;
  for (auto& letter : left) discard(letter.response);
}

void Mailbox::claim_thread() {
  this_threads_box = this;
}

Responder make_responder(std::shared_ptr<Mailbox> mailbox, Ticket ticket) {
  return Responder(std::make_shared<MailboxTarget>(std::move(mailbox), ticket));
}

void discard(Response& response) {
  if (auto* stream = std::get_if<std::shared_ptr<EventStream>>(&response.body)) {
    if (*stream) (*stream)->detach();
  }
  response.body = {};
}

}  // namespace telecine::http
