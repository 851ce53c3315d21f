#include <algorithm>
#include <numeric>

#include "work/assets.h"
#include "work/executor.h"
#include "work/media_unit.h"
#include "work/pieces.h"
#include "work/segments.h"
#include "work/source.h"

namespace telecine {
namespace {

// Of the whole work, about: copying the pieces, and encoding them with little loss.
constexpr double kCopyShare = 0.1;
constexpr double kEncodeShare = 0.5;
// Of the encoding: what joins the segments.
constexpr double kAppendShare = 0.1;
constexpr Millis kYear = 365LL * 24 * 3600 * 1000;

/// One run of a unit that looks at the pieces, encodes a segment of one, or joins them.
class Joining {
 public:
  Joining(const WorkContext& context, const Run& run)
      : context_(context),
        run_(run),
        task_(*run.lease.task),
        unit_(context, run),
        base_(run.lease.payload.contains("fetched") ? kFetchShare : 0.0) {}

  Result<UnitOutcome> make() {
    if (auto ready = unit_.prepare(); !ready) return std::unexpected(ready.error());
    const UnitShare share = share_of(run_.lease.payload);
    if (share.segment) return encode_segment(share);
    auto first = open_source(context_, run_);
    if (!first) return std::unexpected(first.error());
    return run_.lease.kind == UnitKind::kPackage ? join_encoded(first->fd.get())
                                                 : begin(first->fd.get());
  }

 private:
  MediaJob join_job() const {
    MediaJob job = unit_.job_for({});
    job.job.pieces = task_.spec.pieces;
    job.job.join_only = true;
    return job;
  }

  /// The progress of what is between these shares of the whole. Room is waited for once it is known
  /// what is to be encoded.
  RunHooks hooks_between(double from, double to, Admission::Share& room) {
    RunHooks hooks = unit_.hooks();
    hooks.progress = [this, from, to](std::span<const double> done, double speed) {
      const double share = done.empty() ? 0 : done.front();
      run_.report({task_.id, base_ + (1 - base_) * (from + (to - from) * share), speed, {}, {}});
    };
    hooks.source = [this, &room](const MediaFacts& largest) {
      OutputSpec form;
      form.renditions.emplace_back().video.emplace();
      const Needs needs = needs_of(largest, std::span(&form, 1), context_.options.cores);
      return enter(context_, run_, needs, room);
    };
    return hooks;
  }

  /// Joins what can be copied or is short. Else the units that encode the pieces follow.
  Result<UnitOutcome> begin(int first) {
    Admission::Share room;
    MediaJob job = join_job();
    job.job.find_segments = context_.options.segment;
    auto made = unit_.run(first, job, hooks_between(0, kCopyShare, room));
    if (!made) return std::unexpected(made.error());
    if (made->pieces.empty()) return settle(*made, kCopyShare);
    if (is_long(made->pieces) && are_pieces(made->pieces, task_.spec.pieces.size())) {
      UnitOutcome begun;
      begun.next = piece_units(run_.lease.payload, made->pieces);
      return begun;
    }
    made = unit_.run(first, join_job(), hooks_between(0, kEncodeShare, room));
    if (!made) return std::unexpected(made.error());
    return settle(*made, kEncodeShare);
  }

  bool is_long(const std::vector<media::PieceWork>& pieces) const {
    constexpr Millis kLeastSegments = 4;
    Millis length = 0;
    for (const media::PieceWork& work : pieces) length += std::clamp<Millis>(work.length, 0, kYear);
    return length >= kLeastSegments * context_.options.segment;
  }

  Result<UnitOutcome> join_encoded(int first) {
    constexpr Needs kAppend{.cores = 1, .memory = 256LL << 20};
    Admission::Share room;
    if (auto ok = enter(context_, run_, kAppend, room); !ok) return std::unexpected(ok.error());
    MediaJob job = join_job();
    job.job.encoded = piece_share_of(run_.lease.payload).pieces;
    auto made =
        unit_.run(first, job, hooks_between(kEncodeShare - kAppendShare, kEncodeShare, room));
    if (!made) return std::unexpected(made.error());
    return settle(*made, kEncodeShare);
  }

  Result<UnitOutcome> encode_segment(const UnitShare& share) {
    const PieceShare piece = piece_share_of(run_.lease.payload);
    const bool is_there = piece.form && piece.piece >= 0 &&
                          static_cast<std::size_t>(piece.piece) < task_.spec.pieces.size();
    if (!is_there) return fail(ErrorCode::kInternal, "the unit names no piece");
    auto input = open_piece(static_cast<std::size_t>(piece.piece));
    if (!input) return std::unexpected(in_piece(input.error(), piece.piece));
    MediaJob job = unit_.job_for({*piece.form});
    job.job.segment = share.segment;
    job.job.found = share.found;
    const int at_once = std::clamp(share.count, 1, std::max(1, context_.options.slots));
    job.job.threads = std::max(1, context_.options.cores / at_once);
    const double each = (kEncodeShare - kAppendShare) / std::max(1, share.count);
    const double from = each * segments_ended(run_.lease.parts, kPieceNames);
    Admission::Share room;
    RunHooks hooks = hooks_between(from, from + each, room);
    hooks.source = [&](const MediaFacts& found) -> Status {
      if (found.size != piece.size || found.duration != piece.duration) {
        return fail(ErrorCode::kDecodeFailed, "it was changed while it was being encoded");
      }
      return enter(context_, run_, needs_of(found, job.job.outputs, job.job.threads), room);
    };
    auto made = unit_.run(input->get(), job, hooks);
    if (!made) return std::unexpected(in_piece(made.error(), piece.piece));
    for (media::MadeOutput& encode : made->outputs) {
      for (std::string& note : encode.notes) note = named(piece.piece) + ": " + note;
    }
    if (auto ok = unit_.leave(made->outputs); !ok) return std::unexpected(ok.error());
    UnitOutcome outcome;
    outcome.part = segment_part(piece_segment_name(piece.piece, share.index), made->outputs);
    return outcome;
  }

  Result<Fd> open_piece(std::size_t place) {
    if (place > 0) return open_asset(context_, run_, task_.spec.pieces[place].input);
    auto first = open_source(context_, run_);
    if (!first) return std::unexpected(first.error());
    return std::move(first->fd);
  }

  static std::string named(int piece) { return "inputs[" + std::to_string(piece) + "]"; }

  static Error in_piece(Error error, int piece) {
    error.message = named(piece) + ": " + error.message;
    if (error.field.empty()) error.field = named(piece);
    return error;
  }

  Result<UnitOutcome> settle(media::Made& made, double share) {
    const bool is_joined = made.outputs.size() == 1 && !made.outputs.front().error &&
                           made.outputs.front().files.size() == 1 &&
                           made.outputs.front().files.front().name == media::kJoinedName;
    if (!is_joined) {
      return fail(ErrorCode::kInternal, "the media process joined nothing");
    }
    if (auto ok = unit_.leave(made.outputs); !ok) return std::unexpected(ok.error());
    UnitOutcome outcome;
    outcome.part = files_part(made.outputs);
    outcome.next.push_back(joined_unit(run_.lease.payload, base_ + (1 - base_) * share));
    return outcome;
  }

  const WorkContext& context_;
  const Run& run_;
  const Task& task_;
  MediaUnit unit_;
  const double base_;
};

}  // namespace

Result<UnitOutcome> execute_join(const WorkContext& context, const Run& run) {
  return Joining(context, run).make();
}

}  // namespace telecine
