#include "connectors/sources/syslog/syslog_driver.hpp"

#include "connectors/sources/common/sockets.hpp"
#include "connectors/sources/common/stream_listener.hpp"
#include "connectors/sources/syslog/syslog_framing.hpp"
#include "connectors/sources/syslog/udp_receiver.hpp"

#include <atomic>
#include <sys/epoll.h>
#include <thread>

namespace soc::sources {

namespace {

constexpr int udp_kernel_buffer_bytes = 32 << 20;

/// One TCP or TLS connection: framing, then into the batch of its peer.
class syslog_stream final : public stream_protocol {
public:
  syslog_stream(std::string peer, std::size_t max_message_bytes, origin_batches& into, source_counts_ptr counts,
                std::function<void()> hold)
      : peer_(std::move(peer)), framer_(max_message_bytes), into_(into), counts_(std::move(counts)),
        hold_(std::move(hold)) {}

  bool feed(std::string_view bytes, unix_ns now) override {
    const auto status = framer_.feed(bytes, [&](std::string_view m, bool truncated) { take(m, truncated, now); });
    return status == syslog_framer::status::good;
  }
  void finish(unix_ns now) override {
    framer_.finish([&](std::string_view m, bool truncated) { take(m, truncated, now); });
  }

private:
  void take(std::string_view message, bool truncated, unix_ns now) {
    if (truncated)
      count(counts_->truncated_records);
    if (!into_.add(peer_, message, now))
      hold_();
  }

  std::string peer_;
  syslog_framer framer_;
  origin_batches& into_;
  source_counts_ptr counts_;
  std::function<void()> hold_;
};

} // namespace

class syslog_driver::server {
public:
  server(const syslog_options& options, std::shared_ptr<const model::connector_context> context,
         source_counts_ptr counts, std::shared_ptr<const clock_source> clock, std::function<void()> wake)
      : options_(options), counts_(std::move(counts)), clock_(std::move(clock)),
        queue_(options.queue_bytes, std::move(wake), [this] { loop_.wake(); }),
        batches_(std::move(context), queue_, counts_) {}
  ~server() { stop(); }

  outcome open() {
    if (const auto opened = open_udp(); !opened)
      return opened;
    if (const auto opened = open_stream(options_.tcp_port, nullptr, ports_.tcp); !opened)
      return opened;
    if (options_.tls_port) {
      auto tls = make_tls_context({options_.tls_certificate, options_.tls_key, options_.tls_client_ca});
      if (!tls)
        return tls.error();
      if (const auto opened = open_stream(options_.tls_port, std::move(tls).take(), ports_.tls); !opened)
        return opened;
    }
    thread_ = std::thread([this] { run(); });
    return done{};
  }

  void stop() {
    stopping_ = true;
    loop_.wake();
    if (thread_.joinable())
      thread_.join();
  }

  handoff_queue& queue() { return queue_; }
  syslog_ports ports() const { return ports_; }

private:
  outcome open_udp() {
    if (!options_.udp_port)
      return done{};
    auto socket = bind_udp(options_.host, *options_.udp_port, udp_kernel_buffer_bytes);
    if (!socket)
      return socket.error();
    ports_.udp = bound_port(*socket);
    udp_ = std::make_unique<udp_receiver>(std::move(socket).take(), options_.max_message_bytes, counts_);
    return loop_.add(udp_->socket().get(), EPOLLIN, [this](std::uint32_t) { udp_->receive(batches_, clock_->now()); });
  }

  outcome open_stream(std::optional<std::uint16_t> port, tls_context tls, std::uint16_t& bound) {
    if (!port)
      return done{};
    auto socket = listen_tcp(options_.host, *port);
    if (!socket)
      return socket.error();
    bound = bound_port(*socket);
    const auto make = [this](const std::string& peer, int) {
      return std::make_unique<syslog_stream>(peer, options_.max_message_bytes, batches_, counts_,
                                             [this] { hold(true); });
    };
    const stream_limits limits{options_.max_connections, options_.idle_timeout, options_.handshake_timeout};
    listeners_.push_back(std::make_unique<stream_listener>(loop_, std::move(socket).take(), std::move(tls), limits,
                                                           make, counts_, *clock_));
    return listeners_.back()->open();
  }

  void run() {
    auto swept_at = clock_->now();
    while (!stopping_) {
      loop_.run_once(batches_.empty() ? std::chrono::milliseconds{1000} : std::chrono::milliseconds{5});
      const auto now = clock_->now();
      hold(!batches_.flush(now));
      if (now - swept_at >= ns_per_s) {
        for (const auto& listener : listeners_)
          listener->sweep();
        swept_at = now;
      }
    }
    listeners_.clear(); // gives the unfinished last lines
    batches_.flush(clock_->now());
  }

  void hold(bool held) {
    for (const auto& listener : listeners_)
      listener->hold(held);
  }

  const syslog_options options_;
  source_counts_ptr counts_;
  std::shared_ptr<const clock_source> clock_;
  event_loop loop_;
  handoff_queue queue_;
  origin_batches batches_;
  std::unique_ptr<udp_receiver> udp_;
  std::vector<std::unique_ptr<stream_listener>> listeners_;
  syslog_ports ports_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

syslog_driver::syslog_driver(syslog_options options, std::shared_ptr<const model::connector_context> context,
                             source_counts_ptr counts, std::shared_ptr<const clock_source> clock)
    : options_(std::move(options)), context_(std::move(context)), counts_(std::move(counts)), clock_(std::move(clock)) {
}

syslog_driver::~syslog_driver() = default;

outcome syslog_driver::start(const checkpoint_map&, std::function<void()> wake) {
  server_ = std::make_unique<server>(options_, context_, counts_, clock_, std::move(wake));
  return server_->open();
}

model::raw_batch_ptr syslog_driver::next(std::uint64_t) {
  return server_ ? server_->queue().pop() : nullptr;
}

checkpoint_map syslog_driver::settled(std::uint64_t) {
  return {};
}

checkpoint_map syslog_driver::tick(unix_ns) {
  return {};
}

void syslog_driver::stop() {
  if (server_)
    server_->stop();
}

syslog_ports syslog_driver::ports() const {
  return server_ ? server_->ports() : syslog_ports{};
}

} // namespace soc::sources
