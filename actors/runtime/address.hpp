// runtime/address.hpp - the stable handle of a supervised child. Neighbours hold it instead of the child itself: it
// forwards in the sender's thread (no hop), holds messages while the child restarts, and hands them to the next
// incarnation in order. Made by the supervisor with the child, retired when the child is gone for good. Thread-safe.
#pragma once
#include "runtime/probe.hpp"

#include <caf/actor.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/monitorable_actor.hpp>

#include <deque>
#include <mutex>

namespace soc {

/// How much may wait for a child that is restarting. What comes on top is given back to its sender.
struct hold_limits {
  std::size_t messages = 10'000;
  std::uint64_t bytes = 64ull << 20;
};

/// The message a child was handling when it crashed; goes first to the next incarnation and remembers how often in a
/// row it brought one down.
class suspect_element final : public caf::mailbox_element {
public:
  suspect_element(const caf::mailbox_element& handled, std::uint32_t crashes);

  std::uint32_t crashes() const { return crashes_; }
  caf::type_erased_tuple& content() override;
  const caf::type_erased_tuple& content() const override;
  caf::message move_content_to_message() override { return std::move(content_); }
  caf::message copy_content_to_message() const override { return content_; }

private:
  caf::message content_;
  std::uint32_t crashes_;
};

/// Tells the sender of a message that it was not taken: a request gets an error, a payload is given back to its source.
void refuse_message(const caf::mailbox_element& element, const caf::error& why);

class actor_address final : public caf::monitorable_actor {
public:
  actor_address(caf::actor_config& config, probe_ptr probe, hold_limits limits);

  /// A new address without a child behind it: it holds.
  static caf::actor make(caf::actor_system& system, probe_ptr probe, hold_limits limits);
  static actor_address& of(const caf::actor& handle);

  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit* host) override;

  /// Puts a child behind the address and hands it what was held: the suspect first.
  void attach_child(const caf::actor& child);

  /// Called by a child that ends, in its own turn: from here on messages are held.
  void detach_child(const caf::abstract_actor* child);
  /// After detach_child, oldest first: what the child was handling when it crashed, then what it had not handled.
  void hold_again(caf::mailbox_element_ptr element);

  /// Called by the supervisor: the message that crashed its child at least `crashes` times in a row, no longer held; or
  /// null.
  caf::mailbox_element_ptr take_suspect(std::uint32_t crashes);

  /// The child is gone for good: gives back what is held and whatever comes later, and tells those who monitor the
  /// address.
  void retire(const caf::error& reason);
  /// Gives back what is held and whatever comes until a child is attached again.
  void refuse_until_attached(const caf::error& why);

  void on_destroy() override;

private:
  bool fits(std::uint64_t bytes) const;

  const probe_ptr probe_;
  const hold_limits limits_;
  mutable std::mutex hold_mutex_; ///< guards what follows; also held while forwarding, so that nothing overtakes
  caf::strong_actor_ptr child_;
  std::deque<caf::mailbox_element_ptr> held_;
  std::size_t again_at_ = 0; ///< where in held_ the next message taken back from a dead mailbox goes
  std::uint64_t held_bytes_ = 0;
  caf::error refusing_; ///< set = nobody will come: refuse
};

} // namespace soc
