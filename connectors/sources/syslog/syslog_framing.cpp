#include "connectors/sources/syslog/syslog_framing.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace soc::sources {

namespace {

// RFC 6587 sets no limit; ten digits are 10 GB, far over what any sender means.
constexpr std::size_t max_count_digits = 10;

bool is_count_digit(char c) {
  return c >= '0' && c <= '9';
}

} // namespace

std::string_view trim_message(std::string_view message) {
  while (!message.empty() && (message.back() == '\n' || message.back() == '\r' || message.back() == '\0'))
    message.remove_suffix(1);
  return message;
}

syslog_framer::status syslog_framer::feed(std::string_view bytes, const sink& give) {
  if (method_ == method::undecided) {
    held_.append(bytes);
    decide(held_);
    if (method_ == method::undecided)
      return status::good;
    const std::string all = std::exchange(held_, {});
    return feed(all, give);
  }
  if (method_ == method::octet_counting)
    return feed_counted(bytes, give);
  feed_lines(bytes, give);
  return status::good;
}

// "NNN <" is a count; a line that merely begins with digits ("2026-11-24 …") is not.
void syslog_framer::decide(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size() && is_count_digit(bytes[at]))
    ++at;
  if (at == bytes.size() && at <= max_count_digits)
    return;
  const bool counted = at > 0 && at <= max_count_digits && bytes[0] != '0' && bytes[at] == ' ';
  if (counted && at + 1 == bytes.size())
    return;
  method_ = counted && bytes[at + 1] == '<' ? method::octet_counting : method::line_ends;
}

syslog_framer::status syslog_framer::feed_counted(std::string_view bytes, const sink& give) {
  while (!bytes.empty()) {
    if (!in_frame_) {
      if (read_count(bytes) == status::broken)
        return status::broken;
      continue;
    }
    const auto part = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(expected_, bytes.size())));
    bytes.remove_prefix(part.size());
    expected_ -= part.size();
    if (expected_ == 0 && held_.empty() && !truncated_ && part.size() <= max_message_bytes_) {
      give(trim_message(part), false); // the whole frame is in this read: no copy
    } else {
      keep(part);
      if (expected_ == 0)
        give_held(give);
    }
    in_frame_ = expected_ > 0;
  }
  return status::good;
}

syslog_framer::status syslog_framer::read_count(std::string_view& bytes) {
  while (!bytes.empty()) {
    const char c = bytes.front();
    bytes.remove_prefix(1);
    if (is_count_digit(c) && held_.size() < max_count_digits && !(held_.empty() && c == '0')) {
      held_.push_back(c);
    } else if (c == ' ' && !held_.empty()) {
      expected_ = std::stoull(held_);
      held_.clear();
      in_frame_ = true;
      return status::good;
    } else if (!held_.empty() || (c != '\n' && c != '\r')) { // some senders end counted frames with a line end as well
      return status::broken;
    }
  }
  return status::good;
}

void syslog_framer::feed_lines(std::string_view bytes, const sink& give) {
  while (!bytes.empty()) {
    const auto* newline = static_cast<const char*>(std::memchr(bytes.data(), '\n', bytes.size()));
    if (!newline) {
      keep(bytes);
      return;
    }
    const auto line = bytes.substr(0, static_cast<std::size_t>(newline - bytes.data()));
    bytes.remove_prefix(line.size() + 1);
    const auto message = trim_message(line);
    if (held_.empty() && !truncated_ && line.size() <= max_message_bytes_) {
      if (!message.empty())
        give(message, false);
    } else {
      keep(line);
      give_held(give);
    }
  }
}

void syslog_framer::keep(std::string_view bytes) {
  // Two bytes of room, so that a line end of a message just within the limit is not taken for an overflow.
  const auto room = max_message_bytes_ + 2 - std::min(held_.size(), max_message_bytes_ + 2);
  truncated_ = truncated_ || bytes.size() > room;
  held_.append(bytes.substr(0, room));
}

void syslog_framer::give_held(const sink& give) {
  auto message = truncated_ ? std::string_view(held_) : trim_message(held_);
  const bool truncated = truncated_ || message.size() > max_message_bytes_;
  message = trim_message(message.substr(0, max_message_bytes_));
  if (!message.empty())
    give(message, truncated);
  held_.clear();
  truncated_ = false;
}

void syslog_framer::finish(const sink& give) {
  const bool count_only = method_ == method::octet_counting && !in_frame_;
  truncated_ = truncated_ || in_frame_;
  if (!held_.empty() && !count_only)
    give_held(give);
  held_.clear();
  in_frame_ = truncated_ = false;
}

} // namespace soc::sources
