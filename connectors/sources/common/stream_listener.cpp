#include "connectors/sources/common/stream_listener.hpp"

#include "connectors/sources/common/sockets.hpp"

#include <cerrno>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <vector>

namespace soc::sources {

namespace {

constexpr std::size_t read_bytes = 256 * 1024;
/// One busy peer leaves its turn to the others after so many reads.
constexpr int reads_a_turn = 8;
constexpr unix_ns linger_ns = 2 * ns_per_s;

enum class transfer { done, again, ended, failed };

} // namespace

struct stream_listener::connection {
  descriptor socket;
  tls_session tls{nullptr, SSL_free};
  std::unique_ptr<stream_protocol> protocol;
  std::string unsent;
  unix_ns accepted_at = 0, heard_at = 0; ///< heard_at 0 = nothing yet
  unix_ns lingers_since = 0;             ///< we have said all; what the peer still sends is passed over
  bool ready = true;                     ///< TLS handshake done
  bool wants_write = false;

  transfer read(std::string& into, std::size_t& got) {
    if (tls) {
      ERR_clear_error();
      const int n = SSL_read(tls.get(), into.data(), static_cast<int>(into.size()));
      got = n > 0 ? static_cast<std::size_t>(n) : 0;
      return n > 0 ? transfer::done : tls_result(n);
    }
    const auto n = ::recv(socket.get(), into.data(), into.size(), 0);
    got = n > 0 ? static_cast<std::size_t>(n) : 0;
    if (n > 0)
      return transfer::done;
    if (n == 0)
      return transfer::ended;
    return errno == EAGAIN || errno == EINTR ? transfer::again : transfer::failed;
  }

  transfer write() {
    std::size_t sent = 0;
    if (tls) {
      ERR_clear_error();
      if (SSL_write_ex(tls.get(), unsent.data(), unsent.size(), &sent) != 1)
        return tls_result(0);
    } else {
      const auto n = ::send(socket.get(), unsent.data(), unsent.size(), MSG_NOSIGNAL);
      if (n < 0)
        return errno == EAGAIN || errno == EINTR ? transfer::again : transfer::failed;
      sent = static_cast<std::size_t>(n);
    }
    unsent.erase(0, sent);
    return transfer::done;
  }

  transfer tls_result(int returned) {
    switch (SSL_get_error(tls.get(), returned)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return transfer::again;
    case SSL_ERROR_ZERO_RETURN:
      return transfer::ended;
    default:
      return transfer::failed;
    }
  }
};

stream_listener::stream_listener(event_loop& loop, descriptor socket, tls_context tls, stream_limits limits,
                                 protocol_factory make, source_counts_ptr counts, const clock_source& clock)
    : loop_(loop), socket_(std::move(socket)), tls_(std::move(tls)), limits_(limits), make_(std::move(make)),
      counts_(std::move(counts)), clock_(clock), buffer_(read_bytes, '\0') {}

stream_listener::~stream_listener() {
  while (!connections_.empty())
    close(connections_.begin()->first, true);
  loop_.remove(socket_.get());
}

outcome stream_listener::open() {
  return loop_.add(socket_.get(), EPOLLIN, [this](std::uint32_t) { accept_ready(); });
}

void stream_listener::accept_ready() {
  for (int i = 0; i < 64; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    descriptor peer(
        ::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!peer) {
      // The listening socket stays readable: without a rest this would spin.
      if (errno == EMFILE || errno == ENFILE) {
        count(counts_->errors);
        out_of_descriptors_ = true;
        loop_.change(socket_.get(), 0);
      }
      return;
    }
    admit(std::move(peer), peer_name(address));
  }
}

void stream_listener::admit(descriptor socket, const std::string& peer) {
  if (connections_.size() >= limits_.max_connections && !make_room()) {
    count(counts_->refused);
    return;
  }
  const int fd = socket.get();
  auto c = std::make_unique<connection>();
  if (tls_) {
    c->tls = make_tls_session(tls_.get(), fd);
    c->ready = false;
    if (!c->tls)
      return;
  }
  c->socket = std::move(socket);
  c->protocol = make_(peer, fd);
  c->accepted_at = clock_.now();
  if (!loop_.add(fd, held_ ? 0U : static_cast<std::uint32_t>(EPOLLIN), [this, fd](std::uint32_t) { serve(fd); }))
    return;
  connections_.emplace(fd, std::move(c));
  count(counts_->open);
}

// Full: a connection that never said anything makes room (they cost an attacker nothing); one that did is kept.
bool stream_listener::make_room() {
  const connection* oldest = nullptr;
  for (const auto& [fd, c] : connections_)
    if (c->heard_at == 0 && (!oldest || c->accepted_at < oldest->accepted_at))
      oldest = c.get();
  if (!oldest)
    return false;
  count(counts_->refused);
  close(oldest->socket.get(), false);
  return true;
}

void stream_listener::serve(int fd) {
  const auto found = connections_.find(fd);
  if (found == connections_.end())
    return;
  auto& c = *found->second;
  if (!c.ready && !handshake(c))
    return;
  if (c.ready && (held_ || read_some(c)) && send_replies(c))
    watch(c);
}

/// False: the connection is gone or not ready yet.
bool stream_listener::handshake(connection& c) {
  ERR_clear_error();
  const int n = SSL_do_handshake(c.tls.get());
  if (n == 1)
    return c.ready = true;
  if (c.tls_result(n) == transfer::again) {
    c.wants_write = SSL_want_write(c.tls.get());
    watch(c);
    return false;
  }
  count(counts_->refused);
  close(c.socket.get(), false);
  return false;
}

bool stream_listener::read_some(connection& c) {
  for (int i = 0; i < reads_a_turn && !held_; ++i) {
    std::size_t got = 0;
    const auto how = c.read(buffer_, got);
    if (how == transfer::again)
      return true;
    if (how != transfer::done) {
      if (how == transfer::failed)
        count(counts_->errors);
      close(c.socket.get(), true);
      return false;
    }
    c.heard_at = clock_.now();
    if (!c.protocol->feed(std::string_view(buffer_).substr(0, got), c.heard_at)) {
      count(counts_->errors);
      close(c.socket.get(), true);
      return false;
    }
  }
  return true;
}

bool stream_listener::send_replies(connection& c) {
  c.unsent += c.protocol->take_replies();
  while (!c.unsent.empty()) {
    const auto how = c.write();
    if (how == transfer::again && c.unsent.size() <= limits_.max_unsent_bytes)
      break;
    if (how != transfer::done) {
      close(c.socket.get(), true);
      return false;
    }
  }
  c.wants_write = !c.unsent.empty();
  // Closing with bytes unread would reset the connection, and the peer might lose the answer.
  if (!c.wants_write && c.protocol->wants_close() && c.lingers_since == 0) {
    c.lingers_since = clock_.now();
    if (c.tls)
      SSL_shutdown(c.tls.get());
    ::shutdown(c.socket.get(), SHUT_WR);
  }
  return true;
}

void stream_listener::watch(connection& c) {
  const bool reads = !held_ || !c.ready;
  loop_.change(c.socket.get(), (reads ? EPOLLIN : 0U) | (c.wants_write ? EPOLLOUT : 0U));
}

void stream_listener::hold(bool held) {
  if (std::exchange(held_, held) == held)
    return;
  std::vector<int> open;
  for (const auto& [fd, c] : connections_)
    open.push_back(fd);
  for (const int fd : open) {
    const auto found = connections_.find(fd);
    if (found == connections_.end())
      continue;
    watch(*found->second);
    // What OpenSSL has decrypted already does not make the socket readable again.
    if (!held && found->second->tls && SSL_pending(found->second->tls.get()) > 0)
      serve(fd);
  }
}

void stream_listener::sweep() {
  const auto now = clock_.now();
  if (std::exchange(out_of_descriptors_, false))
    loop_.change(socket_.get(), EPOLLIN);
  std::vector<int> silent;
  for (const auto& [fd, c] : connections_) {
    const auto since = c->heard_at ? c->heard_at : c->accepted_at;
    const auto limit = c->ready ? limits_.idle_timeout : limits_.handshake_timeout;
    const bool lingered = c->lingers_since > 0 && now - c->lingers_since > linger_ns;
    if (lingered || (!held_ && (now - since > std::chrono::nanoseconds(limit).count() || c->protocol->overdue(now))))
      silent.push_back(fd);
  }
  for (const int fd : silent) {
    if (connections_[fd]->lingers_since == 0)
      count(counts_->refused);
    close(fd, true);
  }
}

void stream_listener::flush_replies(int fd) {
  const auto found = connections_.find(fd);
  if (found != connections_.end() && found->second->ready && send_replies(*found->second))
    watch(*found->second);
}

void stream_listener::close(int fd, bool finished) {
  const auto found = connections_.find(fd);
  if (found == connections_.end())
    return;
  const auto gone = std::move(found->second);
  connections_.erase(found);
  loop_.remove(fd);
  if (finished)
    gone->protocol->finish(clock_.now());
  if (gone->tls && gone->ready && gone->lingers_since == 0)
    SSL_shutdown(gone->tls.get());
  counts_->open.fetch_sub(1, std::memory_order_relaxed);
}

} // namespace soc::sources
