#include "transport/outbox.hpp"

#include <algorithm>

namespace soc::transport {

bool outbox::fits(std::size_t bytes) const {
  return entries_.empty() || (entries_.size() < limits_.messages && bytes_ + bytes <= limits_.bytes);
}

std::uint64_t outbox::add(outgoing message, time_point now) {
  bytes_ += message.bytes();
  entries_.emplace(next_token_, entry{std::move(message), now, 0});
  return next_token_++;
}

void outbox::mark_published(std::uint64_t token, time_point now) {
  const auto at = entries_.find(token);
  if (at != entries_.end())
    at->second.due = now + wait_after(++at->second.attempts);
}

std::chrono::milliseconds outbox::wait_after(std::uint32_t attempts) const {
  auto wait = limits_.first_resend;
  for (std::uint32_t i = 1; i < attempts && wait < limits_.max_resend; ++i)
    wait *= 2;
  return std::min(wait, limits_.max_resend);
}

std::vector<std::uint64_t> outbox::take_due(time_point now) {
  std::vector<std::uint64_t> out;
  std::size_t burst = 0;
  for (auto& [token, waiting] : entries_) {
    if (waiting.due > now)
      continue;
    if (!out.empty() && burst + waiting.message.bytes() > limits_.burst_bytes)
      break;
    burst += waiting.message.bytes();
    if (waiting.attempts++ > 0)
      ++resent_;
    waiting.due = now + wait_after(waiting.attempts);
    out.push_back(token);
  }
  return out;
}

const outgoing* outbox::find(std::uint64_t token) const {
  const auto at = entries_.find(token);
  return at == entries_.end() ? nullptr : &at->second.message;
}

std::optional<outgoing> outbox::remove(std::uint64_t token) {
  const auto at = entries_.find(token);
  if (at == entries_.end())
    return std::nullopt;
  std::optional<outgoing> out(std::move(at->second.message));
  bytes_ -= out->bytes();
  entries_.erase(at);
  return out;
}

void outbox::make_all_due(time_point now) {
  for (auto& [token, waiting] : entries_)
    waiting.due = now;
}

} // namespace soc::transport
