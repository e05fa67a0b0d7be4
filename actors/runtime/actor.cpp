#include "runtime/actor.hpp"

#include "runtime/error.hpp"
#include "runtime/payload.hpp"
#include "runtime/sanitizer.hpp"

#include <caf/detail/private_thread.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

namespace soc {

namespace {

std::uint64_t steady_ns() noexcept {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

const clock_source& wall_clock() {
  static const system_clock_source clock; // stateless: what an actor without a given clock reads
  return clock;
}

/// A message has been handled: whoever runs the actor next sees what it did.
struct turn_end {
  caf::abstract_actor* self;
  ~turn_end() { hand_over(self); }
};

/// Sent by the actor to itself (its timers): the next incarnation starts its own.
bool is_own(const caf::mailbox_element& element, const caf::abstract_actor* self) {
  return element.sender && element.sender->get() == self;
}

} // namespace

observed_actor::observed_actor(caf::actor_config& config, actor_context context, start_function start)
    : caf::event_based_actor(config), observed_(std::move(context)), start_(std::move(start)) {
  if (!observed_.clock)
    observed_.clock = &wall_clock();
  if (!observed_.probe)
    observed_.probe = std::make_shared<actor_probe>(observed_.path, observed_.clock->now());
  install_handlers();
  hand_over(this); // to its first turn
}

observed_actor::~observed_actor() {
  take_over(this);
}

caf::actor observed_actor::stable_handle() {
  return observed_.address ? observed_.address : caf::actor_cast<caf::actor>(this);
}

void observed_actor::install_handlers() {
  set_exception_handler([this](std::exception_ptr& thrown) {
    const auto what = describe(thrown);
    observed_.probe->set_failure(what, now());
    return to_error(ec::internal, what);
  });
  // Unknown messages and stray answers are counted, never printed, and bring nobody down.
  set_default_handler([this](caf::scheduled_actor*, caf::message_view&) -> caf::result<caf::message> {
    last_unexpected_ = true;
    return caf::sec::unexpected_message;
  });
  set_error_handler([this](caf::error&) { last_unexpected_ = true; });
  set_down_handler([this](caf::down_msg&) { last_unexpected_ = true; });
}

caf::behavior observed_actor::make_behavior() {
  return start_(this);
}

void observed_actor::initialize() {
  observed_.probe->set_kind(name());
  if (observed_.address)
    actor_address::of(observed_.address).attach_child(caf::actor_cast<caf::actor>(this));
  caf::event_based_actor::initialize();
  observed_.probe->set_state(actor_state::running);
}

// As scheduled_actor::enqueue, which does not tell whether the mailbox took the message.
void observed_actor::enqueue(caf::mailbox_element_ptr element, caf::execution_unit* host) {
  auto& probe = *observed_.probe;
  if (mailbox().closed()) {
    probe.count_dropped();
    refuse_message(*element, to_error(ec::unavailable, observed_.path + " has ended"));
    return;
  }
  const auto bytes = payload_bytes(element->content());
  const auto id = element->mid;
  const auto sender = element->sender;
  probe.count_enqueued(bytes);
  hand_over(this);
  switch (mailbox().push_back(std::move(element))) {
  case caf::intrusive::inbox_result::success:
    break;
  case caf::intrusive::inbox_result::unblocked_reader:
    intrusive_ptr_add_ref(ctrl());
    if (getf(is_detached_flag))
      private_thread_->resume();
    else if (host != nullptr)
      host->exec_later(this);
    else
      home_system().scheduler().enqueue(this);
    break;
  case caf::intrusive::inbox_result::queue_closed: // closed since the check above
    probe.count_dequeued(bytes);
    probe.count_dropped();
    if (id.is_request() && sender)
      sender->enqueue(nullptr, id.response_id(),
                      caf::make_message(to_error(ec::unavailable, observed_.path + " has ended")), host);
    break;
  }
}

caf::resumable::resume_result observed_actor::resume(caf::execution_unit* host, std::size_t max_throughput) {
  take_over(this);
  const auto probe = observed_.probe; // the actor may be gone after its last turn
  const auto began = probe->begin_turn();
  const auto next = caf::event_based_actor::resume(host, max_throughput);
  // From here on it may be in its next turn on another thread.
  probe->end_turn(began);
  return next;
}

caf::invoke_message_result observed_actor::consume(caf::mailbox_element& element) {
  auto& probe = *observed_.probe;
  const auto bytes = payload_bytes(element.content());
  const auto began = probe.tracing() ? steady_ns() : 0;
  last_unexpected_ = false;
  const turn_end hands_over{this};
  try {
    const auto outcome = caf::event_based_actor::consume(element);
    if (outcome == caf::invoke_message_result::skipped)
      return outcome;
    probe.count_dequeued(bytes);
    probe.count_handled();
    if (last_unexpected_)
      probe.count_unexpected();
    if (began != 0)
      note(element, last_unexpected_ ? "unexpected" : "handled", bytes, began);
    return outcome;
  } catch (...) {
    probe.count_dequeued(bytes);
    probe.count_handled();
    if (began != 0)
      note(element, "failed", bytes, began);
    const auto* before = dynamic_cast<const suspect_element*>(&element);
    if (!is_own(element, this) && !element.content().empty())
      crashed_on_.reset(new suspect_element(element, before ? before->crashes() + 1 : 1));
    element.mid.mark_as_answered(); // or CAF would answer with the exception what the next incarnation is to answer
    throw;
  }
}

void observed_actor::note(const caf::mailbox_element& element, const char* outcome, std::uint64_t bytes,
                          std::uint64_t began_ns) {
  auto beginning = payload_text(element.content(), traced_message::max_beginning_bytes);
  observed_.probe->trace(
      {now(), content_types(element.content()), bytes, steady_ns() - began_ns, outcome, std::move(beginning)});
}

bool observed_actor::cleanup(caf::error&& reason, caf::execution_unit* host) {
  if (!mailbox().closed())
    give_up_mailbox(reason);
  // What it holds of others may hold it: the registry, its address. Late senders only need path and probe.
  observed_.registry = nullptr;
  observed_.address = nullptr;
  observed_.dead_letters = {};
  start_ = nullptr;
  return caf::event_based_actor::cleanup(std::move(reason), host);
}

/// Hands what was not handled to the address, for the next incarnation; without one, gives it back to the senders.
void observed_actor::give_up_mailbox(const caf::error& reason) {
  auto* address = observed_.address ? &actor_address::of(observed_.address) : nullptr;
  if (address)
    address->detach_child(this);
  mailbox().close();
  const auto why = to_error(ec::unavailable, observed_.path + " has ended: " + describe(reason));
  const auto pass_on = [&](caf::mailbox_element_ptr element) {
    if (is_own(*element, this))
      return;
    if (address) {
      address->hold_again(std::move(element));
    } else {
      observed_.probe->count_dropped();
      refuse_message(*element, why);
    }
  };
  if (crashed_on_)
    pass_on(std::move(crashed_on_));
  const auto drain_queue = [&](auto& queue) {
    while (auto element = queue.take_front()) {
      observed_.probe->count_dequeued(payload_bytes(element->content()));
      pass_on(std::move(element));
    }
  };
  drain_queue(get_urgent_queue());
  drain_queue(get_normal_queue());
}

} // namespace soc
