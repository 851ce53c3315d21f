#pragma once

#include <memory>
#include <string>
#include <vector>

#include "job/output_files.h"
#include "media/clock.h"
#include "media/input.h"
#include "task/facts.h"
#include "task/output.h"
#include "task/picture.h"
#include "task/rendition.h"

namespace telecine::media {

/// Subtitles as a script in the terms of ASS: styles, and lines on the source's clock. Or as
/// pictures: what their decoder is to know beforehand, and its packets.
struct Script {
  struct Line {
    Ticks start = 0;
    Ticks length = 0;
    std::string text;  ///< a dialogue as libavcodec writes it, or the packet
  };
  std::string head{};  ///< empty: plain text, for `plain_head`
  std::vector<Line> lines;
  AVCodecID bitmaps = AV_CODEC_ID_NONE;  ///< of pictures
  Dimensions screen{};                   ///< that they are for, as the stream says
};

/// The styles of plain text in pictures of this height.
std::string plain_head(const BurntSubtitles& wanted, int height);

/// A SubRip, WebVTT or ASS file. `origin` is where its times
/// begin on the source's clock.
Result<Script> read_script(OutputFiles& files, const std::string& asset, Ticks origin);

/// Which of the source's streams is meant.
Result<int> script_stream(const MediaFacts& facts, const BurntSubtitles& wanted);
/// A stream of the source, read once from its beginning. `zero` is what the source's clock
/// shows when the pipeline's shows 0.
Result<Script> read_script(const Input& source, int index, Ticks zero);

/// A stream's script between two runs of this program: the name of its file, and the file.
std::string script_name(int stream);
Result<OutputFile> write_script(OutputFiles& files, const std::string& name, const Script& script);
Result<Script> reopen_script(OutputFiles& files, const std::string& name);

}  // namespace telecine::media
