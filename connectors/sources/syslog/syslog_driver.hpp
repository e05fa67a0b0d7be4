// sources/syslog/syslog_driver.hpp - the syslog source: one thread with an epoll loop over UDP, TCP and TLS, a bounded
// queue to the actor. Best effort as the protocol is: TCP senders are held when the pipeline is full, UDP is dropped;
// all drops are counted.
#pragma once
#include "connectors/sources/common/source_driver.hpp"
#include "connectors/sources/syslog/syslog_options.hpp"

#include <memory>

namespace soc::sources {

/// The ports that were bound, 0 = not served.
struct syslog_ports {
  std::uint16_t udp = 0, tcp = 0, tls = 0;
};

class syslog_driver final : public source_driver {
public:
  syslog_driver(syslog_options options, std::shared_ptr<const model::connector_context> context,
                source_counts_ptr counts, std::shared_ptr<const clock_source> clock);
  ~syslog_driver() override;

  outcome start(const checkpoint_map& stored, std::function<void()> wake) override;
  model::raw_batch_ptr next(std::uint64_t ticket) override;
  checkpoint_map settled(std::uint64_t ticket) override;
  checkpoint_map tick(unix_ns now) override;
  void stop() override;

  syslog_ports ports() const;

private:
  class server;
  syslog_options options_;
  std::shared_ptr<const model::connector_context> context_;
  source_counts_ptr counts_;
  std::shared_ptr<const clock_source> clock_;
  std::unique_ptr<server> server_;
};

} // namespace soc::sources
