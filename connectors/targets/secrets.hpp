// targets/secrets.hpp - an instance's credentials, resolved at the moment of a call.
#pragma once
#include "response/core/resource.hpp"
#include "runtime/secrets.hpp"

namespace soc::targets {

/// The instance's credential of that name.
result<std::string> credential(const response::resource_instance& instance, const std::string& name);

} // namespace soc::targets
