#include "connectors/targets/drivers.hpp"

#include "connectors/targets/dns/dns_driver.hpp"
#include "connectors/targets/http/http_driver.hpp"
#include "connectors/targets/ldap/ldap_driver.hpp"
#include "connectors/targets/list_file/list_file_driver.hpp"
#include "connectors/targets/nftables/nftables_driver.hpp"
#include "connectors/targets/smtp/smtp_driver.hpp"

namespace soc::targets {

response::driver_set all_drivers(driver_needs needs) {
  const auto clock = std::make_shared<system_clock_source>();
  return {{"http", std::make_shared<http_driver>(clock, std::move(needs.jq))},
          {"nftables", std::make_shared<nftables_driver>()},
          {"list_file", std::make_shared<list_file_driver>()},
          {"smtp", std::make_shared<smtp_driver>(clock)},
          {"ldap", std::make_shared<ldap_driver>()},
          {"dns", std::make_shared<dns_driver>()},
          {"agent", std::make_shared<agent_driver>(std::move(needs.agents), std::move(needs.sign_order), clock)}};
}

} // namespace soc::targets
