#include "node/correlation_keeper.hpp"

#include "base/hash.hpp"

namespace soc::node {

namespace {

constexpr std::chrono::seconds keep_every{5};
constexpr const char* snapshot_kind = "correlation";
constexpr const char* snapshot_id = "windows";

/// The snapshot to store, empty when nothing has changed.
std::string changed_snapshot(correlation_keeper_self* self) {
  auto& state = self->state;
  auto bytes = state.windows->snapshot();
  const auto hash = hash64(bytes);
  if (bytes.empty() || hash == state.stored_hash)
    return {};
  state.stored_hash = hash;
  return bytes;
}

} // namespace

caf::behavior correlation_keeper(correlation_keeper_self* self, std::shared_ptr<detection::shared_correlator> windows,
                                 store_ref store) {
  auto& state = self->state;
  state.windows = std::move(windows);
  state.store = store;
  // Awaited: nothing else is handled before the windows are back.
  self->request(store.actor(), std::chrono::seconds(10), snapshot_get{snapshot_kind, snapshot_id})
      .await(
          [self](const snapshot& found) {
            self->state.number = found.sequence;
            if (!found.bytes.empty())
              self->state.windows->restore(found.bytes);
          },
          [self](caf::error& e) { self->quit(std::move(e)); });
  self->delayed_send(self, keep_every, keep_windows{});
  return {
      [self](keep_windows) {
        self->delayed_send(self, keep_every, keep_windows{});
        if (auto bytes = changed_snapshot(self); !bytes.empty())
          self->state.store.send(self,
                                 snapshot_put{snapshot_kind, snapshot_id, ++self->state.number, std::move(bytes)});
      },
      [](const stored&) {},
      [self](const drain&) -> caf::result<drained> {
        auto bytes = changed_snapshot(self);
        if (bytes.empty())
          return drained{};
        auto promise = self->make_response_promise<drained>();
        auto shared = std::make_shared<decltype(promise)>(promise);
        self->request(self->state.store.actor(), std::chrono::seconds(3),
                      snapshot_put{snapshot_kind, snapshot_id, ++self->state.number, std::move(bytes)})
            .then([shared](const stored&) { shared->deliver(drained{}); },
                  [shared](caf::error& e) { shared->deliver(std::move(e)); });
        return promise;
      },
  };
}

} // namespace soc::node
