// base/token.hpp - names that become part of a NATS subject: tenants, ids, nodes. What comes from outside is checked
// here before a subject is made of it. Pure.
#pragma once
#include <string_view>

namespace soc {

/// What may stand between two dots of a subject of ours: 1–128 of [A-Za-z0-9_-].
bool is_token(std::string_view text);

} // namespace soc
