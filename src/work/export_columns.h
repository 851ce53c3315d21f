#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/meetings.h"

namespace telecine {

/// How the cells of an export are worded.
struct Wording {
  bool english = false;
  int utc_offset_minutes = 0;
};

/// The headings of a report, in order.
std::vector<std::string> headings_of(Report report, bool english);

/// The cells of one row, in the order of the headings. `now` ends what is still going on.
std::vector<std::string> row_of(const MeetingFacts& meeting, const Wording& wording, Millis now);
std::vector<std::string> row_of(const ParticipantFacts& participant, const Wording& wording);
std::vector<std::string> row_of(const MeetingSnapshot::Sample& sample, const Wording& wording);
std::vector<std::string> row_of(const ReservationFacts& booking, const Wording& wording,
                                bool topics);

/// "2026.03.09 14:05:00 (GMT+08:00)"; fractions of a second are cut.
std::string time_cell(Millis at, int utc_offset_minutes);
/// "00:30:20"; hours may pass 99.
std::string duration_cell(std::int64_t seconds);
/// "12.3kbps": at most one decimal and no zero behind it.
std::string measure_cell(double value, std::string_view unit);

/// Text as a cell can hold it: control characters other than tab, LF and CR are gone, what is not
/// UTF-8 is U+FFFD, and it ends at 32,767 UTF-16 units.
std::string cell_text(std::string_view text);

}  // namespace telecine
