#include "dialect/tencent/requests.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "dialect/tencent/errors.h"
#include "dialect/tencent/ids.h"
#include "dialect/tencent/order.h"
#include "dialect/tencent/presets.h"
#include "dialect/tencent/procedure.h"

namespace telecine::tencent {
namespace {

constexpr std::int64_t kMostNumber = 1'000'000'000;  // of a template or a category

std::unexpected<Wrong> missing(std::string_view name) {
  return wrong(code::kInvalidParameter, std::string(name) + " is missing");
}

/// The call's file, by the number that says there is none.
Done take_file(const Call& call, std::string_view parameter, int number, Order& order) {
  const std::string id = call.arguments.text(parameter);
  if (id.empty()) return missing(parameter);
  const auto file = find_file(call, id);
  if (!file) return wrong(number);
  order.read_file(*file);
  return {};
}

/// One of two spellings.
std::string either(const Arguments& arguments, std::string_view first, std::string_view second) {
  return arguments.has(first) ? arguments.text(first) : arguments.text(second);
}

Done take_pull(const Arguments& arguments, Order& order) {
  const std::string url = either(arguments, "pull.url", "url");
  const std::string name = either(arguments, "pull.fileName", "fileName");
  if (url.empty()) return missing("pull.url");
  if (name.empty()) return missing("pull.fileName");
  json::object input{{"url", url}, {"fileName", printable(name, 255)}};
  const auto category = arguments.integer("pull.classId", -1, kMostNumber);
  if (!category) return wrong(category.error());  // there are no categories here to put it in
  const std::string md5 = lower(either(arguments, "pull.fileMd5", "fileMd5"));
  if (!md5.empty()) {
    if (md5.size() != 32 || md5.find_first_not_of("0123456789abcdef") != std::string::npos) {
      return wrong(code::kInvalidParameter, "pull.fileMd5 must be 32 hex digits");
    }
    order.request().input_md5 = md5;
    input["md5"] = md5;
  }
  order.pull(std::move(input), printable(name, 255));
  return {};
}

Done take_input(const Call& call, Order& order) {
  const Arguments& arguments = call.arguments;
  const std::string type = arguments.text("inputType");
  if (type.empty()) return missing("inputType");
  if (type == "PullFile") return take_pull(arguments, order);
  if (type != "SingleFile") {
    return wrong(code::kInvalidParameter, "inputType must be SingleFile or PullFile; \"" +
                                              printable(type, 40) + "\" is not served");
  }
  if (arguments.has("file.startTimeOffset") || arguments.has("file.endTimeOffset")) {
    return wrong(code::kInvalidParameter,
                 "file.startTimeOffset and file.endTimeOffset are not served; use ClipVideo");
  }
  return take_file(call, "file.id", code::kFileNotFound, order);
}

Done add_wishes(const Wishes& wishes, Order& order) {
  const auto unknown = [](int definition) {
    return wrong(code::kInvalidProcedure, "the procedure names the template " +
                                              std::to_string(definition) + ", which there is not");
  };
  for (const int definition : wishes.transcode) {
    if (!order.add_transcode(definition)) return unknown(definition);
  }
  if (wishes.cover && !order.add_cover(*wishes.cover, {.time = 0, .percent = {}})) {
    return unknown(*wishes.cover);
  }
  if (wishes.sample && !order.add_sample(*wishes.sample)) return unknown(*wishes.sample);
  return {};
}

std::unexpected<Wrong> no_template(std::string_view parameter) {
  return wrong(code::kInvalidParameter, std::string(parameter) + " names no template");
}

Done add_transcodes(const Arguments& arguments, Order& order) {
  const auto definitions = arguments.integers("transcode.definition", 0, kMostNumber);
  if (!definitions) return wrong(definitions.error());
  for (const std::int64_t definition : *definitions) {
    if (!order.add_transcode(definition)) return no_template("transcode.definition");
  }
  const auto master = arguments.integer("transcode.hlsMasterPlaylist", 0, 1);
  if (!master) return wrong(master.error());
  if (master->value_or(0) == 1 && !order.add_master()) {
    return wrong(code::kInvalidParameter,
                 "transcode.hlsMasterPlaylist needs an HLS template in transcode.definition");
  }
  return {};
}

Done add_sample(const Arguments& arguments, Order& order) {
  const auto definition = arguments.integer("sampleSnapshot.definition", 0, kMostNumber);
  if (!definition) return wrong(definition.error());
  if (*definition && !order.add_sample(**definition)) {
    return no_template("sampleSnapshot.definition");
  }
  return {};
}

Done add_snapshots(const Arguments& arguments, Order& order) {
  constexpr std::int64_t kWeek = 604'800'000;
  const auto definition = arguments.integer("snapshotByTimeOffset.definition", 0, kMostNumber);
  if (!definition) return wrong(definition.error());
  if (!*definition) return {};
  const auto times = arguments.integers("snapshotByTimeOffset.timeOffset", 0, kWeek);
  if (!times) return wrong(times.error());
  if (times->empty()) return missing("snapshotByTimeOffset.timeOffset");
  json::array list(times->begin(), times->end());
  const bool added =
      order.add("SnapshotByTimeOffset",
                snapshot_output(static_cast<int>(**definition), {times->begin(), times->end()}),
                {{"definition", **definition}, {"timeOffset", std::move(list)}});
  if (!added) return no_template("snapshotByTimeOffset.definition");
  return {};
}

Done add_cover(const Arguments& arguments, Order& order) {
  const auto definition = arguments.integer("coverBySnapshot.definition", 0, kMostNumber);
  if (!definition) return wrong(definition.error());
  if (!*definition) return {};
  const std::string type = arguments.text("coverBySnapshot.positionType");
  const bool percent = type == "Percent";
  if (!type.empty() && type != "Time" && !percent) {
    return wrong(code::kInvalidParameter, "coverBySnapshot.positionType must be Time or Percent");
  }
  const auto position = arguments.integer("coverBySnapshot.position", 0, percent ? 100 : 604'800);
  if (!position) return wrong(position.error());
  Position at;
  if (percent)
    at.percent = static_cast<double>(position->value_or(0));
  else
    at.time = position->value_or(0) * 1000;
  if (!order.add_cover(**definition, at)) return no_template("coverBySnapshot.definition");
  return {};
}

Done add_animations(const Arguments& arguments, Order& order) {
  const auto definitions = arguments.integers("animatedGraphics.definition", 0, kMostNumber);
  if (!definitions) return wrong(definitions.error());
  if (definitions->empty()) return {};
  const auto start = arguments.integer("animatedGraphics.startTime", 0, 604'800);
  if (!start) return wrong(start.error());
  const auto end = arguments.integer("animatedGraphics.endTime", 0, 604'800);
  if (!end) return wrong(end.error());
  const std::int64_t from = start->value_or(0);
  const std::int64_t to = end->value_or(0);
  if (to != 0 && to <= from) {
    return wrong(code::kInvalidParameter, "animatedGraphics.endTime must be after startTime");
  }
  for (const std::int64_t definition : *definitions) {
    auto output = animation_output(static_cast<int>(definition), static_cast<double>(from),
                                   static_cast<double>(to));
    json::object input{{"definition", definition}, {"startTime", from}, {"endTime", to}};
    if (!order.add("AnimatedGraphics", std::move(output), std::move(input))) {
      return no_template("animatedGraphics.definition");
    }
  }
  return {};
}

Done add_sprites(const Arguments& arguments, Order& order) {
  const auto definition = arguments.integer("imageSprite.definition", 0, kMostNumber);
  if (!definition) return wrong(definition.error());
  if (!*definition) return {};
  const bool added = order.add("ImageSprites", sprite_output(static_cast<int>(**definition)),
                               {{"definition", **definition}});
  if (!added) return no_template("imageSprite.definition");
  return {};
}

/// What may be asked of ProcessFile and is not made here.
constexpr std::array<std::string_view, 6> kNotServed = {
    "transcode.drm", "transcode.mosaicList",     "pornReview",
    "contentReview", "classificationAIAnalysis", "tagAIAnalysis"};

Done refuse_not_served(const Arguments& arguments) {
  for (const std::string_view name : kNotServed) {
    if (arguments.has_part(name)) {
      return wrong(code::kInvalidParameter, std::string(name) + " is not served");
    }
  }
  return {};
}

/// Where a part begins and ends is only comparable once the source's length is known.
Done check_range(const std::optional<MediaFacts>& facts, double start, double end) {
  const bool same_side = (start < 0) == (end < 0);
  if (end != 0 && same_side && end <= start) {
    return wrong(code::kInvalidParameter, "endTimeOffset must be after startTimeOffset");
  }
  if (!facts || facts->duration <= 0) return {};
  const double length = to_seconds(facts->duration);
  const double first = std::max(0.0, start < 0 ? length + start : start);
  const double last = std::min(length, end <= 0 ? length + end : end);
  if (first < last) return {};
  return wrong(code::kInvalidParameter, "there is nothing of the file between the two offsets");
}

}  // namespace

std::optional<File> find_file(const Call& call, const std::string& text) {
  const auto key = file_key_from(text);
  if (!key) return std::nullopt;
  auto file = call.api.service.files().get_by_key(call.caller.account(), *key);
  if (!file || file_id_text(file->id) != text) return std::nullopt;
  return std::move(*file);
}

Ordered run_procedure_request(const Call& call) {
  const Arguments& arguments = call.arguments;
  Order order(call, kProcedure);
  const std::string procedure = arguments.text("procedure");
  if (!arguments.has("inputType")) return missing("inputType");
  if (procedure.empty()) return missing("procedure");
  auto ok = order.notify(arguments);
  if (ok) ok = order.prioritise(arguments);
  if (!ok) return std::unexpected(ok.error());
  const auto wishes = wishes_of(procedure, call.api.options);
  if (!wishes) return wrong(code::kInvalidProcedure);
  ok = add_wishes(*wishes, order);
  if (ok) ok = take_input(call, order);
  if (!ok) return std::unexpected(ok.error());
  return std::move(order).finish();
}

Ordered process_file_request(const Call& call) {
  const Arguments& arguments = call.arguments;
  Order order(call, kProcedure);
  auto ok = order.notify(arguments);
  if (ok) ok = order.prioritise(arguments);
  if (ok) ok = refuse_not_served(arguments);
  if (ok) ok = add_transcodes(arguments, order);
  if (ok) ok = add_animations(arguments, order);
  if (ok) ok = add_snapshots(arguments, order);
  if (ok) ok = add_sample(arguments, order);
  if (ok) ok = add_cover(arguments, order);
  if (ok) ok = add_sprites(arguments, order);
  if (!ok) return std::unexpected(ok.error());
  if (!arguments.has("fileId")) return missing("fileId");
  if (order.is_empty()) return wrong(code::kInvalidParameter, "nothing is asked for");
  ok = take_file(call, "fileId", code::kFileStatus, order);
  if (!ok) return std::unexpected(ok.error());
  return std::move(order).finish();
}

Ordered convert_request(const Call& call) {
  const Arguments& arguments = call.arguments;
  Order order(call, kTranscode);
  const auto screenshot = arguments.integer("isScreenshot", 0, 1);
  if (!screenshot) return wrong(screenshot.error());
  if (const auto watermark = arguments.integer("isWatermark", 0, 1); !watermark) {
    return wrong(watermark.error());
  }
  if (auto ok = take_file(call, "fileId", code::kFileStatus, order); !ok) {
    return std::unexpected(ok.error());
  }
  for (const int definition : call.api.options.convert_definitions) {
    if (!order.add_transcode(definition)) {
      return wrong(code::kTaskInternal, "tencent.convert_definitions names the template " +
                                            std::to_string(definition) + ", which there is not");
    }
  }
  constexpr int kCover = 10;
  if (screenshot->value_or(0) == 1) order.add_cover(kCover, {.time = 0, .percent = {}});
  return std::move(order).finish();
}

Ordered clip_request(const Call& call) {
  const Arguments& arguments = call.arguments;
  Order order(call, kClip);
  if (!arguments.has("fileId")) return missing("fileId");
  const std::string name = printable(arguments.text("newFileName"), 255);
  if (name.empty()) return missing("newFileName");
  const auto start = arguments.number("startTimeOffset");
  if (!start) return wrong(start.error());
  const auto end = arguments.number("endTimeOffset");
  if (!end) return wrong(end.error());
  if (*end && **end == 0) {
    return wrong(code::kInvalidParameter, "endTimeOffset must be after startTimeOffset");
  }
  const auto file = find_file(call, arguments.text("fileId"));
  if (!file) return wrong(code::kFileStatus);
  order.read_file(*file);
  if (auto ok = check_range(file->facts, start->value_or(0), end->value_or(0)); !ok) {
    return std::unexpected(ok.error());
  }
  auto clip = clip_output(start->value_or(0), end->value_or(0));
  if (!clip) return wrong(clip.error());
  order.request().keep.outputs[clip->name] = name;
  order.add("Transcode", std::move(*clip), {{"definition", 0}});
  return std::move(order).finish();
}

}  // namespace telecine::tencent
