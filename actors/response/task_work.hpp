// response/task_work.hpp - what a task actor does between its messages: journal, gate, intent, call, reading back. A
// cheap handle on the actor, carried along by continuations.
#pragma once
#include "response/task_actor.hpp"

namespace soc::response {

/// Checks that a call may take: the pool answers earlier, but a call may wait in its queue.
constexpr std::uint32_t patience_for_calls = 20;

struct task_wake {
  unix_ns due = 0;
};
struct task_doze {
  std::uint64_t sequence = 0; ///< of its journal, when it was sent
};

class task_work {
public:
  task_work(task_actor* self, services_ptr shared) : self_(self), shared_(std::move(shared)) {}

  void start(const task_start& from);
  void command(const task_command& order, caf::typed_response_promise<command_answer> promise);
  void wake(unix_ns due);
  void check();
  void doze(std::uint64_t sequence);
  task_actor_state& at();

private:
  /// Asks; how long the answer takes is looked after by check().
  template <class Question>
  auto question(const caf::actor& whom, Question what, std::uint32_t patience = 1) {
    at().busy = true;
    at().watch.asked(patience);
    return self_->request(whom, caf::infinite, std::move(what));
  }

  // ---- State: journal, then apply, then what follows

  void begin(const task_spec& spec);
  void replay(const journal_entries& found, const task_start& from);
  void ready();
  void append(task_event event, std::function<void()> then);
  void append_at(task_event event, std::function<void()> then);
  void somebody_else_wrote();
  void report(std::optional<unix_ns> rests_until = std::nullopt);
  void give_up(const std::string& doing, const caf::error& error);

  // ---- What is to be done next

  void go_on();
  void finish();

  void release();
  void set_timer(unix_ns until);

  // ---- Gate and call

  const action* find_action(const task_spec& spec);
  /// By the present content: after a reload an action may mean something else, or be gone.
  const action* current_action();
  const action* inverse_of(const action& what);
  std::optional<component_call> call_of(bool undo);
  void gone(bool undo);

  /// `again`: the call was journaled as started before a restart, and is known not to have been made or may be
  /// repeated.
  void ask_gate(bool undo, bool again);
  void take_verdict(const gate_answer& answer, const component_call& call, const std::string& fingerprint, bool undo,
                    bool again);
  std::string intent_key(bool undo);
  void put_intent(call_request request, bool undo);
  void make_call(call_request request, bool undo);
  void put_result(const call_outcome& outcome, bool undo);
  void take_outcome(const call_outcome& outcome);
  void settle_doubt(task_event event, std::optional<bool> stands, const nlohmann::json& output);

  // ---- Recovery and reading back

  void recover(bool undo);
  void look_then_judge();
  using seen_handler = std::function<void(std::optional<bool>, const nlohmann::json&)>;

  /// Asks the target whether the effect stands. Without `then`, what is seen is journaled.
  void read_back(seen_handler then);
  nlohmann::json read_parameters(const action& read);
  void make_reading(call_request request, seen_handler then);
  void take_sight(std::optional<bool> stands, const nlohmann::json& output);

  // ---- Commands

  result<std::vector<task_event>> decide_command(const operator_command& order, bool by_run);
  void audit(const std::string& what, const std::string& why);
  task_actor* self_;
  services_ptr shared_;
  content_ptr content_;
};

} // namespace soc::response

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::task_wake)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::task_doze)
