#pragma once

#include <functional>
#include <string>

#include "base/error.h"
#include "base/fs.h"
#include "job/drawn.h"
#include "job/job.h"
#include "job/output_files.h"

namespace telecine::media {

/// Opens picture `index` of the job for reading.
using OpenPicture = std::function<Result<Fd>(int index)>;

/// Writes "<name>.mp4": H.264 and AAC, round(seconds·fps) frames of exactly the asked size. The
/// same options, pictures, fonts and version give the same bytes. `done` hears 0...1. kDecodeFailed
/// and kNotMedia for pictures that can't be read.
Result<MadeOutput> render_animatic(const AnimaticOptions& options, const OpenPicture& open,
                                   OutputFiles& files, const std::string& name,
                                   const std::function<void(double)>& done);

}  // namespace telecine::media
