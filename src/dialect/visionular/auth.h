#pragma once

#include <string>
#include <string_view>

#include "dialect/visionular/answers.h"
#include "http/message.h"
#include "service/service.h"

namespace telecine::visionular {

struct Admitted {
  Caller caller;
  /// Names this very request: the same for a repetition of it. Empty where requests carry no
  /// signature.
  std::string fingerprint;
};

/// Checks who calls. A signature is good for both generations, Basic for the newer one only.
Answer<Admitted> authenticate(Service& service, const http::Request& request, Generation generation,
                              Millis now);

/// The texts whose signature is accepted for a request: the vendor leaves open whether pairs are
/// decoded and whether a line feed ends the text.
std::vector<std::string> strings_to_sign(const http::Request& request);

}  // namespace telecine::visionular
