// node/wiring.hpp - what the parts of a node's boot hand to one another: the tree's reserved addresses as typed refs,
// the shared services, and one planning function a branch of the tree. Lives inside the node.
#pragma once
#include "control/control_actor.hpp"
#include "detection/correlator.hpp"
#include "detection/detector.hpp"
#include "ingest/normalizer_actor.hpp"
#include "lake/catalog.hpp"
#include "node/content.hpp"
#include "node/logging.hpp"
#include "node/tree.hpp"
#include "runtime/metrics.hpp"
#include "runtime/signing_key.hpp"
#include "store/store_actor.hpp"
#include "transport/membership.hpp"
#include "transport/nats_server_child.hpp"
#include "transport/node_bus.hpp"
#include "transport/stream_keeper.hpp"

#include <memory>
#include <mutex>

namespace soc::node {

/// Content as it is now; swapped by reload, read by whoever starts again.
class content_holder {
public:
  explicit content_holder(content_ptr first) : now_(std::move(first)) {}
  content_ptr get() const {
    std::lock_guard lock(mutex_);
    return now_;
  }
  void set(content_ptr next) {
    std::lock_guard lock(mutex_);
    now_ = std::move(next);
  }

private:
  mutable std::mutex mutex_;
  content_ptr now_;
};

/// The living nodes as last heard; written by the membership watcher, read by anyone.
class living_view {
public:
  explicit living_view(std::string self) : nodes_{std::move(self)} {}
  std::vector<std::string> get() const {
    std::lock_guard lock(mutex_);
    return nodes_;
  }
  void set(std::vector<std::string> nodes) {
    std::lock_guard lock(mutex_);
    nodes_ = std::move(nodes);
  }

private:
  mutable std::mutex mutex_;
  std::vector<std::string> nodes_;
};

struct wiring {
  config settings;
  std::shared_ptr<const signing_key> key; ///< the node's: audit heads, orders to agents
  std::shared_ptr<content_holder> content;
  std::shared_ptr<ingest::mappings_in_use> mappings;
  std::shared_ptr<detection::rules_in_use> rules;
  std::shared_ptr<detection::intelligence_in_use> intelligence;
  std::shared_ptr<detection::shared_correlator> correlations;
  std::shared_ptr<response::content_holder> response;
  logger_ptr log;
  std::shared_ptr<const clock_source> clock;
  std::shared_ptr<metrics_board> metrics;
  std::shared_ptr<living_view> living;
  std::shared_ptr<store::database> database;
  std::shared_ptr<lake::catalog> events;                    ///< null when the event store is off
  std::shared_ptr<transport::nats_server_site> server_site; ///< null with nats.urls
  transport::nats_link_ptr link;
  tree* actors = nullptr;

  store_ref store() const { return store_ref(actors->reserve("store")); }
  journal_ref journal() const { return journal_ref(actors->reserve("transport/journal")); }
  detector_ref detector(std::uint32_t lane) const {
    return detector_ref(actors->reserve("pipeline/detector-" + std::to_string(lane)));
  }
  normalizer_ref normalizer(std::uint32_t lane) const {
    return normalizer_ref(actors->reserve("pipeline/normalizer-" + std::to_string(lane)));
  }
  /// Where a lane's normalizer sends its batches: before the detector stands the event store's gate.
  detector_ref first_detector(std::uint32_t lane) const {
    return events ? detector_ref(actors->reserve("events/gate-" + std::to_string(lane))) : detector(lane);
  }
  lake::search_ref event_search() const {
    return events ? lake::search_ref(actors->reserve("events/search")) : lake::search_ref();
  }
  bus_ref bus() const { return bus_ref(actors->reserve("transport/bus")); }
  alert_publisher_ref publisher() const { return alert_publisher_ref(actors->reserve("transport/alert-publisher")); }
  transport::membership_ref membership() const {
    return transport::membership_ref(actors->reserve("transport/membership"));
  }
  ref<transport::stream_keeper_interface> streams() const {
    return ref<transport::stream_keeper_interface>(actors->reserve("transport/stream-keeper"));
  }
  transport::node_bus_ref node_bus() const { return transport::node_bus_ref(actors->reserve("transport/node-bus")); }
};

class recent_alerts;

child_spec plan_nats_server(const wiring& w);
child_spec plan_transport(const wiring& w);
child_spec plan_incidents(const wiring& w, std::shared_ptr<recent_alerts> recent);
child_spec plan_graph(const wiring& w);
child_spec plan_response_side(const wiring& w);
child_spec plan_pipeline(const wiring& w);
child_spec plan_raw(const wiring& w);
child_spec plan_events(const wiring& w);
child_spec plan_connectors(const wiring& w);
/// What a source of this node gets; its context is still to be set.
sources::source_environment source_environment_of(const wiring& w);
child_spec plan_control(const wiring& w, control::node_services services);

/// The key an incident is owned by; what belongs to it (runs, tasks) goes with it.
std::string incident_key(const std::string& tenant, const std::string& id);

} // namespace soc::node
