// targets/secrets.hpp - resolves references to secrets (env:NAME, file:PATH) at the moment of a call. Nothing is
// cached; the text of a secret is in no failure.
#pragma once
#include "base/result.hpp"
#include "response/core/resource.hpp"

#include <string>

namespace soc::targets {

result<std::string> resolve_secret(const std::string& reference);

/// The instance's credential of that name.
result<std::string> credential(const response::resource_instance& instance, const std::string& name);

} // namespace soc::targets
