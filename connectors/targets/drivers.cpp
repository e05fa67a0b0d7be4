#include "connectors/targets/drivers.hpp"

#include "connectors/targets/http/http_driver.hpp"
#include "connectors/targets/nftables/nftables_driver.hpp"

namespace soc::targets {

response::driver_set all_drivers() {
  return {{"http", std::make_shared<http_driver>(std::make_shared<system_clock_source>())},
          {"nftables", std::make_shared<nftables_driver>()}};
}

} // namespace soc::targets
