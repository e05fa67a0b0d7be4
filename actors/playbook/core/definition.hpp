// playbook/core/definition.hpp - a playbook as written (playbooks/<name>/playbook.yaml): trigger, typed inputs and a
// graph of steps without cycles. Loaded once, shared read-only; a run keeps the text it began with. Pure.
#pragma once
#include "base/diagnostic.hpp"
#include "base/json_condition.hpp"
#include "base/result.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace soc::playbook {

enum class step_kind : std::uint8_t {
  action,
  condition,
  branch,
  parallel,
  join,
  for_each,
  wait,
  approval,
  sub_playbook,
  transform,
  set_output,
  end
};
std::string_view to_string(step_kind kind);

enum class input_type : std::uint8_t { text, integer, boolean, duration, ip, list, object, any };
std::string_view to_string(input_type type);

struct input {
  std::string name, description;
  input_type type = input_type::text;
  bool required = true;
  nlohmann::json fallback; ///< null = none
};

struct retry_policy {
  std::uint32_t attempts = 1;
  std::int64_t backoff_ms = 1000; ///< doubles with each attempt, at most ten minutes
  std::vector<std::string> on;    ///< words of the error that are worth another try; empty = any
};

enum class on_error : std::uint8_t { fail, go_on, step };

/// Where a condition leads.
struct choice {
  std::optional<json_condition> when; ///< none: else
  std::string next;
};

struct definition;
using definition_ptr = std::shared_ptr<const definition>;
struct block;

struct step {
  std::string id, title;
  step_kind kind = step_kind::action;
  source_place place;
  std::string next;            ///< "end": the block ends; filled in by the loader
  std::vector<std::string> to; ///< parallel: the beginnings
  std::vector<choice> choices; ///< condition, branch

  std::string action;        ///< action
  nlohmann::json parameters; ///< action; sub_playbook: inputs; transform, set_output, end: the values
  std::string program;       ///< transform by jq; `parameters` is then its input, null = everything in scope
  nlohmann::json where;      ///< action: which resource instances
  nlohmann::json target;     ///< action: the entity, null = of the action's own parameter
  nlohmann::json duration;   ///< action: how long the effect stands; wait: how long
  bool compensate = false;   ///< undone when the run fails after it

  std::size_t need = 0;              ///< join: how many arrivals, 0 = all
  nlohmann::json items;              ///< for_each
  std::string as = "item";           ///< for_each
  std::size_t max_parallel = 8;      ///< for_each
  std::shared_ptr<const block> body; ///< for_each
  std::string signal;                ///< wait: for a signal of this name
  std::uint32_t people = 1;          ///< approval
  nlohmann::json message;            ///< approval
  std::string playbook;              ///< sub_playbook
  bool failed_end = false;           ///< end: the run has failed

  std::int64_t timeout_s = 0; ///< 0 = none
  retry_policy retry;
  on_error error = on_error::fail;
  std::string error_step;
};

/// Steps that share a scope: the playbook's own, or the body of a for_each. Begins at the first.
struct block {
  std::vector<step> steps;
  const step* find(const std::string& id) const;
  std::size_t index(const std::string& id) const; ///< steps.size() when unknown
};

enum class trigger_kind : std::uint8_t { incident, alert, schedule, manual, playbook };

std::string_view to_string(trigger_kind kind);

/// Letters, digits, _ and -, at most 64: a playbook's name is the name of its folder, too.
bool is_playbook_name(std::string_view text);

struct definition {
  std::string name, title, description, version;
  trigger_kind trigger = trigger_kind::manual;
  std::vector<input> inputs;
  block body;
  bool undo_on_failure = false; ///< `compensation: undo_all`: every reversible action, newest first
  std::string text;             ///< as loaded: a run's journal carries it
  std::string file;
};

/// Reads one playbook. Errors are PLB001…; nothing is returned when there were any.
definition_ptr load_playbook(const std::string& file, const std::string& text, diagnostics& found);

/// What checks need to know of an action.
struct action_facts {
  struct parameter {
    std::string name, type;
    bool required = false;
  };
  std::vector<parameter> parameters;
  std::string effect; ///< read, reversible, irreversible
  std::string target; ///< parameter filled from the step's target
};
using action_table = std::map<std::string, action_facts>;
/// Whether a jq program can be compiled; empty where there is no engine: then programs are not checked.
using program_check = std::function<outcome(const std::string& program)>;
using library = std::map<std::string, definition_ptr>;

/// What loading one file alone can't see: unknown actions and playbooks, their parameters, references that lead nowhere
/// or to steps that have not run, unreachable steps, cycles of sub-playbooks. Errors and warnings are PLB020….
void check_playbook(const definition& d, const action_table& actions, const library& others, diagnostics& found,
                    const program_check& compiles = {});

/// Inputs checked and defaulted; the failure names the input.
result<nlohmann::json> checked_inputs(const definition& d, const nlohmann::json& given);

/// "90s", "15m", "24h", "7d" or seconds, as seconds.
std::optional<std::int64_t> duration_s(const nlohmann::json& value);

} // namespace soc::playbook
