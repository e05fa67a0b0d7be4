// base/duration.hpp - how people write how long something is in configuration, rules and playbooks.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace soc {

constexpr std::int64_t longest_duration_s = 100LL * 366 * 86'400;

/// "90s", "15m", "24h", "7d", "500ms" (rounded up) or plain seconds; nothing for other text, and for more than
/// a hundred years.
std::optional<std::int64_t> parse_duration_s(std::string_view text);

} // namespace soc
