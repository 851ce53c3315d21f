#include "dialect/tencent/order.h"

#include <algorithm>
#include <cmath>

#include "dialect/tencent/documents.h"
#include "dialect/tencent/errors.h"
#include "dialect/tencent/presets.h"
#include "dialect/tencent/tencent.h"

namespace telecine::tencent {

std::unexpected<Wrong> wrong(int number, std::string message) {
  return std::unexpected(Wrong{number, std::move(message)});
}

std::unexpected<Wrong> wrong(const Error& error) {
  return wrong(code::kInvalidParameter, error.field + " " + error.message);
}

Order::Order(const Call& call, std::string_view kind) : kind_(kind), app_id_(call.app_id()) {
  request_.origin = kOrigin;
  request_.outputs.emplace();
  const Options& options = call.api.options;
  const auto own = options.callback_urls.find(call.caller.account());
  request_.callback_url = own != options.callback_urls.end() ? own->second : options.callback_url;
}

void Order::read_file(const File& file) {
  request_.input = std::string(kFileIdScheme) + file.id.hex();
  file_name_ = file.name;
}

void Order::pull(json::object input, const std::string& name) {
  request_.input = input.at("url").as_string();
  request_.keep.input = name;
  file_name_ = name;
  pull_ = std::move(input);
}

bool Order::add(std::string_view type, std::optional<OutputSpec> output, json::object input) {
  if (!output) return false;
  const auto same = [&](const OutputSpec& other) { return other.name == output->name; };
  if (std::ranges::any_of(*request_.outputs, same)) return true;  // asked for twice
  steps_.emplace_back(
      json::object{{"output", output->name}, {"type", type}, {"input", std::move(input)}});
  request_.outputs->push_back(std::move(*output));
  return true;
}

bool Order::add_transcode(std::int64_t definition) {
  return add("Transcode", transcode_output(static_cast<int>(definition)),
             {{"definition", definition}, {"watermark", 0}});
}

bool Order::add_cover(std::int64_t definition, const Position& at) {
  json::object input{{"definition", definition}};
  input["positionType"] = at.percent ? "Percent" : "Time";
  input["position"] =
      at.percent ? std::llround(*at.percent) : static_cast<long long>(at.time.value_or(0) / 1000);
  return add("CoverBySnapshot", cover_output(static_cast<int>(definition), at), std::move(input));
}

bool Order::add_sample(std::int64_t definition) {
  return add("SampleSnapshot", sample_output(static_cast<int>(definition)),
             {{"definition", definition}});
}

bool Order::add_master() {
  return add("Transcode", master_output(*request_.outputs),
             {{"definition", kMasterPlaylist}, {"watermark", 0}});
}

Done Order::notify(const Arguments& arguments) {
  const std::string mode = arguments.text("notifyMode");
  if (mode == "None") request_.callback_url.clear();
  request_.callback_changes = mode == "Change";
  if (mode.empty() || mode == "Finish" || mode == "Change" || mode == "None") return {};
  return wrong(code::kInvalidParameter, "notifyMode must be Finish, Change or None");
}

Done Order::prioritise(const Arguments& arguments) {
  const auto priority = arguments.integer("priority", -10, 10);
  if (!priority) return wrong(priority.error());
  request_.priority = static_cast<int>(priority->value_or(0));
  return {};
}

TaskRequest Order::finish() && {
  json::object memory{{remembered::kKind, kind_},
                      {remembered::kAppId, app_id_},
                      {remembered::kFileName, file_name_},
                      {remembered::kSteps, std::move(steps_)}};
  if (!pull_.empty()) memory[remembered::kPull] = std::move(pull_);
  request_.dialect[remembered::kName] = std::move(memory);
  request_.stills_first = true;
  if (is_empty()) {
    request_.kind = TaskKind::kProbe;
    request_.outputs.reset();
  }
  return std::move(request_);
}

}  // namespace telecine::tencent
