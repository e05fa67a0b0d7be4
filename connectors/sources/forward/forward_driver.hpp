// sources/forward/forward_driver.hpp - the forward source: Fluentd and Fluent Bit send chunks over TCP or TLS; a chunk
// is acknowledged once its records are durable, so a sender that asks for acknowledgements loses nothing. One thread
// with an epoll loop, a bounded queue to the actor; senders are held when the pipeline is full.
#pragma once
#include "connectors/sources/common/source_driver.hpp"
#include "connectors/sources/forward/forward_options.hpp"

#include <memory>

namespace soc::sources {

class forward_driver final : public source_driver {
public:
  forward_driver(forward_options options, std::shared_ptr<const model::connector_context> context,
                 source_counts_ptr counts, std::shared_ptr<const clock_source> clock);
  ~forward_driver() override;

  outcome start(const checkpoint_map& stored, std::function<void()> wake) override;
  model::raw_batch_ptr next(std::uint64_t ticket) override;
  checkpoint_map settled(std::uint64_t ticket) override;
  checkpoint_map tick(unix_ns now) override;
  void stop() override;

  std::uint16_t port() const;

private:
  class server;
  forward_options options_;
  std::shared_ptr<const model::connector_context> context_;
  source_counts_ptr counts_;
  std::shared_ptr<const clock_source> clock_;
  std::unique_ptr<server> server_;
};

} // namespace soc::sources
