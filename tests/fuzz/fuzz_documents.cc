// Any bytes as what clients send beside media: descriptions of outputs and whole tasks, URLs, and
// playlists that are signed. What was read and written once must read the same again.
#include <cstdint>
#include <cstdlib>
#include <filesystem>

#include "base/json.h"
#include "base/text.h"
#include "object/endpoint.h"
#include "object/links.h"
#include "object/local.h"
#include "task/analysis.h"
#include "task/generation.h"
#include "task/task.h"

namespace {

using namespace telecine;

void read_output(const json::value& value) {
  const auto spec = output_spec_from(value, "outputs[0]");
  if (!spec) return;
  const json::value once = to_json(*spec);
  const auto again = output_spec_from(once, "");
  if (!again || json::value(to_json(*again)) != once) std::abort();
}

void read_json(std::string_view text) {
  const auto value = parse_json(text);
  if (!value) return;
  read_output(*value);
  (void)rendition_from(*value, "r");
  (void)analysis_options_from(*value, "options");
  (void)generation_from(*value, "generation");
  (void)task_from(*value, *value, Id{}, 1);
}

object::LinkSigner make_signer() {
  std::string folder = std::filesystem::temp_directory_path() / "telecine-fuzz-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) std::abort();
  auto signer = object::LinkSigner::open(folder);
  std::filesystem::remove_all(folder);
  if (!signer) std::abort();
  return *signer;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto signer = make_signer();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  read_json(text);
  (void)signer.sign_playlist(text, "/objects/0/v/index.m3u8", 2'000'000'000, "someone");
  (void)object::CloudUrl::parse(text);
  (void)object::parse_object_url(text);
  return 0;
}
