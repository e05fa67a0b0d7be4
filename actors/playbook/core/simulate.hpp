// playbook/core/simulate.hpp - runs a playbook without any effect: a case says what each action answers, and the walk
// says what would have been asked of whom. For `soc playbook test` and `dry-run`. Pure.
#pragma once
#include "base/computed_value.hpp"
#include "playbook/core/machine.hpp"

namespace soc::playbook {

struct scripted_answer {
  bool ok = true;
  nlohmann::json output = nlohmann::json::object();
  std::string error;
};

/// One file of cases/: inputs, answers by step, who approves, and what is expected.
struct playbook_case {
  std::string file, title;
  nlohmann::json inputs = nlohmann::json::object();
  std::map<std::string, std::vector<scripted_answer>>
      answers;                    ///< by path, or by the step's bare id; the last one repeats
  std::set<std::string> rejected; ///< approval steps somebody rejects; the others are approved
  nlohmann::json expect;          ///< status, reason, output, actions, skipped
};

struct asked_action {
  std::string step, action;
  nlohmann::json parameters, where, target;
  std::int64_t duration_s = 0;
};

struct simulated_run {
  run_state state;
  std::vector<asked_action> actions; ///< in the order in which they were asked
  std::vector<std::string> undone;   ///< paths of what had been done, as compensation asked for them
};

/// Reads a case; errors are PLB040….
std::optional<playbook_case> load_case(const std::string& file, const std::string& text, diagnostics& found);

/// What a walk takes from outside; all may be empty.
struct simulation_hooks {
  jq_function jq; ///< computes transform steps
  /// What an action would answer; nothing: as the case says.
  std::function<std::optional<scripted_answer>(const asked_action&)> answer;
};

/// Walks until the run is final or nothing moves. Waits pass at once.
simulated_run simulate(const std::vector<std::string>& texts, const playbook_case& given,
                       const simulation_hooks& hooks = {});

/// What differs from the case's expectations; empty = passed.
std::vector<std::string> differences(const playbook_case& given, const simulated_run& run);

nlohmann::json to_json(const simulated_run& run);

} // namespace soc::playbook
