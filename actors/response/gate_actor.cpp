#include "response/gate_actor.hpp"

#include "response/codec.hpp"
#include "runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace soc::response {

namespace {

constexpr std::chrono::seconds gate_port_timeout{5};
constexpr std::size_t max_gate_queue = 100'000;
constexpr std::size_t max_events_together = 256; ///< in one entry of the journal, well below its largest payload
constexpr std::uint64_t events_per_snapshot = 1000;
constexpr std::chrono::milliseconds release_patience{20};
constexpr std::chrono::seconds between_looks_at_the_stop{10};

/// The emergency stop of this tenant holds for all of them: there is one journal more to heed, and none more to keep.
const std::string tenant_of_all = "default";

/// Releases alone have waited long enough for a request to be stored with.
struct gate_flush {
  std::string tenant;
};
/// Has another node stopped everything?
struct look_at_the_stop {};

} // namespace

} // namespace soc::response

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::gate_flush)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::look_at_the_stop)

namespace soc::response {

namespace {

/// Works off one tenant's requests in order, as many together as have come meanwhile; state and journal move together.
class gate_work {
public:
  gate_work(gate_actor* self, services_ptr shared, std::string tenant)
      : self_(self), shared_(std::move(shared)), tenant_(std::move(tenant)) {}

  void enqueue(gate_job job) {
    at().waiting.push_back(std::move(job));
    go_on();
  }

  bool full() { return at().waiting.size() >= max_gate_queue; }

  void flush() {
    at().flush_is_due = false;
    go_on(true);
  }

  /// A node that the command did not reach heeds the stop nonetheless. What can't be read now is read the next time.
  void refresh() {
    if (!at().loaded || at().busy)
      return;
    auto work = *this;
    self_->request(shared_->journal.actor(), gate_port_timeout, journal_read{gate_subject(tenant_), at().sequence})
        .then(
            [work](const journal_entries& found) mutable {
              if (!work.at().busy) // else the append that is under way finds what there is
                work.take_entries(found);
            },
            [](const caf::error&) {});
  }

private:
  void go_on(bool releases_too = false) {
    auto& t = at();
    if (t.busy || t.waiting.empty())
      return;
    if (!t.loaded)
      return load();
    if (!self_->state.tenants[tenant_of_all].loaded)
      return read_the_stop_first();
    const bool urgent = std::any_of(t.waiting.begin(), t.waiting.end(), [](const auto& job) { return job.urgent; });
    if (!urgent && !releases_too && t.waiting.size() < max_events_together)
      return flush_later();
    while (!t.waiting.empty() && t.draft.events().size() < max_events_together)
      judge_next();
    if (t.draft.events().empty())
      return answer_judged();
    commit();
  }

  /// What stands no more makes nobody wait, but is in the books before whoever asks next is judged.
  void flush_later() {
    if (std::exchange(at().flush_is_due, true))
      return;
    self_->delayed_send(self_, release_patience, gate_flush{tenant_});
  }

  void judge_next() {
    auto& t = at();
    auto job = std::move(t.waiting.front());
    t.waiting.pop_front();
    for (auto& event : job.judge(t.state))
      t.draft.add(t.state, std::move(event));
    t.judged.push_back(std::move(job));
  }

  void answer_judged() {
    auto& t = at();
    const auto judged = std::exchange(t.judged, {});
    for (const auto& job : judged)
      if (job.answer)
        job.answer(t.state);
    go_on();
  }

  /// Appends what was decided in one entry; then it is answered. On a conflict another node has granted meanwhile: its
  /// entries are read and all is judged anew. In doubt the actor ends; its successor reads the journal.
  void commit() {
    auto& t = at();
    t.busy = true;
    journal_append append{gate_subject(tenant_), t.sequence, encode(t.draft.events()), {}};
    append.message_id = fmt::format("{}-{}-{}", append.subject, shared_->node, t.sequence);
    auto work = *this;
    self_->request(shared_->journal.actor(), gate_port_timeout, std::move(append))
        .then([work](const journal_appended& stored) mutable { work.committed(stored.sequence); },
              [work](const caf::error& error) mutable {
                const auto why = to_failure(error);
                if (why.code != ec::conflict)
                  return work.give_up(to_error(why.code, "gate journal: " + why.what));
                work.judge_anew();
              });
  }

  void committed(std::uint64_t sequence) {
    auto& t = at();
    t.sequence = sequence;
    t.since_snapshot += t.draft.events().size();
    t.draft.keep(t.state);
    t.busy = false;
    keep_snapshot();
    answer_judged();
  }

  void judge_anew() {
    auto& t = at();
    t.draft.take_back(t.state);
    t.waiting.insert(t.waiting.begin(), std::make_move_iterator(t.judged.begin()),
                     std::make_move_iterator(t.judged.end()));
    t.judged.clear();
    auto work = *this;
    catch_up([work]() mutable { work.go_on(true); });
  }

  /// Whoever waits asks again, the successor.
  void give_up(const caf::error& why) {
    for (auto& [tenant, t] : self_->state.tenants) {
      std::move(t.waiting.begin(), t.waiting.end(), std::back_inserter(t.judged));
      for (const auto& job : t.judged)
        if (job.refuse)
          job.refuse(why);
    }
    self_->quit(why);
  }

  tenant_gate& at() { return self_->state.tenants[tenant_]; }

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
              work.give_up(to_error(ec::unavailable, "gate snapshot: " + describe(error)));
            });
  }

  /// Nothing is judged before it is known whether everything is stopped.
  void read_the_stop_first() {
    at().busy = true;
    auto work = *this;
    gate_job then;
    then.judge = [](const gate_state&) { return std::vector<gate_event>{}; };
    then.answer = [work](const gate_state&) mutable {
      work.at().busy = false;
      work.go_on(true);
    };
    gate_work(self_, shared_, tenant_of_all).enqueue(std::move(then));
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
      work.go_on(true);
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
              if (!work.take_entries(found))
                return;
              work.at().busy = false;
              then();
            },
            [work](const caf::error& error) mutable {
              work.give_up(to_error(ec::unavailable, "gate journal: " + describe(error)));
            });
  }

  /// False: it has given up.
  bool take_entries(const journal_entries& found) {
    for (const auto& entry : found.entries)
      if (const auto taken = take_entry(entry); !taken) {
        give_up(to_error(taken.error()));
        return false;
      }
    return true;
  }

  /// An entry that can't be read may be a grant that counts: nothing is let through without it.
  outcome take_entry(const journal_entry& entry) {
    auto& t = at();
    if (entry.sequence <= t.sequence)
      return done{};
    const auto events = decode_gate_events(entry.payload);
    if (!events)
      return failure{ec::corrupt,
                     fmt::format("entry {} of the gate's journal {} can't be read ({}); was it written by a "
                                 "newer version? Nothing is done until it can be",
                                 entry.sequence, gate_subject(tenant_), events.error().what)};
    for (const auto& event : *events)
      apply(t.state, event);
    t.sequence = entry.sequence;
    return done{};
  }

  /// The larger the state, the rarer: what it costs stays in proportion to what has happened.
  void keep_snapshot() {
    auto& t = at();
    if (t.since_snapshot < std::max<std::uint64_t>(events_per_snapshot, t.state.grants.size()))
      return;
    t.since_snapshot = 0;
    shared_->store.send(self_, snapshot_put{"gate", tenant_, t.sequence, encode(t.state)});
  }

  gate_actor* self_;
  services_ptr shared_;
  std::string tenant_;
};

gate_job judge_request(gate_actor* self, const services_ptr& shared, gate_request request,
                       caf::typed_response_promise<gate_answer> promise) {
  const auto asked = std::make_shared<const gate_request>(std::move(request));
  const auto decision = std::make_shared<gate_decision>();
  gate_job out;
  out.judge = [=](const gate_state& state) {
    const auto content = shared->content->get();
    *decision = decide(state, content->config.gate, *asked, self->now(), &self->state.tenants[tenant_of_all].state);
    return std::exchange(decision->events, {});
  };
  out.answer = [=](const gate_state& state) mutable {
    gate_answer answer{std::move(*decision), std::nullopt};
    if (answer.decision.what == verdict::allow)
      answer.leave = issue_permit(state, *asked);
    promise.deliver(std::move(answer));
  };
  out.refuse = [promise](const caf::error& why) mutable { promise.deliver(why); };
  return out;
}

gate_job release_effect(gate_actor* self, const gate_release& what) {
  gate_job out;
  out.urgent = false;
  out.judge = [=](const gate_state& state) { return release(state, what.id, what.why, self->now()); };
  return out;
}

/// Whom it holds for must be plain: who believes that everything stands still looks no further.
std::string words_for(const gate_emergency& what, bool all_are_stopped) {
  if (what.tenant == tenant_of_all)
    return what.stop
               ? "all automation of every tenant is stopped"
               : "automation goes on; a tenant that was stopped by name stays stopped until it is released by name";
  if (what.stop)
    return fmt::format("all automation of tenant {} is stopped; that of other tenants goes on", what.tenant);
  return fmt::format("automation of tenant {} {}", what.tenant,
                     all_are_stopped ? "is stopped with that of every other tenant" : "goes on");
}

gate_job stop_or_go(gate_actor* self, const gate_emergency& what, caf::typed_response_promise<command_answer> promise) {
  const auto already = std::make_shared<bool>(false);
  gate_job out;
  out.judge = [=](const gate_state& state) {
    auto events = emergency(state, what.stop, what.who, what.why, self->now());
    *already = events.empty();
    return events;
  };
  out.answer = [=](const gate_state&) mutable {
    const auto said = words_for(what, self->state.tenants[tenant_of_all].state.stopped);
    promise.deliver(command_answer{true, *already ? "nothing changes: " + said : said});
  };
  out.refuse = [promise](const caf::error& why) mutable { promise.deliver(why); };
  return out;
}

} // namespace

std::string gate_subject(const std::string& tenant) {
  return fmt::format("soc.{}.journal.gate.effects", tenant);
}

caf::behavior gate(gate_actor* self, services_ptr shared) {
  self->delayed_send(self, between_looks_at_the_stop, look_at_the_stop{});
  return {
      [=](const gate_ask& ask) -> caf::result<gate_answer> {
        gate_work work(self, shared, ask.request.tenant);
        if (work.full())
          return to_error(ec::unavailable, "the gate has too much to judge");
        auto promise = self->make_response_promise<gate_answer>();
        work.enqueue(judge_request(self, shared, ask.request, promise));
        return promise;
      },
      [](const stored&) {},
      [=](const look_at_the_stop&) {
        self->delayed_send(self, between_looks_at_the_stop, look_at_the_stop{});
        gate_work(self, shared, tenant_of_all).refresh();
      },
      [=](const gate_flush& due) { gate_work(self, shared, due.tenant).flush(); },
      [=](const gate_release& what) { gate_work(self, shared, what.tenant).enqueue(release_effect(self, what)); },
      [=](const gate_emergency& what) -> caf::result<command_answer> {
        auto promise = self->make_response_promise<command_answer>();
        gate_work(self, shared, what.tenant).enqueue(stop_or_go(self, what, promise));
        return promise;
      },
  };
}

} // namespace soc::response
