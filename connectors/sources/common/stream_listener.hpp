// sources/common/stream_listener.hpp - accepts TCP or TLS connections on an event loop and gives their bytes to a
// protocol, one a connection. Bounded: so many connections, each silent for so long; all of them can be held. Lives on
// the loop's thread.
#pragma once
#include "base/time.hpp"
#include "connectors/sources/common/event_loop.hpp"
#include "connectors/sources/common/source_counts.hpp"
#include "connectors/sources/common/tls_server.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace soc::sources {

/// What is spoken on one connection.
class stream_protocol {
public:
  virtual ~stream_protocol() = default;
  /// The next bytes. False: the peer breaks the protocol; it is disconnected.
  virtual bool feed(std::string_view bytes, unix_ns now) = 0;
  /// No more bytes will come.
  virtual void finish(unix_ns now) = 0;
  /// Bytes for the peer, moved out; asked after feed() and when the listener is told that replies are ready.
  virtual std::string take_replies() { return {}; }
  /// To be disconnected once the replies are sent.
  virtual bool wants_close() const { return false; }
  /// The peer takes too long over what it has begun.
  virtual bool overdue(unix_ns) const { return false; }
};

struct stream_limits {
  std::size_t max_connections = 1024;
  std::chrono::seconds idle_timeout{3600};
  std::chrono::seconds handshake_timeout{10}; ///< TLS
  std::size_t max_unsent_bytes = 1U << 20;    ///< a peer that does not read its replies is disconnected
};

class stream_listener {
public:
  /// `fd` names the connection for flush_replies().
  using protocol_factory = std::function<std::unique_ptr<stream_protocol>(const std::string& peer, int fd)>;

  stream_listener(event_loop& loop, descriptor socket, tls_context tls, stream_limits limits, protocol_factory make,
                  source_counts_ptr counts, const clock_source& clock);
  ~stream_listener();

  /// Registers with the loop.
  outcome open();
  /// While held nothing is read: the peers' windows fill and they wait.
  void hold(bool held);
  /// Closes what was silent too long; call about once a second.
  void sweep();
  /// Sends what the protocol of a connection has to say by now.
  void flush_replies(int fd);
  std::size_t connections() const { return connections_.size(); }

private:
  struct connection;
  void accept_ready();
  void admit(descriptor socket, const std::string& peer);
  bool make_room();
  void serve(int fd);
  bool handshake(connection& c);
  bool read_some(connection& c);
  bool send_replies(connection& c);
  void watch(connection& c);
  void close(int fd, bool finished);

  event_loop& loop_;
  descriptor socket_;
  tls_context tls_;
  stream_limits limits_;
  protocol_factory make_;
  source_counts_ptr counts_;
  const clock_source& clock_;
  std::map<int, std::unique_ptr<connection>> connections_;
  std::string buffer_;
  bool held_ = false;
  bool out_of_descriptors_ = false; ///< accepting rests until the next sweep
};

} // namespace soc::sources
