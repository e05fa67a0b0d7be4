// What the tests of the gate have in common: a response file that must be without errors.
#pragma once
#include "response/core/rule.hpp"

#include <boost/test/unit_test.hpp>

namespace soc::response {

/// What a site of the tests protects, and its groups; limits follow.
inline const std::string assets_and_groups = R"(
protected:
  networks: [{value: 10.0.0.0/8, why: our own}, 192.0.2.53]
  hosts: [dc*]
  users: [root, {value: svc-*, why: service accounts}]
  tags: [crown-jewel]
groups:
  - {name: web, members: [web1, web2, web3, web4, web5]}
  - {name: jewels, members: [vault], tags: [crown-jewel]}
)";

inline response_config config_of(const std::string& yaml) {
  response_config out;
  diagnostics found;
  load_response_file("test.yaml", yaml, out, found);
  BOOST_REQUIRE_MESSAGE(found.errors() == 0, (found.errors() ? render(found.all()[0], yaml) : std::string()));
  return out;
}

} // namespace soc::response
