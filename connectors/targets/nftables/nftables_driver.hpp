// targets/nftables/nftables_driver.hpp - blocks addresses in a named nftables set with timeout and comment: `nft -j -f
// -`, JSON in and out, in a network namespace when the instance says so. Reads back what stands. Thread-safe.
#pragma once
#include "response/core/driver.hpp"

namespace soc::targets {

class nftables_driver final : public response::component_driver {
public:
  response::call_outcome call(const response::component_call& what) override;
};

} // namespace soc::targets
