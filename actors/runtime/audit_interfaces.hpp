// runtime/audit_interfaces.hpp - what goes into the audit, whoever did it: the control side's commands and the response
// side's decisions are entries of one chain. Immutable messages inside one process.
#pragma once
#include "runtime/interfaces.hpp"

#include <string>

namespace soc {

/// No answer: the audit keeps it until it is stored.
struct audit_note {
  std::string tenant, user, what, object, reason, outcome;
};
using audit_interface = accepts<audit_note>;
using audit_ref = ref<audit_interface>;

} // namespace soc

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::audit_note)
