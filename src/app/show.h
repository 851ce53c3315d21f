#pragma once

#include <string>

#include "base/json.h"
#include "task/facts.h"

namespace telecine::app {

/// JSON on standard output, on one line.
void print_json(const json::value& value);
/// The same for people to read and edit.
std::string pretty_json(const json::value& value);

/// "1280x720, 25 fps, h264 High, aac stereo 48000 Hz, 2.1 Mbit/s, 0:10.0, 2.6 MiB".
std::string describe(const MediaFacts& facts);
/// Everything worth knowing of a file, a line a stream.
void print_facts(const MediaFacts& facts);

/// A task document of the native API for people: state, source, outputs with facts and links.
void print_task(const json::value& document);
/// One line a task.
void print_task_line(const json::value& document);

}  // namespace telecine::app
