// incident/messages.hpp - the messages of incidents and graph: declared in runtime/incident_interfaces.hpp, where
// neighbours find them; here under the component's own name.
#pragma once
#include "runtime/incident_interfaces.hpp"
