// sources/nats/nats_driver.hpp - the nats source: messages of another system's JetStream stream, pulled and
// acknowledged once they are durable (at least once), or of a plain subject (best effort; drops are counted). The
// fetching thread owns a nats_fetcher.
#pragma once
#include "base/time.hpp"
#include "connectors/sources/common/batch_builder.hpp"
#include "connectors/sources/common/fetching_driver.hpp"
#include "connectors/sources/nats/nats_source_options.hpp"

#include <nats/nats.h>

#include <map>
#include <memory>
#include <mutex>

namespace soc::sources {

/// Messages handed on and not yet durable: the server is told that they are worked on. Shared with the actor's turns.
class unacknowledged {
public:
  explicit unacknowledged(std::shared_ptr<natsConnection> connection) : connection_(std::move(connection)) {}
  std::uint64_t add(std::vector<std::string> replies);
  /// Acknowledges them, as long as their connection is open.
  void done(std::uint64_t number);
  void still_working();

private:
  std::shared_ptr<natsConnection> connection_;
  std::mutex mutex_;
  std::map<std::uint64_t, std::vector<std::string>> open_;
  std::uint64_t next_ = 1;
};

class nats_fetcher {
public:
  nats_fetcher(nats_source_options options, std::shared_ptr<const model::connector_context> context,
               source_counts_ptr counts, std::shared_ptr<const clock_source> clock);
  ~nats_fetcher();

  outcome prepare();
  void run(fetch_session& session);

private:
  struct origin_batch {
    batch_builder builder;
    std::vector<std::string> replies;
  };
  bool connect(fetch_session& session);
  bool make_consumer();
  bool pull_round(fetch_session& session);
  void pull(fetch_session& session);
  void listen(fetch_session& session);
  bool subscribe();
  void take(natsMsg* message);
  bool hand_on(fetch_session& session, bool only_full);
  void note_drops();
  void complain(const std::string& what);

  nats_source_options options_;
  std::shared_ptr<const model::connector_context> context_;
  source_counts_ptr counts_;
  std::shared_ptr<const clock_source> clock_;
  std::unique_ptr<natsOptions, decltype(&natsOptions_Destroy)> settings_{nullptr, natsOptions_Destroy};
  std::shared_ptr<natsConnection> connection_; ///< batches in flight may have the one before
  std::unique_ptr<natsSubscription, decltype(&natsSubscription_Destroy)> subscription_{nullptr,
                                                                                       natsSubscription_Destroy};
  std::shared_ptr<unacknowledged> open_;
  std::string inbox_, complaint_;
  std::map<std::string, origin_batch> batches_; ///< by subject
  std::int64_t dropped_ = 0;
};

std::unique_ptr<source_driver> make_nats_driver(nats_source_options options,
                                                std::shared_ptr<const model::connector_context> context,
                                                source_counts_ptr counts, std::shared_ptr<const clock_source> clock);

} // namespace soc::sources
