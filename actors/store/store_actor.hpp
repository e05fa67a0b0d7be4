// store/store_actor.hpp - STORE: answers the store interface over one database. What waits in its mailbox is committed
// together (one fsync a group) and answered only when it is on disk. Runs in a thread of its own: LMDB blocks. The node
// opens the database first, so that it can refuse to start; the actor may restart over it.
#pragma once
#include "runtime/supervisor.hpp"
#include "store/database.hpp"

#include <memory>

namespace soc {
class metrics_board;
}

namespace soc::store {

struct store_options {
  std::uint64_t dead_letter_bytes = 64ull << 20; ///< then the oldest go, counted
  std::uint64_t quarantine_bytes = 256ull << 20;
  std::uint64_t group_bytes =
      4ull << 20;                   ///< a group is committed when it holds so much: bounds what an intent waits for
  bool own_thread = true;           ///< false: on CAF's scheduler, for tests in virtual time
  metrics_board* metrics = nullptr; ///< may be null; outlives the actor
};

/// The child "store". Its stable handle is a store_ref.
child_spec store_child(std::shared_ptr<database> opened, store_options options = {});

} // namespace soc::store
