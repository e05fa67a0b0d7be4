#include "runtime/address.hpp"

#include "runtime/error.hpp"
#include "runtime/payload.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/make_actor.hpp>
#include <caf/system_messages.hpp>

#include <utility>

namespace soc {

namespace {

/// Of one incarnation only: never held for the next.
bool is_for_one_incarnation(const caf::mailbox_element& element) {
  const auto& content = element.content();
  return element.mid.is_response() || content.match_elements<caf::exit_msg>() ||
         content.match_elements<caf::down_msg>();
}

caf::message_id unanswered(caf::message_id id) {
  return caf::message_id{id.integer_value() & ~caf::message_id::answered_flag_mask};
}

} // namespace

suspect_element::suspect_element(const caf::mailbox_element& handled, std::uint32_t crashes)
    : caf::mailbox_element(caf::strong_actor_ptr(handled.sender), unanswered(handled.mid),
                           forwarding_stack(handled.stages)),
      content_(handled.copy_content_to_message()), crashes_(crashes) {}

caf::type_erased_tuple& suspect_element::content() {
  return *content_.vals().unshared_ptr();
}

const caf::type_erased_tuple& suspect_element::content() const {
  return *content_.cvals().get();
}

void refuse_message(const caf::mailbox_element& element, const caf::error& why) {
  if (element.mid.is_request() && element.sender)
    element.sender->enqueue(nullptr, element.mid.response_id(), caf::make_message(why), nullptr);
  give_back_payload(element.content(), describe(why));
}

actor_address::actor_address(caf::actor_config& config, probe_ptr probe, hold_limits limits)
    : caf::monitorable_actor(config), probe_(std::move(probe)), limits_(limits) {}

caf::actor actor_address::make(caf::actor_system& system, probe_ptr probe, hold_limits limits) {
  caf::actor_config config{system.dummy_execution_unit()};
  return caf::make_actor<actor_address, caf::actor>(system.next_actor_id(), system.node(), &system, config,
                                                    std::move(probe), limits);
}

actor_address& actor_address::of(const caf::actor& handle) {
  return *static_cast<actor_address*>(caf::actor_cast<caf::abstract_actor*>(handle));
}

bool actor_address::fits(std::uint64_t bytes) const {
  return held_.size() < limits_.messages && held_bytes_ + bytes <= limits_.bytes;
}

void actor_address::enqueue(caf::mailbox_element_ptr element, caf::execution_unit* host) {
  caf::error why;
  {
    std::lock_guard lock(hold_mutex_);
    if (child_) {
      child_->get()->enqueue(std::move(element), host);
      return;
    }
    if (is_for_one_incarnation(*element))
      return;
    const auto bytes = payload_bytes(element->content());
    if (!refusing_ && fits(bytes)) {
      probe_->count_enqueued(bytes);
      held_bytes_ += bytes;
      held_.push_back(std::move(element));
      return;
    }
    why = refusing_ ? refusing_ : to_error(ec::unavailable, probe_->path() + " is restarting and its queue is full");
  }
  probe_->count_dropped();
  refuse_message(*element, why);
}

void actor_address::attach_child(const caf::actor& child) {
  caf::strong_actor_ptr before; // released after the lock: its end calls detach_child
  std::lock_guard lock(hold_mutex_);
  refusing_ = {};
  before = std::exchange(child_, caf::actor_cast<caf::strong_actor_ptr>(child));
  for (auto& element : held_) {
    probe_->count_dequeued(payload_bytes(element->content()));
    child_->get()->enqueue(std::move(element), nullptr);
  }
  held_.clear();
  held_bytes_ = 0;
}

void actor_address::detach_child(const caf::abstract_actor* child) {
  caf::strong_actor_ptr last; // released after the lock
  std::lock_guard lock(hold_mutex_);
  if (child_ && child_->get() == child)
    last = std::exchange(child_, nullptr);
  again_at_ = 0;
}

void actor_address::hold_again(caf::mailbox_element_ptr element) {
  if (is_for_one_incarnation(*element))
    return;
  const auto bytes = payload_bytes(element->content());
  std::lock_guard lock(hold_mutex_);
  // Beyond the limits on purpose: it was accepted already, and a mailbox is bounded by credit.
  probe_->count_enqueued(bytes);
  held_bytes_ += bytes;
  held_.insert(held_.begin() + static_cast<std::ptrdiff_t>(again_at_++), std::move(element));
}

caf::mailbox_element_ptr actor_address::take_suspect(std::uint32_t crashes) {
  std::lock_guard lock(hold_mutex_);
  if (held_.empty())
    return nullptr;
  const auto* suspect = dynamic_cast<const suspect_element*>(held_.front().get());
  if (!suspect || suspect->crashes() < crashes)
    return nullptr;
  auto element = std::move(held_.front());
  held_.pop_front();
  const auto bytes = payload_bytes(element->content());
  held_bytes_ -= bytes;
  probe_->count_dequeued(bytes);
  return element;
}

void actor_address::refuse_until_attached(const caf::error& why) {
  std::deque<caf::mailbox_element_ptr> back;
  {
    std::lock_guard lock(hold_mutex_);
    refusing_ = why;
    back = std::exchange(held_, {});
    held_bytes_ = 0;
  }
  for (const auto& element : back) {
    probe_->count_dequeued(payload_bytes(element->content()));
    probe_->count_dropped();
    refuse_message(*element, why);
  }
}

void actor_address::retire(const caf::error& reason) {
  refuse_until_attached(reason ? reason : to_error(ec::unavailable, probe_->path() + " is gone"));
  cleanup(caf::error(reason), nullptr);
}

void actor_address::on_destroy() {
  if (!getf(is_cleaned_up_flag))
    cleanup(caf::error(caf::exit_reason::unreachable), nullptr);
}

} // namespace soc
