// What the tests of the gate have in common: a response file that must be without errors.
#pragma once
#include "response/core/rule.hpp"

#include <boost/test/unit_test.hpp>

namespace soc::response {

inline response_config config_of(const std::string& yaml) {
  response_config out;
  diagnostics found;
  load_response_file("test.yaml", yaml, out, found);
  BOOST_REQUIRE_MESSAGE(found.errors() == 0, (found.errors() ? render(found.all()[0], yaml) : std::string()));
  return out;
}

} // namespace soc::response
