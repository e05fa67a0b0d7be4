// response/manager_work.hpp - what the manager's handlers do. A cheap handle on the actor, carried along by
// continuations.
#pragma once
#include "response/response_manager.hpp"

namespace soc::response {

constexpr std::size_t shortest_beginning = 4; ///< of an id that a person writes

/// Of a map or a set, the keys that begin with `id`: people write the beginning of an id. A whole id means itself.
template <class Keys>
std::vector<std::string> keys_beginning_with(const Keys& all, const std::string& id) {
  if (all.contains(id))
    return {id};
  std::vector<std::string> out;
  if (id.size() < shortest_beginning)
    return out;
  const auto key_of = [](const auto& item) -> const std::string& {
    if constexpr (std::is_same_v<typename Keys::key_type, typename Keys::value_type>)
      return item;
    else
      return item.first;
  };
  for (auto it = all.lower_bound(id); it != all.end() && key_of(*it).starts_with(id); ++it)
    out.push_back(key_of(*it));
  return out;
}

/// What is added when nothing is found for so short an id.
inline std::string_view if_short(const std::string& id) {
  return id.size() < shortest_beginning ? "; write at least 4 characters of it" : "";
}

/// Of a step of a run, among all that waits.
inline std::string step_key(const std::string& run, const std::string& step) {
  return run + "\n" + step;
}

class manager_work {
public:
  manager_work(manager_actor* self, services_ptr shared) : self_(self), shared_(std::move(shared)) {}

  void recover();
  void hear(const incident_changed& change);
  void look();
  void perform(const perform_action& wish, const caf::actor& run);
  void take_report(const task_report& report);
  void take_run(const run_changed& change);
  void undo(const undo_step& what);
  void cancel(const cancel_steps& what);
  void command(const operator_command& order, caf::typed_response_promise<command_answer> promise);
  void begin(const begin_run& ask, caf::typed_response_promise<command_answer> promise);
  void look_at_clock();
  using alert_promise = caf::typed_response_promise<alert_answered>;
  void take_alert(const model::alert_ptr& alert, alert_promise promise);
  void wake_due(unix_ns due);
  void look_at_waits();
  task_views list(const list_tasks& query) const;
  run_views list(const list_runs& query) const;

private:
  using promise_type = caf::typed_response_promise<command_answer>;

  void recover_tasks(journal_entries& found);
  void recover_runs(journal_entries& found);
  void keep_rest(const run_changed& change);
  void recovered();
  void start_run(const wanted_run& wanted);
  void settle_alerts(const std::string& run_id);
  void forget_unstarted(const std::string& run_id);
  void start_child_run(run_start start, std::function<void(caf::actor)> then);
  void start_task(task_start start, std::function<void(caf::actor)> then);
  void adopt(const supervisor_ref& supervisor, const std::string& name, std::function<void(caf::actor)> then);
  template <class Known>
  void note_rest(Known& known, const std::string& id, bool asleep, unix_ns wake_at);
  void set_alarm();
  using handle_user = std::function<void(caf::actor)>;
  using answer_user = std::function<void(command_answer)>;
  void wake_run(const std::string& id, handle_user then);
  void wake_task(const std::string& id, handle_user then);
  void tell_run_to(const std::string& id, const operator_command& order, answer_user answer, int tries = 2);
  void tell_task_to(const std::string& id, const task_command& order, answer_user answer, int tries = 2);
  void settle_steps(const std::string& task_id);
  void settle(const std::string& key);
  void make_task(const task_spec& spec);
  void ask_undo(const std::string& id, const std::string& key, const std::string& reason);
  void note_undo(const std::string& id, const std::string& key, bool obeyed);
  void settle_undo(const std::string& key);
  void tell_run(const std::string& run_id, const std::function<void(const run_ref&)>& tell);
  void tell_incident(const task_state& task);
  void forget_old();
  void forget_tasks();
  void forget_runs();
  void begin_now(const begin_run& ask, const std::string& incident, const nlohmann::json& inputs, promise_type promise);
  void begin_again(const begin_run& ask, promise_type promise);
  void refuse_begin(const begin_run& ask, const std::string& why, promise_type promise);
  void tell_metrics();
  std::map<std::string, std::uint64_t> open_now() const;
  void answer_beginning(const run_changed& change);
  void audit(const operator_command& order, const command_answer& answer);
  std::vector<std::string> incidents_beginning_with(const std::string& id) const;
  void command_incident(const std::string& id, const operator_command& order, promise_type promise);
  void command_run(const std::string& id, const operator_command& order, promise_type promise);
  void command_task(const std::string& id, const operator_command& order, promise_type promise);
  void command_many(const std::vector<std::string>& tasks, const std::vector<std::string>& runs,
                    const operator_command& order, promise_type promise);
  void begin_undo_chain(std::vector<std::string> newest_first, const operator_command& order, promise_type promise);
  void move_chains(const std::string& task_id);
  bool next_of_chain(undo_chain& chain);
  std::vector<std::string> tasks_where(const std::function<bool(const task_state&)>& fits) const;
  void emergency_command(const operator_command& order, promise_type promise);

  manager_state& at() const { return self_->state; }

  manager_actor* self_;
  services_ptr shared_;
};

} // namespace soc::response
