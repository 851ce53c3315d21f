#include "service/ingest.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace telecine {
namespace {

constexpr std::size_t kBatchLines = 1000;
constexpr std::size_t kBatchBytes = 1 << 20;
constexpr int kMaxUnderWay = 2;
constexpr std::size_t kMaxProblems = 100;

}  // namespace

void Ingest::State::reject(std::int64_t line, RecordProblem problem) {
  ++report.rejected;
  report.problems.push_back({line, std::move(problem)});
  if (report.problems.size() >= 2 * kMaxProblems) keep_first();
}

/// Batches answer later than lines are checked, so problems do not come in the order of their
/// lines.
void Ingest::State::keep_first() {
  std::ranges::sort(report.problems, {}, &IngestReport::Problem::line);
  if (report.problems.size() > kMaxProblems) report.problems.resize(kMaxProblems);
}

/// Answers if the body has ended and nothing is under way any more.
void Ingest::State::answer(std::unique_lock<std::mutex> lock) {
  if (!done || under_way > 0) return;
  const auto call = std::exchange(done, nullptr);
  if (failure) {
    lock.unlock();
    return call(std::unexpected(*failure));
  }
  keep_first();
  lock.unlock();
  call(std::move(report));
}

Status Ingest::write(std::string_view piece) {
  while (!piece.empty()) {
    const auto end = piece.find('\n');
    const auto part = piece.substr(0, end);
    if (partial_.size() + part.size() > kMaxLine) {
      partial_.clear();
      return fail(ErrorCode::kInputTooLarge,
                  "line " + std::to_string(line_ + 1) + " is longer than 256 KiB");
    }
    if (end == std::string_view::npos) {
      partial_ += part;
      break;
    }
    if (partial_.empty()) {
      take_line(part);
    } else {
      partial_ += part;
      take_line(partial_);
      partial_.clear();
    }
    piece.remove_prefix(end + 1);
    if (batch_.records.size() >= kBatchLines || batch_.bytes >= kBatchBytes) {
      if (auto ok = send(); !ok) return ok;
    }
  }
  return {};
}

void Ingest::take_line(std::string_view line) {
  ++line_;
  if (trim(line).empty()) return;
  auto value = parse_json(line);
  auto record = value ? meeting_record_from(*value)
                      : std::unexpected(RecordProblem{"bad_json", "", "the line is not JSON"});
  if (!record) {
    const std::lock_guard lock(state_->mutex);
    state_->reject(line_, std::move(record.error()));
    return;
  }
  batch_.records.push_back(std::move(*record));
  batch_.lines.push_back(line_);
  batch_.bytes += line.size();
}

Status Ingest::send() {
  Batch batch = std::exchange(batch_, {});
  {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait(lock, [&] { return state_->under_way < kMaxUnderWay; });
    if (state_->failure) return std::unexpected(*state_->failure);
    ++state_->under_way;
  }
  store_.apply(
      account_, std::move(batch.records),
      [state = state_, lines = std::move(batch.lines)](Result<MeetingStore::Verdicts> verdicts) {
        std::unique_lock lock(state->mutex);
        --state->under_way;
        state->changed.notify_all();
        if (!verdicts) {
          state->failure = verdicts.error();
        } else {
          for (std::size_t i = 0; i < verdicts->size(); ++i) {
            if (auto& problem = (*verdicts)[i])
              state->reject(lines[i], std::move(*problem));
            else
              ++state->report.accepted;
          }
        }
        state->answer(std::move(lock));
      });
  return {};
}

void Ingest::finish(std::function<void(Result<IngestReport>)> done) {
  if (!partial_.empty()) {
    take_line(partial_);
    partial_.clear();
  }
  if (!batch_.records.empty()) {
    if (auto ok = send(); !ok) return done(std::unexpected(ok.error()));
  }
  std::unique_lock lock(state_->mutex);
  state_->done = std::move(done);
  state_->answer(std::move(lock));
}

}  // namespace telecine
