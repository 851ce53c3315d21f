#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dialect/visionular/requests.h"
#include "dialect/visionular/templates.h"
#include "service/service.h"

/// Templates that accounts have made, beside the built-in ones.
namespace telecine::visionular {

/// Built in or the account's own. kEmpty when there is none.
Answer<Template> find_template(Service& service, const std::string& account, std::string_view name);
Answer<Template> find_template_by_id(Service& service, const std::string& account,
                                     std::string_view id);
/// The account's own, the oldest first.
Answer<std::vector<Template>> own_templates(Service& service, const std::string& account);

/// Whether a template may have this name.
bool is_template_name(std::string_view name);

/// `base` with what the call says about it; the name stays. kBad for what is out of range, and for
/// what this engine does not do to a picture.
Answer<Template> edited(Template base, const Parameters& parameters);

/// kConflict when `create_only` and the name is taken.
void keep_template(Service& service, const std::string& account, const Template& made,
                   bool create_only, Store::Done<bool> done);
void forget_template(Service& service, const std::string& account, const std::string& name,
                     Store::Done<bool> done);

}  // namespace telecine::visionular
