// What a transcode does while packets pass, from reading to the judgement of the whole.

#include <algorithm>
#include <cstdio>

#include "media/transcode.h"

namespace telecine::media {
namespace {

// How much of a source may be missing at its end before it counts as broken.
constexpr Ticks kMissingEnd = kTicksPerSecond;
constexpr double kMissingShare = 0.05;
// Damaged packets are passed over as players do, until they are this share of all.
constexpr double kDamagedShare = 0.25;
constexpr std::int64_t kDamagedLeast = 10;
// Share of the whole that hearing the sound in advance is worth.
constexpr double kMeasuring = 0.1;
// Read past the end of what is needed, for streams that are interleaved loosely.
constexpr Ticks kRunOut = kTicksPerSecond;

std::string seconds_text(Ticks at) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", ticks_to_seconds(std::max<Ticks>(0, at)));
  return text;
}

Error decode_failed(Ticks at, const std::string& why) {
  return {ErrorCode::kDecodeFailed, "decoding failed at " + seconds_text(at) + ": " + why, {}};
}

}  // namespace

Status Transcode::on_picture(const AVFrame& frame) {
  for (auto& work : work_) {
    if (!work->picker || work->picker->settled()) continue;
    if (work->fate.failed()) continue;
    if (auto ok = work->picker->offer(frame, taker(*work)); !ok) work->fate.fail(ok.error());
    if (work->picker->settled()) finish_output(*work);
  }
  picture_progress_ = frame.pts;
  return {};
}

Status Transcode::on_sound(std::size_t source, const AVFrame& frame, Ticks at) {
  for (auto& sound : sounds_) {
    if (!sound || sound->source != source || sound->broken || !sound->out.wanted()) continue;
    if (auto packets = encode_sound(*sound, frame, at)) {
      sound->out.send(*packets);
    } else {
      sound->broken = true;
      sound->out.fail(packets.error());
    }
  }
  sound_progress_ = at;
  return {};
}

void Transcode::finish_sound() {
  for (auto& sound : sounds_) {
    if (!sound || sound->broken || !sound->out.wanted()) continue;
    if (auto packets = finish_encoding(*sound)) {
      sound->out.send(*packets);
      sound->out.end();
    } else {
      sound->out.fail(packets.error());
    }
  }
}

Status Transcode::read_all() {
  while (PacketPtr packet = input_.read()) {
    const AVStream& stream = input_.stream(packet->stream_index);
    if (uses(stream)) clocks_.follow(*packet);
    const std::int64_t at = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
    if (at != AV_NOPTS_VALUE) {
      const Ticks end =
          to_ticks(at + std::max<std::int64_t>(0, packet->duration), stream.time_base) - zero_;
      furthest_ = std::max(furthest_, end);
    }
    // So that pictures and sound come to the files side by side.
    if (!joined_.empty() && at != AV_NOPTS_VALUE) {
      if (auto ok = pump_segments(to_ticks(at, stream.time_base) - zero_); !ok) return ok;
    }
    if (auto ok = take(*packet); !ok) return ok;
    if (nothing_left()) {
      stopped_early_ = true;
      break;
    }
  }
  if (auto ok = pump_segments(kForever); !ok) return ok;
  if (video_decoder_) {
    if (auto ok = video_decoder_->finish(); !ok) return ok;
    if (auto ok = uprights_->finish(); !ok) return ok;
  }
  for (const auto& heard : heard_) {
    if (!heard || !heard->decoder) continue;
    if (auto ok = heard->decoder->finish(); !ok) return ok;
  }
  return {};
}

bool Transcode::uses(const AVStream& stream) const {
  if (video_ != nullptr && video_->index == stream.index) return true;
  if (texts_.uses(stream.index)) return true;
  return std::ranges::any_of(heard_, [&](const auto& heard) {
    return heard && heard->source.stream->index == stream.index;
  });
}

/// Hands a packet to all who want it.
Status Transcode::take(const AVPacket& packet) {
  texts_.take(packet, zero_);
  for (const auto& clip : clips_) {
    if (clip->stream().index == packet.stream_index) clip->take(packet);
  }
  if (video_ != nullptr && video_->index == packet.stream_index) {
    if (video_copy_) video_copy_->take(packet);
    if (video_decoder_) return video_decoder_->decode(packet, counts(packet));
  }
  for (const auto& heard : heard_) {
    if (!heard || heard->source.stream->index != packet.stream_index) continue;
    if (heard->copy) heard->copy->take(packet);
    if (heard->decoder) return heard->decoder->decode(packet);
  }
  return {};
}

bool Transcode::all_failed() const {
  return std::ranges::all_of(work_, [](const auto& work) { return work->fate.failed(); });
}

bool Transcode::nothing_left() const {
  const auto is_whole = [](const auto& copy) { return copy && copy->wanted(); };
  if (is_whole(video_copy_)) return false;
  if (!std::ranges::all_of(clips_, [](const auto& clip) { return clip->is_done(); })) return false;
  Ticks passed = kForever;
  if (video_decoder_) passed = std::min(passed, video_decoder_->end());
  if (texts_.any()) passed = std::min(passed, furthest_);
  for (const auto& heard : heard_) {
    if (heard && is_whole(heard->copy)) return false;
    if (heard && heard->decoder) passed = std::min(passed, heard->decoder->end());
  }
  return std::ranges::all_of(work_, [&](const auto& work) {
    // A segment has no sound to wait for.
    const Ticks run_out = job_.segment ? 0 : kRunOut;
    return work->fate.failed() || work->finished || work->until <= passed - run_out;
  });
}

Status Transcode::judge() const {
  const auto check = [&](const DecodeTally& tally, Ticks end, const char* what) -> Status {
    const std::string detail = tally.last_code == 0 ? "" : " (" + tally.trouble() + ")";
    if (tally.frames == 0) {
      return std::unexpected(
          decode_failed(0, std::string("no ") + what + " could be decoded" + detail));
    }
    if (tally.failures > kDamagedLeast &&
        static_cast<double>(tally.failures) > kDamagedShare * static_cast<double>(tally.packets)) {
      return std::unexpected(
          decode_failed(end, "too much of the " + std::string(what) + " is damaged" + detail));
    }
    return {};
  };
  // Of a segment whoever joins them judges: it may be the one bad minute of a long source.
  if (video_decoder_ && !job_.segment) {
    auto ok = check(video_decoder_->tally(), video_decoder_->end(), "picture");
    if (!ok) return ok;
  }
  if (video_copy_ && video_copy_->tally().packets > 0) {
    auto ok = check(video_copy_->tally(), video_copy_->end(), "picture");
    if (!ok) return ok;
  }
  for (const auto& joined : joined_) {
    if (!joined || joined->failed()) continue;
    auto ok = check(joined->tally(), joined->ends(), "picture");
    if (!ok) return ok;
  }
  const Ticks missing = declared_ - furthest_;
  // How far the pictures went is for those to judge who made the segments.
  // A clock that leapt says nothing about the length.
  const bool judges = !stopped_early_ && joined_.empty() && !clocks_.any();
  if (judges && declared_ > 0 && missing > kMissingEnd &&
      static_cast<double>(missing) > kMissingShare * static_cast<double>(declared_)) {
    std::string why = "the file ends there, but says it lasts " + seconds_text(declared_) +
                      "; it is incomplete or damaged";
    if (const int code = input_.read_error(); code != 0) {
      why = av_error(code, why, ErrorCode::kDecodeFailed).message;
    }
    return std::unexpected(decode_failed(furthest_, why));
  }
  if (judges && input_.lacks_fragments()) {
    return std::unexpected(
        decode_failed(furthest_, "the file ends within a fragment; it is incomplete"));
  }
  for (const auto& heard : heard_) {
    if (!heard || !heard->decoder || heard->decoder->tally().packets == 0) continue;
    auto ok = check(heard->decoder->tally(), heard->decoder->end(), "sound");
    if (!ok) return ok;
  }
  return {};
}

// A damaged source is used as far as it goes, if that is wanted and something of it could be.
Status Transcode::accept(const Error& damage) {
  const auto has_frames = [](const auto& joined) { return joined && joined->tally().frames > 0; };
  const bool is_joined = std::ranges::any_of(joined_, has_frames);
  const bool has_picture =
      video_decoder_ ? video_decoder_->tally().frames > 0 : joined_.empty() || is_joined;
  const bool has_any = has_picture && (furthest_ > 0 || is_joined);
  // Another segment may hold what this one has not.
  if (!job_.accept_damaged || !(has_any || job_.segment)) return std::unexpected(damage);
  for (auto& work : work_) work->made.notes.push_back(damage.message);
  return {};
}

Status Transcode::decode() {
  for (auto& branch : branches_) {
    if (branch) branch->start();
  }
  if (all_failed()) return {};
  if (auto ok = measure_loudness(); !ok) return ok;
  if (auto ok = read_all(); !ok) {
    const Ticks at = video_decoder_ ? video_decoder_->end() : furthest_;
    return std::unexpected(Error{
        ok.error().code, "decoding failed at " + seconds_text(at) + ": " + ok.error().message, {}});
  }
  if (all_failed()) return {};
  if (auto ok = judge(); !ok) {
    if (auto kept = accept(ok.error()); !kept) return kept;
  }
  for (VideoBranch* root : roots_) root->close();
  if (video_copy_) video_copy_->finish();
  for (const auto& clip : clips_) clip->finish();
  for (const auto& heard : heard_) {
    if (heard && heard->copy) heard->copy->finish();
  }
  finish_sound();
  texts_.finish();
  for (auto& branch : branches_) {
    if (branch) branch->join();
  }
  for (auto& work : work_) {
    if (!work->finished) finish_output(*work);
  }
  return {};
}

Ticks Transcode::progress_of(const Work& work) const {
  std::optional<Ticks> least;
  for (const Target& target : work.targets) {
    Ticks at = sound_progress_;
    if (!target.sounds.empty() && target.sounds.front().copy != nullptr) {
      at = target.sounds.front().copy->progress();
    }
    if (target.video_copy != nullptr) at = target.video_copy->progress();
    if (target.video != nullptr) at = target.video->progress();
    least = least ? std::min(*least, at) : at;
  }
  if (least) return *least;
  return video_ != nullptr ? picture_progress_.load() : sound_progress_.load();
}

std::vector<double> Transcode::done() const {
  const Ticks from =
      std::max(ms_to_ticks(from_) + origin_, job_.segment ? job_.segment->from : INT64_MIN);
  std::vector<double> out;
  for (const auto& work : work_) {
    const Ticks end = std::min(work->until, ms_to_ticks(source_.duration) + origin_);
    const double share = static_cast<double>(progress_of(*work) - from) /
                         static_cast<double>(std::max<Ticks>(1, end - from));
    // The last hundredth is the writing of indexes, the first tenth the hearing in advance.
    const double measured = kMeasuring * measured_;
    const double made = measured + (1 - measured) * std::clamp(share, 0.0, 0.99);
    out.push_back(work->finished ? 1.0 : made);
  }
  return out;
}

double Transcode::seconds_done() const {
  Ticks least = kForever;
  for (const auto& branch : branches_) {
    if (branch) least = std::min(least, branch->progress());
  }
  if (branches_.empty()) {
    least = decodes_video_ ? picture_progress_.load() : sound_progress_.load();
    for (const auto& heard : heard_) {
      if (!decodes_video_ && heard && heard->copy) least = heard->copy->progress();
    }
    if (!decodes_video_ && video_copy_) least = video_copy_->progress();
    for (const auto& clip : clips_) least = std::min(least, clip->progress());
  }
  if (least == kForever) return 0;
  return ticks_to_seconds(std::max<Ticks>(0, least - ms_to_ticks(from_) - origin_));
}

}  // namespace telecine::media
