#include "job/media_process.h"

namespace telecine {

std::vector<std::pair<std::string, bool>> listed(const SandboxLayers& layers) {
  return {{"namespaces", layers.namespaces},
          {"landlock", layers.landlock},
          {"no_new_privileges", layers.no_new_privileges},
          {"seccomp", layers.seccomp},
          {"limits", layers.limits}};
}

json::object to_json(const Libav& libav) {
  json::array parts;
  for (const Libav::Parts& one : libav.parts) {
    parts.emplace_back(json::object{{"kind", one.kind},
                                    {"present", one.present},
                                    {"absent", json::value_from(one.absent)},
                                    {"needed", one.needed}});
  }
  return {{"version", libav.version}, {"libraries", libav.libraries}, {"parts", std::move(parts)}};
}

Libav libav_from(const json::value& value) {
  const LooseReader in(value);
  Libav libav{in.text("version"), in.text("libraries"), {}};
  for (const json::value& item : in.list("parts")) {
    const LooseReader part(item);
    Libav::Parts& one = libav.parts.emplace_back();
    one.kind = part.text("kind");
    one.present = part.small("present");
    for (const json::value& name : part.list("absent")) {
      if (name.is_string()) one.absent.emplace_back(name.get_string());
    }
    one.needed = part.flag("needed");
  }
  return libav;
}

}  // namespace telecine
