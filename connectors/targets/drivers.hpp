// targets/drivers.hpp - all drivers by the names component.yaml uses. Made once by the composition root.
#pragma once
#include "response/core/driver.hpp"

namespace soc::targets {

response::driver_set all_drivers();

} // namespace soc::targets
