#include "response/rule_inputs.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::response {

using nlohmann::json;

namespace {

/// The inputs that rules, schedules hand over.
struct handed_over {
  std::string what; ///< "rule 'x'"
  const json& inputs;
  std::vector<std::string> besides; ///< given without being written: "incident", "entity"
  source_place place;
};

void check_names(const handed_over& given, const playbook::definition& d, diagnostics& found) {
  std::vector<std::string> known;
  for (const auto& in : d.inputs)
    known.push_back(in.name);
  for (const auto& [name, value] : given.inputs.items())
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      const auto near = did_you_mean(name, known);
      found.error("RSP018", given.place, fmt::format("{}: playbook '{}' has no input '{}'", given.what, d.name, name),
                  near.empty() ? "its inputs are in its playbook.yaml" : fmt::format("did you mean '{}'?", near));
    }
}

/// A reference anywhere in it makes a value unknown until the run is wanted.
bool is_literal(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace).find("${") == std::string::npos;
}

void check_values(const handed_over& given, const playbook::definition& d, diagnostics& found) {
  playbook::definition known_now;
  known_now.name = d.name;
  for (const auto& in : d.inputs) {
    const auto at = given.inputs.find(in.name);
    const bool besides = std::find(given.besides.begin(), given.besides.end(), in.name) != given.besides.end();
    if (at == given.inputs.end() ? !besides : is_literal(*at))
      known_now.inputs.push_back(in);
  }
  if (const auto checked = playbook::checked_inputs(known_now, given.inputs); !checked)
    found.error("RSP018", given.place, fmt::format("{}: {}", given.what, checked.error().what));
}

void check(const handed_over& given, const std::string& playbook, const playbook::library& all, diagnostics& found) {
  const auto d = all.find(playbook);
  if (d == all.end() || !given.inputs.is_object())
    return;
  check_names(given, *d->second, found);
  check_values(given, *d->second, found);
}

} // namespace

void check_rule_inputs(const response_config& config, const playbook::library& playbooks, diagnostics& found) {
  for (const auto& rule : config.rules) {
    handed_over given{fmt::format("rule '{}'", rule.id), rule.inputs, {}, rule.place};
    given.besides.emplace_back(rule.trigger == rule_trigger::alert ? "alert" : "incident");
    if (rule.for_each)
      given.besides.emplace_back("entity");
    check(given, rule.playbook, playbooks, found);
  }
  for (const auto& s : config.schedules)
    check({fmt::format("schedule '{}'", s.id), s.inputs, {}, s.place}, s.playbook, playbooks, found);
}

} // namespace soc::response
