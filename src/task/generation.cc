#include "task/generation.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"

namespace telecine {
namespace {

struct RatioRow {
  std::string_view name;
  double width;
  double height;
};
constexpr auto kRatios = std::to_array<RatioRow>({{"16:9", 16, 9},
                                                  {"9:16", 9, 16},
                                                  {"1:1", 1, 1},
                                                  {"4:3", 4, 3},
                                                  {"3:4", 3, 4},
                                                  {"21:9", 21, 9}});

struct ResolutionRow {
  std::string_view name;
  int short_side;  ///< px
};
constexpr auto kResolutions = std::to_array<ResolutionRow>(
    {{"360p", 360}, {"480p", 480}, {"720p", 720}, {"1080p", 1080}, {"4k", 2160}});

constexpr int kLeastSide = 64;
constexpr int kMostSide = 4096;

template <typename Rows>
auto find_row(const Rows& rows, std::string_view name) {
  return std::ranges::find(rows, name, [](const auto& row) { return row.name; });
}

template <typename Rows>
std::string listed(const Rows& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) names.emplace_back(row.name);
  return join(names, ", ");
}

std::optional<Dimensions> parse_size(std::string_view text) {
  const auto cross = text.find_first_of("xX*");
  if (cross == std::string_view::npos) return std::nullopt;
  const auto width = parse_int(text.substr(0, cross));
  const auto height = parse_int(text.substr(cross + 1));
  if (!width || !height) return std::nullopt;
  const auto fits = [](std::int64_t side) {
    return side >= kLeastSide && side <= kMostSide && side % 2 == 0;
  };
  if (!fits(*width) || !fits(*height)) return std::nullopt;
  return Dimensions{static_cast<int>(*width), static_cast<int>(*height)};
}

void read_pictures(ObjectReader& in, Generation& out) {
  constexpr std::size_t kMaxPictures = 8;
  constexpr std::size_t kMaxUrl = 4096;
  const auto* list = in.array("images", kMaxPictures);
  if (list == nullptr) return;
  for (std::size_t i = 0; i < list->size(); ++i) {
    ObjectReader item((*list)[i], in.path_of("images") + "[" + std::to_string(i) + "]");
    Picture picture;
    picture.role = item.choice<PictureRole>("role").value_or(PictureRole::kFirst);
    picture.source = item.text("source", kMaxUrl).value_or("");
    if (picture.source.empty()) {
      item.refuse("source", "is required: a URL, or file-id:<id> of an uploaded file");
    }
    if (auto ok = item.finish(); !ok) return in.refuse(ok.error());
    out.pictures.push_back(std::move(picture));
  }
}

std::string under(const std::string& path, std::string_view field) {
  return path.empty() ? std::string(field) : path + "." + std::string(field);
}

std::unexpected<Error> refuse(const std::string& path, std::string_view field,
                              std::string message) {
  return fail(ErrorCode::kInvalidParameter, std::move(message), under(path, field));
}

Status check_pictures(const std::vector<Picture>& pictures, const std::string& path) {
  constexpr std::ptrdiff_t kMaxReferences = 3;
  const auto count = [&](PictureRole role) {
    return std::ranges::count(pictures, role, &Picture::role);
  };
  const auto first = count(PictureRole::kFirst);
  const auto last = count(PictureRole::kLast);
  const auto references = count(PictureRole::kReference);
  if (first > 1) return refuse(path, "images", "may hold one first picture");
  if (last > 1) return refuse(path, "images", "may hold one last picture");
  if (last == 1 && first == 0) return refuse(path, "images", "a last picture needs a first one");
  if (references > kMaxReferences) {
    return refuse(path, "images", "may hold at most 3 reference pictures");
  }
  if (references > 0 && first + last > 0) {
    return refuse(path, "images", "reference pictures exclude a first and a last one");
  }
  return {};
}

Picture picture_of(const json::value& value) {
  const LooseReader in(value);
  return {value_named<PictureRole>(in.text("role")).value_or(PictureRole::kFirst),
          in.text("source"), in.flag("own")};
}

}  // namespace

bool is_remote(const Picture& picture) {
  return picture.source.starts_with("http://") || picture.source.starts_with("https://");
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

Result<Generation> generation_from(const json::value& value, const std::string& path) {
  constexpr std::size_t kMostBytes = kMaxPromptCharacters * 4;
  ObjectReader in(value, path);
  Generation out;
  out.prompt = in.text("prompt", kMostBytes).value_or("");
  out.negative_prompt = in.text("negative_prompt", kMostBytes).value_or("");
  out.model = in.text("model", 256).value_or("");
  read_pictures(in, out);
  out.aspect_ratio = in.text("aspect_ratio", 16).value_or(out.aspect_ratio);
  out.resolution = in.text("resolution", 16).value_or(out.resolution);
  if (const auto text = in.text("size", 16)) {
    out.size = parse_size(*text);
    if (!out.size) in.refuse("size", "must be WIDTHxHEIGHT, both even and from 64 to 4096");
  }
  out.duration = static_cast<int>(in.integer("duration", 1, 60).value_or(out.duration));
  out.fps = static_cast<int>(in.integer("fps", 1, 60).value_or(out.fps));
  out.seed = in.integer("seed", 0, 0xFFFF'FFFFLL);
  out.audio = in.choice<SoundWish>("audio").value_or(out.audio);
  out.enhance_prompt = in.boolean("enhance_prompt").value_or(false);
  out.upscale = in.boolean("upscale").value_or(false);
  out.provider = in.text("provider", 64).value_or("");
  if (auto ok = in.finish(); !ok) return std::unexpected(ok.error());
  if (auto ok = check_generation(out, path); !ok) return std::unexpected(ok.error());
  return out;
}

Status check_generation(const Generation& wanted, const std::string& path) {
  if (auto ok = check_pictures(wanted.pictures, path); !ok) return ok;
  for (const auto& [field, text] : {std::pair{"prompt", &wanted.prompt},
                                    std::pair{"negative_prompt", &wanted.negative_prompt}}) {
    if (!is_valid_utf8(*text)) return refuse(path, field, "must be valid UTF-8");
    if (count_characters(*text) > kMaxPromptCharacters) {
      return refuse(path, field, "may have at most 4000 characters");
    }
  }
  const bool has_first = std::ranges::count(wanted.pictures, PictureRole::kFirst, &Picture::role);
  if (trim(wanted.prompt).empty() && !has_first) {
    return refuse(path, "prompt", "is required unless there is a first picture");
  }
  if (find_row(kRatios, wanted.aspect_ratio) == kRatios.end()) {
    return refuse(path, "aspect_ratio", "must be one of " + listed(kRatios));
  }
  if (find_row(kResolutions, wanted.resolution) == kResolutions.end()) {
    return refuse(path, "resolution", "must be one of " + listed(kResolutions));
  }
  return {};
}

json::object to_json(const Generation& wanted) {
  json::object o;
  o["prompt"] = wanted.prompt;
  if (!wanted.negative_prompt.empty()) o["negative_prompt"] = wanted.negative_prompt;
  o["model"] = wanted.model;
  json::array images;
  for (const Picture& picture : wanted.pictures) {
    json::object item{{"role", name_of(picture.role)}, {"source", picture.source}};
    if (picture.own) item["own"] = true;
    images.emplace_back(std::move(item));
  }
  o["images"] = std::move(images);
  o["aspect_ratio"] = wanted.aspect_ratio;
  o["resolution"] = wanted.resolution;
  if (wanted.size) {
    o["size"] = std::to_string(wanted.size->width) + "x" + std::to_string(wanted.size->height);
  }
  o["duration"] = wanted.duration;
  o["fps"] = wanted.fps;
  if (wanted.seed) o["seed"] = *wanted.seed;
  o["audio"] = name_of(wanted.audio);
  o["enhance_prompt"] = wanted.enhance_prompt;
  o["upscale"] = wanted.upscale;
  if (!wanted.provider.empty()) o["provider"] = wanted.provider;
  if (wanted.choice) {
    o["choice"] = json::object{{"provider", wanted.choice->provider},
                               {"kind", name_of(wanted.choice->kind)},
                               {"model", wanted.choice->model}};
  }
  return o;
}

Generation generation_of(const TaskSpec& spec) {
  const auto* value = spec.options.if_contains(kGenerationMember);
  const json::value none;
  const LooseReader in(value != nullptr ? *value : none);
  Generation out;
  out.prompt = in.text("prompt");
  out.negative_prompt = in.text("negative_prompt");
  out.model = in.text("model");
  for (const auto& item : in.list("images")) out.pictures.push_back(picture_of(item));
  out.aspect_ratio = in.text("aspect_ratio");
  out.resolution = in.text("resolution");
  out.size = parse_size(in.text("size"));
  out.duration = in.small("duration");
  out.fps = in.small("fps");
  if (in.at("seed") != nullptr) out.seed = in.integer("seed");
  out.audio = value_named<SoundWish>(in.text("audio")).value_or(out.audio);
  out.enhance_prompt = in.flag("enhance_prompt");
  out.upscale = in.flag("upscale");
  out.provider = in.text("provider");
  if (const auto* choice = in.at("choice")) {
    const LooseReader from(*choice);
    out.choice = ProviderChoice{
        from.text("provider"),
        value_named<ProviderKind>(from.text("kind")).value_or(ProviderKind::kAnimatic),
        from.text("model")};
  }
  return out;
}

std::vector<Id> picture_files(const TaskSpec& spec) {
  std::vector<Id> files;
  for (const Picture& picture : generation_of(spec).pictures) {
    const std::string_view source = picture.source;
    if (!picture.own || !source.starts_with(kFileIdScheme)) continue;
    if (const auto id = Id::from_hex(source.substr(kFileIdScheme.size()))) files.push_back(*id);
  }
  return files;
}

bool is_placeholder(const TaskSpec& spec) {
  if (spec.kind != TaskKind::kGenerate) return false;
  const auto choice = generation_of(spec).choice;
  return choice && choice->kind == ProviderKind::kAnimatic;
}

Dimensions size_of(const Generation& wanted) {
  if (wanted.size) return *wanted.size;
  const auto ratio = find_row(kRatios, wanted.aspect_ratio);
  const auto resolution = find_row(kResolutions, wanted.resolution);
  const RatioRow shape = ratio == kRatios.end() ? kRatios.front() : *ratio;
  const double side = resolution == kResolutions.end() ? 720 : resolution->short_side;
  const double longer =
      side * std::max(shape.width, shape.height) / std::min(shape.width, shape.height);
  if (shape.width >= shape.height) return {even(longer), even(side)};
  return {even(side), even(longer)};
}

}  // namespace telecine
