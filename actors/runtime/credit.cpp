#include "runtime/credit.hpp"

#include <algorithm>

namespace soc {

namespace {

unix_ns in_ns(std::chrono::milliseconds duration) {
  return duration.count() * ns_per_ms;
}

} // namespace

bool credit_ledger::allows(std::uint64_t bytes) const {
  if (in_flight_.empty())
    return true;
  return in_flight_.size() < limits_.batches && bytes_ < limits_.bytes && bytes <= limits_.bytes - bytes_;
}

credit_ticket credit_ledger::issue(model::raw_batch_ptr batch, std::uint64_t stream, std::uint64_t position,
                                   unix_ns now) {
  const auto ticket = ++last_ticket_;
  const std::uint64_t bytes = batch ? batch->bytes.size() : 0;
  bytes_ += bytes;
  streams_[stream].emplace(ticket, open_ticket{position, false});
  in_flight_.emplace(ticket, flight{batch, bytes, stream, 1, 0, false, now + in_ns(limits_.answer_timeout)});
  return {ticket, std::move(batch)};
}

std::optional<stream_progress> credit_ledger::done(std::uint64_t ticket) {
  const auto found = in_flight_.find(ticket);
  if (found == in_flight_.end())
    return std::nullopt;
  const auto stream = found->second.stream;
  bytes_ -= found->second.bytes;
  in_flight_.erase(found);

  auto& open = streams_.at(stream);
  open.at(ticket).done = true;
  std::optional<stream_progress> progress;
  while (!open.empty() && open.begin()->second.done) {
    progress = stream_progress{stream, open.begin()->second.position};
    open.erase(open.begin());
  }
  if (open.empty())
    streams_.erase(stream);
  return progress;
}

bool credit_ledger::failed(std::uint64_t ticket, unix_ns now, std::chrono::milliseconds retry_after, double random) {
  const auto found = in_flight_.find(ticket);
  if (found == in_flight_.end())
    return false;
  auto& flight = found->second;
  if (flight.waiting)
    return true;
  flight.waiting = true;
  ++flight.refused;
  flight.at = now + in_ns(std::max(retry_after, backoff_delay(limits_.retry, flight.attempt, random)));
  return true;
}

std::vector<credit_ticket> credit_ledger::due(unix_ns now) {
  std::vector<credit_ticket> again;
  for (auto& [ticket, flight] : in_flight_) {
    if (flight.at > now)
      continue;
    overdue_ += flight.waiting ? 0 : 1;
    ++retries_;
    flight.waiting = false;
    flight.at = now + in_ns(limits_.answer_timeout);
    again.push_back({ticket, flight.batch, ++flight.attempt, flight.refused});
  }
  return again;
}

std::optional<unix_ns> credit_ledger::next_due() const {
  std::optional<unix_ns> earliest;
  for (const auto& [ticket, flight] : in_flight_)
    earliest = std::min(flight.at, earliest.value_or(flight.at));
  return earliest;
}

} // namespace soc
