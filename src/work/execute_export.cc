#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_digest.h"
#include "object/media_type.h"
#include "store/meetings.h"
#include "work/executor.h"
#include "work/export_columns.h"
#include "work/xlsx_file.h"

namespace telecine {
namespace {

/// Between two looks at the disk and at whether anybody still wants the file.
constexpr int kRowsBetweenLooks = 256;

/// Deletes the attempt's directory when the attempt is over, whatever came of it.
struct AttemptDirectory {
  const object::LocalObjects& objects;
  object::Attempt attempt;
  ~AttemptDirectory() { objects.discard(attempt); }
};

/// Takes rows, and refuses more when the unit has to end.
class Sheet {
 public:
  Sheet(const WorkContext& context, const Run& run, XlsxFile& file)
      : context_(context), run_(run), file_(file) {}

  Status add(const std::vector<std::string>& cells) {
    if (++rows_ % kRowsBetweenLooks == 0) {
      if (run_.stop.stop_requested()) return fail(ErrorCode::kCancelled, "the work was stopped");
      if (auto room = check_disk(context_); !room) return room;
    }
    return file_.add(cells);
  }
  std::int64_t rows() const { return rows_; }

 private:
  const WorkContext& context_;
  const Run& run_;
  XlsxFile& file_;
  std::int64_t rows_ = 0;
};

Status write_rows(MeetingSnapshot& from, const std::string& account, const ExportSpec& spec,
                  Sheet& sheet) {
  const Wording wording{spec.english, spec.utc_offset_minutes};
  switch (spec.report) {
    case Report::kMeetings: {
      const Millis now = now_ms();
      return from.meetings(account, spec, [&](const MeetingFacts& meeting) {
        return sheet.add(row_of(meeting, wording, now));
      });
    }
    case Report::kParticipants:
      return from.participants(
          account, spec.instance, spec.user, spec.room,
          [&](const ParticipantFacts& one) { return sheet.add(row_of(one, wording)); });
    case Report::kQuality:
      return from.samples(account, spec.instance, spec.participant,
                          [&](const MeetingSnapshot::Sample& sample) {
                            return sheet.add(row_of(sample, wording));
                          });
    case Report::kReservations:
      return from.reservations(account, spec, [&](const ReservationFacts& booking) {
        return sheet.add(row_of(booking, wording, spec.topics));
      });
  }
  return fail(ErrorCode::kInternal, "an unknown report");
}

/// Moves the finished file to the task's objects.
Result<Output> publish(const WorkContext& context, const std::string& directory,
                       const std::string& task_hex, const std::string& prefix,
                       const std::string& report, const std::stop_token& stop) {
  const std::string name = report + ".xlsx";
  const std::string path = directory + "/" + prefix + name;
  OutputFile file;
  file.name = name;
  file.type = object::media_type_of(name);
  struct stat facts{};
  if (::stat(path.c_str(), &facts) != 0) return std::unexpected(errno_error(errno, "the file"));
  file.size = facts.st_size;
  auto fd = open_file(path, O_RDONLY);
  if (!fd) return std::unexpected(fd.error());
  auto md5 = md5_of(fd->get(), stop);
  if (!md5) return std::unexpected(md5.error());
  file.md5 = std::move(*md5);
  const std::string names[] = {prefix + name};
  auto urls = context.objects.publish(directory, task_hex, names);
  if (!urls) return std::unexpected(urls.error());
  file.url = std::move(urls->front());
  Output output;
  output.name = report;
  output.type = OutputType::kDocument;
  output.state = OutputState::kSucceeded;
  output.progress = 1;
  output.files.push_back(std::move(file));
  return output;
}

}  // namespace

Result<UnitOutcome> execute_export(const WorkContext& context, const Run& run) {
  const Task& task = *run.lease.task;
  const auto* options = task.spec.options.if_contains(kExportOption);
  if (options == nullptr) return fail(ErrorCode::kInvalidParameter, "there is nothing to export");
  const ExportSpec spec = export_spec_from(*options);
  const std::string report(name_of(spec.report));

  const AttemptDirectory scratch{context.objects,
                                 {task.id.hex(), run.lease.unit, run.lease.attempt}};
  auto directory = context.objects.prepare(scratch.attempt);
  if (!directory) return std::unexpected(directory.error());
  // The attempt is part of the object's name, so that a late one cannot replace what is committed.
  const std::string prefix =
      std::to_string(run.lease.unit) + "-" + std::to_string(run.lease.attempt) + "/";
  if (auto made = make_directories(*directory + "/" + prefix); !made) {
    return std::unexpected(made.error());
  }
  auto file = XlsxFile::create(*directory + "/" + prefix + report + ".xlsx",
                               headings_of(spec.report, spec.english));
  if (!file) return std::unexpected(file.error());
  Sheet sheet(context, run, **file);
  {
    auto snapshot = context.meetings.snapshot();
    if (!snapshot) return std::unexpected(snapshot.error());
    auto written = write_rows(**snapshot, task.account, spec, sheet);
    if (!written) return std::unexpected(written.error());
  }
  if (auto closed = (*file)->close(); !closed) return std::unexpected(closed.error());
  auto output = publish(context, *directory, scratch.attempt.task_hex, prefix, report, run.stop);
  if (!output) return std::unexpected(output.error());
  UnitOutcome outcome;
  outcome.outputs.push_back(std::move(*output));
  outcome.result["rows"] = sheet.rows();
  return outcome;
}

}  // namespace telecine
