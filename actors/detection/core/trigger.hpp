// detection/core/trigger.hpp - which tests are necessary for a rule: a set of tests of which at least one holds
// whenever the rule does, chosen to hold as rarely as possible. Pure.
#pragma once
#include "detection/core/program.hpp"

namespace soc::detection {

struct trigger_set {
  std::vector<std::uint32_t> tests;
  double cost = 1e9; ///< estimated share of events that wake the rule
  bool known = false;
};

/// How a test can be seen coming. `presence` tests wake on any value of the field.
enum class test_trigger : std::uint8_t { none, presence, values };
test_trigger trigger_of(const compiled_test& test);

/// Estimates for the rules of one route: a literal many rules ask for is common in events.
class trigger_chooser {
public:
  trigger_chooser(const program& of, const std::vector<std::uint32_t>& rules);
  trigger_set choose(std::uint32_t node) const;

private:
  double cost_of(std::uint32_t test) const;
  void count(std::uint32_t node);

  const program& program_;
  std::unordered_map<std::string, unsigned> uses_; ///< field + literal → how many tests of the route have it
  std::unordered_map<std::uint32_t, unsigned> seen_;
};

} // namespace soc::detection
