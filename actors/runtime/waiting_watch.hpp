// runtime/waiting_watch.hpp - whether an actor has waited for one answer for too long. Instead of a timer for each
// question (two wake-ups of CAF's clock, more than most questions cost) whoever looks after many actors asks them all
// now and then with check_wait. Part of the actor's state.
#pragma once
#include <caf/allowed_unsafe_message_type.hpp>

#include <cstdint>

namespace soc {

/// An actor that has waited for the same answer since it was last asked, as often as it
/// has patience for, gives up.
struct check_wait {};

class waiting_watch {
public:
  /// A question has been asked; it gives up at the check of this number after the next one.
  void asked(std::uint32_t patience = 1) {
    ++number_;
    patience_ = patience;
  }
  /// `waits`: for an answer, now. True: for too long.
  bool too_long(bool waits) {
    if (!waits || seen_ != number_) {
      seen_ = number_;
      checks_ = 0;
      return false;
    }
    return ++checks_ >= patience_;
  }

private:
  std::uint64_t number_ = 0, seen_ = 0;
  std::uint32_t patience_ = 1, checks_ = 0;
};

} // namespace soc

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::check_wait)
