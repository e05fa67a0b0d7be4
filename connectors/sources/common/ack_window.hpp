// sources/common/ack_window.hpp - the batches of one stream that are in flight, in stream order: tells how far a
// checkpoint may move. Acknowledgements come in any order; the frontier passes only an unbroken run of them. Pure.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

namespace soc::sources {

/// `Mark` is the place in the stream after a batch: what a checkpoint would hold.
template <class Mark>
class ack_window {
public:
  void sent(std::uint64_t ticket, Mark after) { flights_.push_back({ticket, std::move(after), false}); }

  /// The new frontier if it moved. An unknown or repeated ticket changes nothing.
  std::optional<Mark> acknowledged(std::uint64_t ticket) {
    for (auto& flight : flights_)
      if (flight.ticket == ticket)
        flight.acknowledged = true;
    std::optional<Mark> frontier;
    while (!flights_.empty() && flights_.front().acknowledged) {
      frontier = std::move(flights_.front().after);
      flights_.pop_front();
    }
    return frontier;
  }

  bool empty() const { return flights_.empty(); }
  std::size_t size() const { return flights_.size(); }

private:
  struct flight {
    std::uint64_t ticket;
    Mark after;
    bool acknowledged;
  };
  std::deque<flight> flights_;
};

} // namespace soc::sources
