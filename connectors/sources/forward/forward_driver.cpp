#include "connectors/sources/forward/forward_driver.hpp"

#include "connectors/sources/common/credentials.hpp"
#include "connectors/sources/common/sockets.hpp"
#include "connectors/sources/common/stream_listener.hpp"
#include "connectors/sources/forward/chunk_batches.hpp"
#include "connectors/sources/forward/msgpack.hpp"
#include "runtime/secrets.hpp"

#include <atomic>
#include <openssl/rand.h>
#include <thread>

namespace soc::sources {

namespace {

constexpr std::chrono::milliseconds forward_loop_wait{200};

struct forward_handshake {
  std::string shared_key, hostname;
};

/// One connection: the handshake if there is a key, then messages.
class forward_stream final : public stream_protocol {
public:
  forward_stream(std::string peer, std::uint64_t number, const forward_rules& rules, const forward_handshake& handshake,
                 chunk_batches& into, source_counts_ptr counts, std::function<void(std::uint64_t)> gone)
      : peer_(std::move(peer)), number_(number), rules_(rules), handshake_(handshake), into_(into),
        counts_(std::move(counts)), gone_(std::move(gone)) {
    if (handshake_.shared_key.empty()) {
      admitted_ = true;
      return;
    }
    nonce_.resize(16);
    if (RAND_bytes(reinterpret_cast<unsigned char*>(nonce_.data()), static_cast<int>(nonce_.size())) != 1)
      closing_ = true;
    replies_ = forward_helo(nonce_);
  }
  ~forward_stream() override { gone_(number_); }

  bool feed(std::string_view bytes, unix_ns now) override {
    if (closing_)
      return true;
    held_.append(bytes);
    std::size_t done = 0;
    bool good = true;
    while (good && done < held_.size() && !closing_) {
      const auto rest = std::string_view(held_).substr(done);
      const auto extent = scan_.look(rest);
      if (extent == msgpack_extent::cut)
        break;
      good = extent == msgpack_extent::whole && take(rest.substr(0, scan_.size()), now);
      done += scan_.size();
      scan_ = {};
    }
    held_.erase(0, done);
    if (held_.size() > rules_.max_message_bytes) {
      count(counts_->dropped_bytes, held_.size());
      good = false;
    }
    return good;
  }
  void finish(unix_ns) override {}
  std::string take_replies() override { return std::exchange(replies_, {}); }
  bool wants_close() const override { return closing_; }

  void acknowledge(std::string_view chunk) { replies_ += forward_ack(chunk); }

private:
  bool take(std::string_view message, unix_ns now) {
    if (!admitted_)
      return shake_hands(message);
    auto read = read_forward(message, rules_);
    if (!read)
      return false;
    into_.add(peer_, read->records, {number_, std::move(read->chunk)}, now);
    return true;
  }
  bool shake_hands(std::string_view ping) {
    const auto pong = answer_ping(ping, nonce_, handshake_.shared_key, handshake_.hostname);
    if (!pong)
      return false;
    replies_ += pong->text;
    admitted_ = pong->accepted;
    closing_ = !pong->accepted;
    if (closing_)
      count(counts_->refused);
    return true;
  }

  std::string peer_;
  std::uint64_t number_;
  const forward_rules& rules_;
  const forward_handshake& handshake_;
  chunk_batches& into_;
  source_counts_ptr counts_;
  std::function<void(std::uint64_t)> gone_;
  std::string nonce_, held_, replies_;
  msgpack_extent_scan scan_;
  bool admitted_ = false, closing_ = false;
};

} // namespace

class forward_driver::server {
public:
  server(const forward_options& options, std::shared_ptr<const model::connector_context> context,
         source_counts_ptr counts, std::shared_ptr<const clock_source> clock, std::function<void()> wake)
      : options_(options), counts_(std::move(counts)), clock_(std::move(clock)),
        queue_(options.queue_bytes, std::move(wake), [this] { loop_.wake(); }),
        batches_(std::move(context), queue_, [this] { loop_.wake(); }) {}
  ~server() { stop(); }

  outcome open() {
    handshake_.hostname = options_.hostname;
    if (!options_.shared_key.empty()) {
      auto key = read_secret(options_.shared_key);
      if (!key)
        return key.error();
      handshake_.shared_key = std::move(key).take();
    }
    tls_context tls;
    if (!options_.tls_certificate.empty()) {
      auto made = make_tls_context({options_.tls_certificate, options_.tls_key, options_.tls_client_ca});
      if (!made)
        return made.error();
      tls = std::move(made).take();
    }
    auto socket = listen_tcp(options_.host, options_.port);
    if (!socket)
      return socket.error();
    port_ = bound_port(*socket);
    listener_ = std::make_unique<stream_listener>(
        loop_, std::move(socket).take(), std::move(tls), stream_limits{options_.max_connections, options_.idle_timeout},
        [this](const std::string& peer, int fd) { return admit(peer, fd); }, counts_, *clock_);
    if (const auto opened = listener_->open(); !opened)
      return opened;
    thread_ = std::thread([this] { run(); });
    return done{};
  }

  void stop() {
    stopping_ = true;
    loop_.wake();
    if (thread_.joinable())
      thread_.join();
  }

  chunk_batches& batches() { return batches_; }
  std::uint16_t port() const { return port_; }

private:
  struct connected {
    int fd;
    forward_stream* stream;
  };

  std::unique_ptr<stream_protocol> admit(const std::string& peer, int fd) {
    const auto number = next_number_++;
    auto stream = std::make_unique<forward_stream>(peer, number, options_.rules, handshake_, batches_, counts_,
                                                   [this](std::uint64_t gone) { connections_.erase(gone); });
    connections_[number] = {fd, stream.get()};
    greeted_.push_back(number);
    return stream;
  }

  void send_acks() {
    for (const auto& due : batches_.take_due())
      if (const auto it = connections_.find(due.connection); it != connections_.end()) {
        it->second.stream->acknowledge(due.chunk);
        const auto fd = it->second.fd; // sending may end the connection
        listener_->flush_replies(fd);
      }
  }

  /// A handshake begins with our side; over TLS once that one is done.
  void greet() {
    for (const auto number : std::exchange(greeted_, {}))
      if (const auto it = connections_.find(number); it != connections_.end())
        listener_->flush_replies(it->second.fd);
  }

  void run() {
    unix_ns swept_at = 0;
    while (!stopping_) {
      loop_.run_once(forward_loop_wait);
      greet();
      send_acks();
      listener_->hold(!batches_.flush());
      const auto now = clock_->now();
      if (now - swept_at >= ns_per_s) {
        listener_->sweep();
        swept_at = now;
      }
    }
    listener_.reset();
  }

  const forward_options options_;
  source_counts_ptr counts_;
  std::shared_ptr<const clock_source> clock_;
  event_loop loop_;
  handoff_queue queue_;
  chunk_batches batches_;
  forward_handshake handshake_;
  std::map<std::uint64_t, connected> connections_;
  std::vector<std::uint64_t> greeted_;
  std::uint64_t next_number_ = 1;
  std::unique_ptr<stream_listener> listener_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

forward_driver::forward_driver(forward_options options, std::shared_ptr<const model::connector_context> context,
                               source_counts_ptr counts, std::shared_ptr<const clock_source> clock)
    : options_(std::move(options)), context_(std::move(context)), counts_(std::move(counts)), clock_(std::move(clock)) {
}

forward_driver::~forward_driver() = default;

outcome forward_driver::start(const checkpoint_map&, std::function<void()> wake) {
  server_ = std::make_unique<server>(options_, context_, counts_, clock_, std::move(wake));
  return server_->open();
}

model::raw_batch_ptr forward_driver::next(std::uint64_t ticket) {
  return server_ ? server_->batches().next(ticket) : nullptr;
}

checkpoint_map forward_driver::settled(std::uint64_t ticket) {
  if (server_)
    server_->batches().settled(ticket);
  return {};
}

checkpoint_map forward_driver::tick(unix_ns) {
  return {};
}

void forward_driver::stop() {
  if (server_)
    server_->stop();
}

std::uint16_t forward_driver::port() const {
  return server_ ? server_->port() : std::uint16_t{0};
}

} // namespace soc::sources
