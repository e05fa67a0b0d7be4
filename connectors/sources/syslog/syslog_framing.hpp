// sources/syslog/syslog_framing.hpp - RFC 6587: where one syslog message ends in a TCP stream, by octet counting or by
// line ends, told apart at the first byte of each connection. What the messages say (RFC 3164, 5424) is the
// normalizer's. One a connection; pure.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace soc::sources {

class syslog_framer {
public:
  enum class method { undecided, octet_counting, line_ends };
  enum class status {
    good,
    broken ///< the counts do not add up: nothing after this can be trusted; close the connection
  };
  /// `truncated`: the message is only the first max_message_bytes of what was sent.
  using sink = std::function<void(std::string_view message, bool truncated)>;

  explicit syslog_framer(std::size_t max_message_bytes) : max_message_bytes_(max_message_bytes) {}

  /// Takes the next bytes of the stream; gives every message that is complete. Holds at most max_message_bytes + 16
  /// bytes.
  status feed(std::string_view bytes, const sink& give);

  /// The peer closed: an unfinished last line is a message; a counted frame that is cut is one too, truncated.
  void finish(const sink& give);

  method framing() const { return method_; }
  std::size_t held_bytes() const { return held_.size(); }

private:
  void decide(std::string_view bytes);
  status feed_counted(std::string_view bytes, const sink& give);
  void feed_lines(std::string_view bytes, const sink& give);
  status read_count(std::string_view& bytes);
  void keep(std::string_view bytes);
  void give_held(const sink& give);

  std::size_t max_message_bytes_;
  method method_ = method::undecided;
  std::string held_;           ///< the head of the unfinished message (or of its count)
  std::uint64_t expected_ = 0; ///< octets of the present counted frame still to come
  bool in_frame_ = false;      ///< a count has been read
  bool truncated_ = false;     ///< bytes of the present message were left out
};

/// A message without what only ended it: trailing line ends, NULs.
std::string_view trim_message(std::string_view message);

} // namespace soc::sources
