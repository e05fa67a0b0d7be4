#include "response/gate_actor.hpp"

#include "response/codec.hpp"
#include "runtime/error.hpp"

#include <fmt/format.h>

namespace soc::response {

namespace {

constexpr std::chrono::seconds gate_port_timeout{5};
constexpr std::size_t max_gate_queue = 100'000;
constexpr std::uint64_t events_per_snapshot = 1000;

/// Works off one tenant's requests in order; state and journal move together.
class gate_work {
public:
  gate_work(gate_actor* self, services_ptr shared, std::string tenant)
      : self_(self), shared_(std::move(shared)), tenant_(std::move(tenant)) {}

  void enqueue(std::function<void()> job) {
    auto& t = at();
    t.waiting.push_back(std::move(job));
    go_on();
  }

  bool full() { return at().waiting.size() >= max_gate_queue; }

  void go_on() {
    auto& t = at();
    if (t.busy || t.waiting.empty())
      return;
    if (!t.loaded)
      return load();
    auto job = std::move(t.waiting.front());
    t.waiting.pop_front();
    job();
    if (!t.busy)
      go_on();
  }

  /// Appends and applies `event`, then `then(true)`. On a conflict another node has granted meanwhile: its entries are
  /// read and `then(false)` decides anew. In doubt the actor ends; its successor reads the journal.
  void commit(const gate_event& event, std::function<void(bool)> then) {
    auto& t = at();
    t.busy = true;
    journal_append append{gate_subject(tenant_), t.sequence, encode(event), {}};
    append.message_id = fmt::format("{}-{}-{}", append.subject, shared_->node, t.sequence);
    auto work = *this;
    self_->request(shared_->journal.actor(), gate_port_timeout, std::move(append))
        .then(
            [work, event, then](const journal_appended& stored) mutable {
              auto& done = work.at();
              done.sequence = stored.sequence;
              apply(done.state, event);
              done.busy = false;
              work.keep_snapshot();
              then(true);
              work.go_on();
            },
            [work, then](const caf::error& error) mutable {
              const auto why = to_failure(error);
              if (why.code != ec::conflict)
                return work.self_->quit(to_error(why.code, "gate journal: " + why.what));
              work.catch_up([work, then]() mutable {
                then(false);
                work.go_on();
              });
            });
  }

  tenant_gate& at() { return self_->state.tenants[tenant_]; }
  const gate_state& state() { return at().state; }

private:
  void load() {
    at().busy = true;
    auto work = *this;
    self_->request(shared_->store.actor(), gate_port_timeout, snapshot_get{"gate", tenant_})
        .then(
            [work](const snapshot& found) mutable {
              work.take_snapshot(found);
              work.read_rest();
            },
            [work](const caf::error& error) mutable {
              work.self_->quit(to_error(ec::unavailable, "gate snapshot: " + describe(error)));
            });
  }

  void take_snapshot(const snapshot& found) {
    if (found.bytes.empty())
      return;
    auto state = decode_gate_state(found.bytes);
    if (!state)
      return; // unreadable: the journal has it all
    at().state = std::move(state).take();
    at().sequence = found.sequence;
  }

  void read_rest() {
    auto work = *this;
    catch_up([work]() mutable {
      work.at().loaded = true;
      work.go_on();
    });
  }

  void catch_up(std::function<void()> then) {
    at().busy = true;
    auto work = *this;
    self_
        ->request(shared_->journal.actor(), std::chrono::seconds(60),
                  journal_read{gate_subject(tenant_), at().sequence})
        .then(
            [work, then](const journal_entries& found) mutable {
              for (const auto& entry : found.entries)
                work.take_entry(entry);
              work.at().busy = false;
              then();
            },
            [work](const caf::error& error) mutable {
              work.self_->quit(to_error(ec::unavailable, "gate journal: " + describe(error)));
            });
  }

  void take_entry(const journal_entry& entry) {
    auto& t = at();
    if (entry.sequence <= t.sequence)
      return;
    if (const auto event = decode_gate_event(entry.payload))
      apply(t.state, *event);
    t.sequence = entry.sequence;
  }

  void keep_snapshot() {
    auto& t = at();
    if (++t.since_snapshot < events_per_snapshot)
      return;
    t.since_snapshot = 0;
    shared_->store.send(self_, snapshot_put{"gate", tenant_, t.sequence, encode(t.state)});
  }

  gate_actor* self_;
  services_ptr shared_;
  std::string tenant_;
};

using answer_promise = caf::typed_response_promise<gate_answer>;

void judge_request(gate_actor* self, const services_ptr& shared, const gate_request& request, answer_promise promise) {
  gate_work work(self, shared, request.tenant);
  const auto content = shared->content->get();
  auto decision = decide(work.state(), content->config.gate, request, self->now());
  const std::function<void(gate_decision)> deliver = [self, shared, request, promise](gate_decision done) mutable {
    gate_work again(self, shared, request.tenant);
    gate_answer out{std::move(done), std::nullopt};
    if (out.decision.what == verdict::allow)
      out.leave = issue_permit(again.state(), request);
    promise.deliver(std::move(out));
  };
  if (decision.events.empty())
    return deliver(std::move(decision));
  const auto event = decision.events.front();
  work.commit(event, [=](bool stored) {
    if (stored)
      deliver(decision);
    else
      judge_request(self, shared, request, promise);
  });
}

void release_effect(gate_actor* self, const services_ptr& shared, const gate_release& what) {
  gate_work work(self, shared, what.tenant);
  const auto events = release(work.state(), what.id, what.why, self->now());
  if (events.empty())
    return;
  work.commit(events.front(), [=](bool stored) {
    if (!stored)
      release_effect(self, shared, what);
  });
}

using command_promise = caf::typed_response_promise<command_answer>;

void stop_or_go(gate_actor* self, const services_ptr& shared, const gate_emergency& what, command_promise promise) {
  gate_work work(self, shared, what.tenant);
  const auto events = emergency(work.state(), what.stop, what.who, what.why, self->now());
  const std::string said = what.stop ? "all automation is stopped" : "automation goes on";
  if (events.empty()) {
    promise.deliver(command_answer{true, said + " already"});
    return;
  }
  work.commit(events.front(), [=](bool stored) mutable {
    if (stored)
      promise.deliver(command_answer{true, said});
    else
      stop_or_go(self, shared, what, promise);
  });
}

} // namespace

std::string gate_subject(const std::string& tenant) {
  return fmt::format("soc.{}.journal.gate.effects", tenant);
}

caf::behavior gate(gate_actor* self, services_ptr shared) {
  return {
      [=](const gate_ask& ask) -> caf::result<gate_answer> {
        gate_work work(self, shared, ask.request.tenant);
        if (work.full())
          return to_error(ec::unavailable, "the gate has too much to judge");
        auto promise = self->make_response_promise<gate_answer>();
        work.enqueue([=] { judge_request(self, shared, ask.request, promise); });
        return promise;
      },
      [](const stored&) {},
      [=](const gate_release& what) {
        gate_work(self, shared, what.tenant).enqueue([=] { release_effect(self, shared, what); });
      },
      [=](const gate_emergency& what) -> caf::result<command_answer> {
        auto promise = self->make_response_promise<command_answer>();
        gate_work(self, shared, what.tenant).enqueue([=] { stop_or_go(self, shared, what, promise); });
        return promise;
      },
  };
}

} // namespace soc::response
