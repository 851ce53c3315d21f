#include "work/generate_job.h"

namespace telecine {
namespace {

json::object times_json(const GenerateJob& job) {
  json::object o;
  for (const auto& [stage, at] : job.times) o[stage] = at;
  return o;
}

json::object copy_json(const OutputFile& file) {
  return {{"name", file.name},
          {"url", file.url},
          {"type", file.type},
          {"size", file.size},
          {"md5", file.md5}};
}

}  // namespace

void GenerateJob::enter(GenerateStage next, Millis now) {
  stage = next;
  times[std::string(name_of(next))] = now;
}

Millis GenerateJob::at(GenerateStage which) const {
  const auto found = times.find(std::string(name_of(which)));
  return found == times.end() ? 0 : found->second;
}

json::object to_json(const GenerateJob& job) {
  json::array pictures;
  for (const Picture& picture : job.pictures) {
    pictures.emplace_back(
        json::object{{"role", name_of(picture.role)}, {"source", picture.source}});
  }
  json::object o{{"stage", name_of(job.stage)},
                 {"client_ref", job.client_ref},
                 {"provider", job.choice.provider},
                 {"kind", name_of(job.choice.kind)},
                 {"model", job.choice.model},
                 {"pictures", std::move(pictures)},
                 {"width", job.size.width},
                 {"height", job.size.height},
                 {"attempts_sent", job.attempts_sent},
                 {"refused_for_now", job.refused_for_now},
                 {"busy_since", job.busy_since},
                 {"answered", job.answered},
                 {"looks", job.looks},
                 {"job", job.job},
                 {"result_url", job.result_url},
                 {"troubles", job.troubles},
                 {"misses", job.misses},
                 {"fetches", job.fetches},
                 {"progress", job.progress},
                 {"estimated", job.estimated},
                 {"times", times_json(job)}};
  if (job.cost) o["cost"] = *job.cost;
  if (job.copy) o["copy"] = copy_json(*job.copy);
  if (job.facts) o["facts"] = to_json(*job.facts);
  return o;
}

GenerateJob generate_job_from(const json::object& payload) {
  const LooseReader in(payload);
  GenerateJob job;
  job.stage = value_named<GenerateStage>(in.text("stage")).value_or(GenerateStage::kNone);
  job.client_ref = in.text("client_ref");
  job.choice = {in.text("provider"),
                value_named<ProviderKind>(in.text("kind")).value_or(ProviderKind::kAnimatic),
                in.text("model")};
  for (const auto& item : in.list("pictures")) {
    const LooseReader picture(item);
    job.pictures.push_back(
        {value_named<PictureRole>(picture.text("role")).value_or(PictureRole::kFirst),
         picture.text("source"), false});
  }
  job.size = {in.small("width"), in.small("height")};
  job.attempts_sent = in.small("attempts_sent");
  job.refused_for_now = in.small("refused_for_now");
  job.busy_since = in.integer("busy_since");
  job.answered = in.flag("answered");
  job.looks = in.small("looks");
  job.job = in.text("job");
  job.result_url = in.text("result_url");
  job.troubles = in.small("troubles");
  job.misses = in.small("misses");
  job.fetches = in.small("fetches");
  job.progress = in.number("progress");
  job.estimated = in.flag("estimated");
  if (in.at("cost") != nullptr) job.cost = in.number("cost");
  if (const auto* copy = in.at("copy")) {
    const LooseReader file(*copy);
    job.copy = OutputFile{file.text("name"), file.text("url"), file.text("type"),
                          file.integer("size"), file.text("md5")};
  }
  if (const auto* facts = in.at("facts")) job.facts = media_facts_from(*facts);
  if (const auto* times = in.at("times"); times != nullptr && times->is_object()) {
    for (const auto& item : times->get_object()) {
      if (item.value().is_int64()) job.times[item.key()] = item.value().get_int64();
    }
  }
  return job;
}

json::object record_of(const GenerateJob& job) {
  json::object o{{"provider", job.choice.provider},
                 {"kind", name_of(job.choice.kind)},
                 {"model", job.choice.model},
                 {"stage", name_of(job.stage)},
                 {"attempts_sent", job.attempts_sent},
                 {"progress_estimated", job.estimated},
                 {"times", times_json(job)}};
  if (!job.client_ref.empty()) o["client_ref"] = job.client_ref;
  if (!job.job.empty()) o["job"] = job.job;
  if (job.copy) o["bytes"] = job.copy->size;
  if (job.cost) o["cost"] = *job.cost;
  return o;
}

}  // namespace telecine
