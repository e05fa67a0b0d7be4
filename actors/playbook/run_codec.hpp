// playbook/run_codec.hpp - entries of a run's journal as Cap'n Proto (schemas/playbook.capnp) and back. Stateless.
#pragma once
#include "playbook/core/machine.hpp"

namespace soc::playbook {

std::string encode(const run_event& event);
result<run_event> decode_run_event(std::string_view bytes);

} // namespace soc::playbook
