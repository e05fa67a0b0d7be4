// targets/jq/jq_child.hpp - the other side of jq_engine: what the forked child does until its socket closes.
#pragma once

namespace soc::targets {

/// Serves requests {"program", "input"} or {"check"}; answers {"values"} or {"error", "code"}. Every message has four
/// bytes of length before it. Never returns.
[[noreturn]] void serve_jq(int socket);

} // namespace soc::targets
