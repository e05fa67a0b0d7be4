#include "playbook/run_actor.hpp"

#include "playbook/run_codec.hpp"
#include "playbook/run_view.hpp"
#include "runtime/error.hpp"

#include <fmt/format.h>

namespace soc::playbook {

using response::command_answer;
using response::command_kind;

namespace {

constexpr std::chrono::seconds run_read_timeout{60};
constexpr std::chrono::minutes transform_timeout{5}; ///< it may wait behind others; each is short
/// A timer keeps what it is for: no longer than it takes to set another.
constexpr unix_ns longest_run_timer_ns = 60 * ns_per_s;
constexpr std::size_t max_waiting_inputs = 100'000;

constexpr std::chrono::seconds time_to_doze_off{1};

struct run_wake {
  unix_ns due = 0;
};
struct run_doze {
  std::uint64_t sequence = 0; ///< of its journal, when it was sent
  bool for_tasks = false;
};

} // namespace

} // namespace soc::playbook

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::playbook::run_wake)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::playbook::run_doze)

namespace soc::playbook {

namespace {

run_event_kind event_kind_of(command_kind kind) {
  switch (kind) {
  case command_kind::approve:
    return run_event_kind::approved;
  case command_kind::reject:
    return run_event_kind::rejected;
  case command_kind::pause:
    return run_event_kind::paused;
  case command_kind::resume:
    return run_event_kind::resumed;
  case command_kind::retry:
    return run_event_kind::retried;
  case command_kind::signal:
    return run_event_kind::signalled;
  default:
    return run_event_kind::cancelled;
  }
}

bool is_run_command(command_kind kind) {
  return kind != command_kind::undo && kind != command_kind::resolve && kind != command_kind::emergency_stop &&
         kind != command_kind::emergency_release;
}

/// The actor's work; a cheap handle that handlers carry along.
class run_work {
public:
  run_work(run_actor* self, run_services_ptr shared) : self_(self), shared_(std::move(shared)) {}

  void start(const response::run_start& from) {
    at().tenant = from.tenant;
    at().id = from.id;
    if (from.fresh)
      return begin(from);
    if (!from.history.empty())
      return replay({from.history}, from);
    auto work = *this;
    self_->request(shared_->journal.actor(), run_read_timeout, journal_read{run_subject(from.tenant, from.id), 0})
        .then([work, from](const journal_entries& found) mutable { work.replay(found, from); },
              [work](const caf::error& error) mutable { work.give_up("reading its journal", error); });
  }

  using answered = std::function<void(command_answer)>;

  /// Takes one input: now, or after the append that is under way.
  void hear(run_event heard, answered then = nullptr) {
    auto work = *this;
    if (at().busy || !at().ready) {
      if (at().waiting.size() >= max_waiting_inputs)
        return self_->quit(to_error(ec::unavailable, "too many inputs are waiting"));
      return at().waiting.push_back([work, heard, then]() mutable { work.hear(heard, then); });
    }
    heard.at = self_->now();
    auto events = decide(at().run, heard);
    if (!events || events->empty()) {
      if (then)
        then({static_cast<bool>(events), events ? "nothing changes" : events.error().what});
      return;
    }
    append(events->front(), [work, then]() mutable {
      if (then)
        then({true, fmt::format("run {} is now {}", work.at().id, to_string(work.at().run.status))});
    });
  }

  void command(const response::operator_command& order, const answered& then) {
    if (!is_run_command(order.kind))
      return then({false, "that is no command for a run"});
    run_event heard;
    heard.what = event_kind_of(order.kind);
    heard.user = order.user;
    heard.text = order.kind == command_kind::signal ? order.detail : order.reason;
    heard.path = order.kind == command_kind::signal ? std::string{} : order.detail;
    hear(std::move(heard), then);
  }

  void wake(unix_ns due) {
    if (at().timer_at != due)
      return; // an older timer
    at().timer_at = 0;
    run_event tick;
    tick.what = run_event_kind::ticked;
    hear(tick);
    set_timer();
  }

  void check() {
    if (at().watch.too_long(at().busy))
      give_up("appending to its journal", to_error(ec::timed_out, "no answer"));
  }

  /// Nothing has happened for a while: the manager keeps its record, and wakes it.
  void doze(std::uint64_t sequence, bool for_tasks) {
    if (at().sequence != sequence || at().busy || !at().ready || !at().waiting.empty() ||
        !may_sleep(at().run, outstanding_of(at().run), self_->now(), for_tasks))
      return;
    report(true);
    self_->quit();
  }

  run_actor_state& at() { return self_->state; }

private:
  void begin(const response::run_start& from) {
    run_event begun;
    begun.what = run_event_kind::begun;
    begun.at = self_->now();
    begun.texts = from.texts;
    begun.origin = run_origin{from.id,     from.tenant,           from.incident_id, from.rule,
                              from.mode,   from.entity,           from.reason,      from.asked_by,
                              from.veto_s, from.approve_within_s, from.recommended};
    const auto main = from.texts.empty() ? nullptr : shared_->definitions->get(from.texts.front());
    auto inputs = main ? checked_inputs(*main, declared_only(*main, from.inputs))
                       : result<nlohmann::json>(failure{ec::not_found, "no playbook"});
    if (!inputs)
      return refuse(from, inputs.error().what);
    begun.value = std::move(inputs).take();
    auto work = *this;
    append_at(
        0, begun, [work]() mutable { work.ready(); },
        [work, from]() mutable {
          auto existing = from; // begun already, perhaps by another node: go on with what is there
          existing.fresh = false;
          existing.history.clear();
          work.start(existing);
        });
  }

  /// A rule hands on the incident and the entity always; a playbook that doesn't ask for them needn't.
  static nlohmann::json declared_only(const definition& d, const nlohmann::json& given) {
    auto out = given.is_object() ? given : nlohmann::json::object();
    for (const auto* name : {"incident", "entity"}) {
      const bool declared =
          std::any_of(d.inputs.begin(), d.inputs.end(), [&](const auto& in) { return in.name == name; });
      if (!declared)
        out.erase(name);
    }
    return out;
  }

  void refuse(const response::run_start& from, const std::string& why) {
    response::run_changed change;
    change.view = {from.id, from.incident_id, from.tenant, from.rule, "", "", from.mode, "failed", why, from.entity};
    change.view.started_at = change.view.changed_at = self_->now();
    change.final = true;
    change.playbook_error = why;
    shared_->manager.send(self_, change);
    self_->quit();
  }

  void replay(const journal_entries& found, const response::run_start& from) {
    for (const auto& entry : found.entries) {
      if (const auto event = decode_run_event(entry.payload))
        apply(at().run, *event, *shared_->definitions);
      at().sequence = entry.sequence;
    }
    const auto& origin = at().run.origin;
    if (!at().run.begun)
      return from.texts.empty() ? self_->quit() : begin(from);
    if (shared_->owns && !shared_->owns(origin.tenant, origin.incident_id))
      return self_->quit();
    ready();
  }

  void ready() {
    at().ready = true;
    at().busy = false;
    report();
    go_on();
  }

  void append(const run_event& event, std::function<void()> then) {
    auto work = *this;
    append_at(
        at().sequence, event,
        [work, then]() mutable {
          work.at().busy = false;
          work.report();
          then();
          work.go_on();
        },
        [work]() mutable { work.self_->quit(to_error(ec::conflict, "another node goes on with this run")); });
  }

  void append_at(std::uint64_t sequence, const run_event& event, std::function<void()> then,
                 std::function<void()> on_conflict) {
    at().busy = true;
    journal_append entry{run_subject(at().tenant, at().id), sequence, encode(event), {}};
    entry.message_id = fmt::format("{}-{}-{}", at().id, shared_->node, sequence);
    auto work = *this;
    at().watch.asked();
    self_
        ->request(shared_->journal.actor(), caf::infinite, std::move(entry)) // check() looks after it
        .then(
            [work, event, then](const journal_appended& stored) mutable {
              work.at().sequence = stored.sequence;
              apply(work.at().run, event, *work.shared_->definitions);
              then();
            },
            [work, on_conflict](const caf::error& error) mutable {
              if (to_failure(error).code == ec::conflict)
                on_conflict();
              else
                work.give_up("appending to its journal", error); // in doubt: the successor reads what is there
            });
  }

  void give_up(const std::string& doing, const caf::error& error) {
    self_->quit(to_error(ec::unavailable, fmt::format("{}: {}", doing, describe(error))));
  }

  // ---- What is outstanding

  void go_on() {
    if (at().busy)
      return;
    if (!at().waiting.empty()) {
      auto next = std::move(at().waiting.front());
      at().waiting.pop_front();
      next();
      return at().busy ? void() : go_on();
    }
    const auto open = outstanding_of(at().run);
    for (const auto& wish : open.invoke)
      ask(wish);
    for (const auto& wish : open.compute)
      compute(wish);
    for (const auto& path : open.undo)
      take_back(path);
    if (is_final(at().run.status))
      return finish();
    set_timer();
  }

  void ask(const outstanding::invocation& wish) {
    if (!at().asked.insert(wish.step).second)
      return;
    const auto& origin = at().run.origin;
    response::perform_action out;
    out.run_id = at().id;
    out.tenant = at().tenant;
    out.incident_id = origin.incident_id;
    out.step = wish.step;
    out.path = wish.path;
    out.attempt = wish.attempt;
    out.action = wish.request->action;
    out.parameters = wish.request->parameters;
    out.where = wish.request->where;
    out.target = wish.request->target;
    out.duration_s = wish.request->duration_s;
    out.mode = origin.mode;
    out.asked_by = origin.asked_by;
    out.reason = origin.reason;
    out.veto_s = origin.veto_s;
    out.approve_within_s = origin.approve_within_s;
    shared_->manager.send(self_, std::move(out));
  }

  /// First what has not begun is kept from beginning: it would come about behind the undoing.
  void take_back(const std::string& path) {
    const auto& why = at().run.reason;
    if (at().asked.insert("cancel what waits").second)
      shared_->manager.send(self_, response::cancel_steps{at().id, why});
    if (at().asked.insert("undo " + path).second)
      shared_->manager.send(self_, response::undo_step{at().id, path, "the run failed: " + why});
  }

  void compute(const outstanding::computation& wish) {
    if (!at().asked.insert(wish.step).second)
      return;
    run_event answered;
    answered.what = run_event_kind::answered;
    answered.path = wish.path;
    answered.attempt = wish.attempt;
    auto work = *this;
    self_
        ->request(shared_->transforms.actor(), transform_timeout,
                  transform_ask{wish.request->program, wish.request->input})
        .then(
            [work, answered](const transform_answer& computed) mutable {
              answered.ok = computed.why.empty();
              answered.value = computed.value;
              answered.text = computed.why;
              work.hear(std::move(answered));
            },
            [work, answered](const caf::error& error) mutable {
              answered.text = "not computed: " + describe(error);
              work.hear(std::move(answered));
            });
  }

  void finish() {
    if (at().run.status != run_status::completed)
      shared_->manager.send(self_, response::cancel_steps{at().id, at().run.reason});
    self_->quit();
  }

  /// To sleep, or to the next thing that time brings.
  void set_timer() {
    const auto open = outstanding_of(at().run);
    const auto now = self_->now();
    if (!at().ready)
      return;
    if (may_sleep(at().run, open, now))
      return self_->delayed_send(self_, time_to_doze_off, run_doze{at().sequence, false});
    if (open.next_due == 0)
      return;
    const auto wait = std::clamp<unix_ns>(open.next_due - now, ns_per_ms, longest_run_timer_ns);
    at().timer_at = now + wait;
    self_->delayed_send(self_, std::chrono::nanoseconds(wait), run_wake{at().timer_at});
  }

  void report(bool asleep = false) {
    const auto open = outstanding_of(at().run);
    auto change = change_of(at().id, at().run, open);
    change.asleep = asleep;
    change.wake_at = asleep ? open.next_due : 0;
    shared_->manager.send(self_, std::move(change));
  }

  run_actor* self_;
  run_services_ptr shared_;
};

} // namespace

std::string run_subject(const std::string& tenant, const std::string& id) {
  return fmt::format("soc.{}.run.{}", tenant, id);
}

caf::behavior run(run_actor* self, run_services_ptr shared, response::run_start start) {
  run_work(self, shared).start(start);
  return {
      [=](const response::action_settled& settled) {
        run_event heard;
        heard.what = run_event_kind::answered;
        heard.path = settled.path;
        heard.attempt = settled.attempt;
        heard.ok = settled.ok;
        heard.value = settled.output;
        heard.text = settled.error;
        run_work(self, shared).hear(std::move(heard));
      },
      [=](const response::step_undone& undone) {
        run_event heard;
        heard.what = run_event_kind::compensated;
        heard.path = undone.path;
        heard.ok = undone.ok;
        heard.text = undone.detail;
        run_work(self, shared).hear(std::move(heard));
      },
      [=](const response::run_command& order) -> caf::result<command_answer> {
        auto promise = self->make_response_promise<command_answer>();
        run_work(self, shared).command(order.command, [promise](command_answer a) mutable {
          promise.deliver(std::move(a));
        });
        return promise;
      },
      [=](const run_wake& w) { run_work(self, shared).wake(w.due); },
      [=](const response::run_rest&) {
        self->delayed_send(self, time_to_doze_off, run_doze{self->state.sequence, true});
      },
      [=](const check_wait&) { run_work(self, shared).check(); },
      [=](const run_doze& d) { run_work(self, shared).doze(d.sequence, d.for_tasks); },
  };
}

result<response::run_start> beginning_of(const std::vector<journal_entry>& entries) {
  const auto begun = entries.empty() ? result<run_event>(failure{ec::not_found, "its journal is empty"})
                                     : decode_run_event(entries.front().payload);
  if (!begun)
    return begun.error();
  if (begun->what != run_event_kind::begun || !begun->origin)
    return failure{ec::corrupt, "its journal does not begin with a beginning"};
  response::run_start out;
  out.id = begun->origin->run_id;
  out.tenant = begun->origin->tenant;
  out.incident_id = begun->origin->incident_id;
  out.entity = begun->origin->entity;
  out.texts = begun->texts;
  out.inputs = begun->value;
  return out;
}

child_spec run_child(run_services_ptr shared, response::run_start start) {
  child_spec out;
  out.name = start.id;
  out.restart = restart_when::transient;
  auto first = std::make_shared<bool>(true);
  out.start = [shared, start, first](caf::actor_system& system, actor_context context) {
    auto now = start;
    now.fresh = start.fresh && *first; // its successors find all of it in the journal
    if (!*first)
      now.history.clear();
    *first = false;
    return spawn_observed(system, std::move(context), run, shared, now);
  };
  return out;
}

} // namespace soc::playbook
