// targets/dns/dns_driver.hpp - looks names up with the machine's resolver. Reads only. Thread-safe.
#pragma once
#include "response/core/driver.hpp"

namespace soc::targets {

/// Action resolve (name): {"addresses", "found"}.
class dns_driver final : public response::component_driver {
public:
  response::call_outcome call(const response::component_call& what) override;
};

} // namespace soc::targets
