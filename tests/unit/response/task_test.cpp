// A task's life: whatever the gate, the target, people, the clock and crashes do, each thing that is decided moves the
// task on, and a call whose outcome nobody knows is not made again unless that does no harm.
#include "base/yaml_text.hpp"
#include "response/core/task.hpp"

#include <boost/test/unit_test.hpp>

#include <rapidcheck.h>

namespace {

using namespace soc;
using namespace soc::response;

constexpr unix_ns start = 1'764'000'000 * ns_per_s;

template <class T>
T one_of(const std::vector<T>& all) {
  return all[static_cast<std::size_t>(*rc::gen::inRange<int>(0, static_cast<int>(all.size())))];
}

verification any_verification() {
  diagnostics found;
  const auto text =
      parse_yaml("task.yaml", "selection: {output.blocked: true}\ncondition: selection\n", "TST001", found);
  return {"show_ip", *json_condition::parse("task.yaml", text.documents.at(0), "TST002", found)};
}

action any_action() {
  action out;
  out.name = "block_ip";
  out.effect = one_of<action_effect>({action_effect::reversible, action_effect::irreversible});
  out.inverse = "unblock_ip";
  out.repeat = one_of<idempotency>({idempotency::none, idempotency::key});
  out.expiry = one_of<expiry_by>({expiry_by::platform, expiry_by::target});
  if (*rc::gen::arbitrary<bool>())
    out.verify = any_verification();
  return out;
}

/// One task and all that happens to it; `history` is its journal.
class life {
public:
  life() : what_(any_action()) {
    task_event first;
    first.what = task_event_kind::postponed;
    first.spec = task_spec{};
    first.spec->id = "t";
    first.spec->duration_s = one_of<std::int64_t>({0, 600});
    happens(first);
  }

  void goes_on() {
    now_ += *rc::gen::inRange<std::int64_t>(0, 100) * ns_per_s;
    if (auto event = due(task_, &what_, now_))
      return happens(*event);
    if (*rc::gen::inRange(0, 4) == 0 && somebody_orders())
      return;
    const auto step = next_step(task_, now_, false);
    switch (step.what) {
    case task_step::kind::none:
      return;
    case task_step::kind::wait:
      if (step.until > 0)
        now_ = std::max(now_, step.until);
      return;
    case task_step::kind::ask_gate:
      return ask_gate(step.undo, false);
    case task_step::kind::recover:
      return after_a_crash(step.undo);
    case task_step::kind::read_back:
      return look();
    }
  }

  void check_replay() const {
    task_state again;
    for (const auto& event : history_)
      apply(again, event, &what_);
    RC_ASSERT(again.status == task_.status);
    RC_ASSERT(again.attempts == task_.attempts);
    RC_ASSERT(again.expires_at == task_.expires_at);
    RC_ASSERT(again.approved_by == task_.approved_by);
  }

private:
  void happens(task_event event) {
    event.at = now_;
    event.node = "a";
    if (task_.exists)
      RC_ASSERT(
          next_status(task_.status, event.what).has_value()); // else it would be decided again, and again journaled
    history_.push_back(event);
    apply(task_, event, &what_);
    RC_ASSERT(task_.attempts <= task_.spec.attempts);
  }

  bool somebody_orders() {
    const std::string who = one_of<std::string>({"alice", "bob", "carol"});
    const auto orders = {approve(task_, who, "", now_), reject(task_, who, "", now_), cancel(task_, who, "", now_),
                         undo(task_, &what_, who, "", now_), resolve(task_, in_effect_, who, "", now_)};
    for (const auto& order : orders)
      if (order && *rc::gen::arbitrary<bool>()) {
        happens(order->front());
        if (task_.status == task_status::undoing)
          doubt_ = false; // a person looked at it
        return true;
      }
    return false;
  }

  void ask_gate(bool undo, bool again) {
    gate_decision out;
    out.what = undo ? one_of<verdict>({verdict::allow, verdict::refuse, verdict::later})
                    : one_of<verdict>({verdict::allow, verdict::allow, verdict::wait_for_approval,
                                       verdict::wait_for_veto, verdict::dry_run, verdict::refuse, verdict::later});
    out.people_needed = 2;
    out.again_at = now_ + 60 * ns_per_s;
    if (out.what == verdict::refuse)
      out.reasons = {{one_of<std::string>({"limit", "reused", "still_wanted", "nothing_to_undo"}), "no"}};
    if (const auto event = judged(task_, out, undo, now_))
      return happens(*event);
    if (!again) {
      task_event started;
      started.what = task_event_kind::started;
      started.attempt = (undo ? task_.undo_attempts : task_.attempts) + 1;
      happens(started);
    }
    crashed_ = *rc::gen::inRange(0, 4) == 0;
    called_ = !crashed_ || *rc::gen::arbitrary<bool>();
    if (called_)
      call(undo);
    if (!crashed_)
      take(answer_, undo);
  }

  void call(bool undo) {
    if (!undo)
      RC_ASSERT((!doubt_ && !in_effect_) || what_.repeat != idempotency::none);
    using kind = call_outcome::kind;
    answer_.what = one_of<kind>({kind::succeeded, kind::succeeded, kind::transient, kind::failed, kind::unknown});
    const bool reached =
        answer_.what == kind::succeeded || (answer_.what == kind::unknown && *rc::gen::arbitrary<bool>());
    if (reached)
      in_effect_ = !undo;
    doubt_ = answer_.what == kind::unknown || (crashed_ && answer_.what != kind::failed);
  }

  void take(const call_outcome& outcome, bool undo) {
    auto event = judged(task_, &what_, outcome, now_);
    const bool in_doubt = event.what == task_event_kind::doubtful || event.what == task_event_kind::undo_doubtful;
    if (in_doubt && what_.verify && *rc::gen::arbitrary<bool>()) {
      const bool reached = in_effect_ != undo;
      event =
          judged(task_, &what_,
                 {reached ? call_outcome::kind::succeeded : call_outcome::kind::transient, nullptr, "read back"}, now_);
      doubt_ = false;
    }
    happens(event);
  }

  /// The intent says whether the call was made; what it answered is lost.
  void after_a_crash(bool undo) {
    if (!called_)
      return ask_gate(undo, true);
    crashed_ = false;
    take({call_outcome::kind::unknown, nullptr, "lost"}, undo);
  }

  void look() {
    task_event event;
    event.what = one_of<task_event_kind>(
        {task_event_kind::unseen, in_effect_ ? task_event_kind::in_effect : task_event_kind::not_in_effect});
    event.until = now_ + 30 * ns_per_s;
    happens(event);
  }

  action what_;
  task_state task_;
  std::vector<task_event> history_;
  unix_ns now_ = start;
  bool crashed_ = false, called_ = false, in_effect_ = false, doubt_ = false;
  call_outcome answer_;
};

/// Its call was about to be made when the node stopped.
task_state begun_task(std::uint32_t attempt) {
  task_state out;
  task_event started;
  started.what = task_event_kind::started;
  started.spec = task_spec{};
  started.attempt = attempt;
  apply(out, started, nullptr);
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(response_task_suite)

BOOST_AUTO_TEST_CASE(whatever_happens_to_a_task_moves_it_on_and_harms_nothing) {
  BOOST_TEST(rc::check("a task's life", [] {
    life task;
    const auto steps = *rc::gen::inRange(1, 60);
    for (int i = 0; i < steps; ++i)
      task.goes_on();
    task.check_replay();
  }));
}

BOOST_AUTO_TEST_CASE(a_task_refused_when_it_asks_again_after_a_restart_ends) {
  auto task = begun_task(1);
  gate_decision reused;
  reused.reasons = {{"reused", "this request was granted for another call"}};
  const auto event = judged(task, reused, false, start);
  BOOST_REQUIRE(event);
  apply(task, *event, nullptr);
  BOOST_TEST((task.status == task_status::refused));
}

BOOST_AUTO_TEST_CASE(an_attempt_whose_call_was_never_made_is_not_counted) {
  auto task = begun_task(3);
  gate_decision ask_people; // the policy was changed while the node was down
  ask_people.what = verdict::wait_for_approval;
  apply(task, *judged(task, ask_people, false, start), nullptr);
  BOOST_TEST((task.status == task_status::waiting_approval));
  BOOST_TEST(task.attempts == 2U);
}

BOOST_AUTO_TEST_CASE(failed_calls_do_not_use_up_the_looks_that_verify) {
  const action what{.name = "block_ip", .verify = any_verification(), .repeat = idempotency::key};
  task_state task;
  task_event event;
  event.what = task_event_kind::started;
  event.spec = task_spec{};
  apply(task, event, &what);
  for (const auto kind : {task_event_kind::attempt_failed, task_event_kind::started, task_event_kind::attempt_failed,
                          task_event_kind::started, task_event_kind::succeeded, task_event_kind::unseen}) {
    event = {};
    event.what = kind;
    apply(task, event, &what);
  }
  BOOST_TEST((next_step(task, start, false).what == task_step::kind::read_back));
}

BOOST_AUTO_TEST_CASE(a_call_that_was_not_made_before_a_restart_waits_as_long_as_the_gate_says) {
  auto task = begun_task(1);
  gate_decision stopped;
  stopped.what = verdict::later;
  stopped.again_at = start + 60 * ns_per_s;
  const auto postponed = judged(task, stopped, false, start);
  BOOST_REQUIRE(postponed);
  apply(task, *postponed, nullptr);
  BOOST_TEST((task.status == task_status::running));
  BOOST_TEST((next_step(task, start, false).what == task_step::kind::wait));
  BOOST_TEST(next_step(task, start, false).until == stopped.again_at);
  BOOST_TEST((next_step(task, stopped.again_at, false).what == task_step::kind::recover));
}

BOOST_AUTO_TEST_SUITE_END()
