#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace telecine::http {

/// What was read from a connection and not used yet.
class InBuffer {
 public:
  std::string_view readable() const { return {bytes_.get() + begin_, end_ - begin_}; }
  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }

  void consume(std::size_t count) {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  void produced(std::size_t count) { end_ += count; }

  /// Room at the end, for a whole capacity of at least `wanted` bytes; empty only when that many
  /// are held already.
  std::span<char> writable(std::size_t wanted) {
    if (wanted > capacity_) resize(wanted);
    if (end_ == capacity_ && begin_ > 0) {
      std::memmove(bytes_.get(), bytes_.get() + begin_, size());
      end_ -= begin_;
      begin_ = 0;
    }
    return {bytes_.get() + end_, capacity_ - end_};
  }

  /// Gives memory back while nothing much is held.
  void shrink(std::size_t capacity) {
    if (capacity_ > capacity && size() <= capacity) resize(capacity);
  }
  void release() {
    bytes_.reset();
    capacity_ = begin_ = end_ = 0;
  }

 private:
  void resize(std::size_t capacity) {
    auto fresh = std::make_unique_for_overwrite<char[]>(capacity);
    if (!empty()) std::memcpy(fresh.get(), bytes_.get() + begin_, size());
    end_ -= begin_;
    begin_ = 0;
    bytes_ = std::move(fresh);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace telecine::http
