#include "detection/core/trigger.hpp"

#include <algorithm>
#include <cmath>

namespace soc::detection {

namespace {

std::string use_key(std::uint32_t field, std::string_view literal) {
  return std::to_string(field) + ' ' + std::string(literal);
}

/// The text that must occur, if the alternative has one.
std::string_view literal_of(const compiled_match& m) {
  if (m.kind != match_kind::text)
    return {};
  return m.shape == pattern_shape::glob || m.cased ? std::string_view(m.needed) : std::string_view(m.text);
}

/// Share of values that are assumed to hold a literal of this length.
double literal_share(std::size_t bytes, pattern_shape shape) {
  const double share = std::clamp(1.2 * std::pow(0.55, static_cast<double>(bytes)), 0.0005, 0.9);
  return shape == pattern_shape::exact ? std::min(share, 0.03) : share;
}

test_trigger trigger_of_match(const compiled_match& m) {
  switch (m.kind) {
  case match_kind::text:
    if (m.shape == pattern_shape::exact && !m.cased)
      return test_trigger::values;
    return literal_of(m).empty() ? test_trigger::presence : test_trigger::values;
  case match_kind::regex:
    return m.regex->needed().empty() ? test_trigger::presence : test_trigger::values;
  case match_kind::null:
    return test_trigger::none;
  case match_kind::exists:
    return m.truth ? test_trigger::presence : test_trigger::none;
  default:
    return test_trigger::presence;
  }
}

} // namespace

test_trigger trigger_of(const compiled_test& test) {
  auto out = test_trigger::values;
  for (const auto& m : test.any)
    out = std::min(out, trigger_of_match(m));
  return out;
}

trigger_chooser::trigger_chooser(const program& of, const std::vector<std::uint32_t>& rules) : program_(of) {
  for (const auto rule : rules)
    count(of.root(rule));
}

void trigger_chooser::count(std::uint32_t node) {
  const auto& n = program_.node(node);
  if (n.kind == node_kind::test && seen_[n.test]++ == 0)
    for (const auto& m : program_.tests()[n.test].any)
      if (const auto literal = literal_of(m); !literal.empty())
        ++uses_[use_key(program_.tests()[n.test].field, literal)];
  for (const auto child : program_.children(n))
    count(child);
}

double trigger_chooser::cost_of(std::uint32_t test) const {
  const auto& t = program_.tests()[test];
  double cost = 0.001 * static_cast<double>(t.exact.size());
  for (const auto& m : t.any) {
    if (trigger_of_match(m) == test_trigger::presence) {
      cost += m.kind == match_kind::regex ? 0.95 : 0.85;
      continue;
    }
    if (m.kind == match_kind::regex) {
      for (const auto& literal : m.regex->needed())
        cost += literal_share(literal.size(), pattern_shape::contains);
      continue;
    }
    const auto literal = literal_of(m);
    const auto at = uses_.find(use_key(t.field, literal));
    const double uses = at == uses_.end() ? 1 : at->second;
    cost += literal_share(literal.size(), m.shape) * (1 + uses / 4);
  }
  return cost;
}

trigger_set trigger_chooser::choose(std::uint32_t node) const {
  const auto& n = program_.node(node);
  trigger_set out;
  switch (n.kind) {
  case node_kind::test:
    if (trigger_of(program_.tests()[n.test]) != test_trigger::none)
      out = {{n.test}, cost_of(n.test), true};
    return out;
  case node_kind::all:
    for (const auto child : program_.children(n))
      if (auto one = choose(child); one.known && one.cost < out.cost)
        out = std::move(one);
    return out;
  case node_kind::any: {
    out = {{}, 0, true};
    for (const auto child : program_.children(n)) {
      auto one = choose(child);
      if (!one.known)
        return {};
      out.tests.insert(out.tests.end(), one.tests.begin(), one.tests.end());
      out.cost += one.cost;
    }
    return out;
  }
  case node_kind::never:
    return {{}, 0, true};
  default:
    return out;
  }
}

} // namespace soc::detection
