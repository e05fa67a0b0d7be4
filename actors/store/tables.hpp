// store/tables.hpp - what each message of the store interface does within a transaction: snapshots, checkpoints and
// intents. Stateless: functions over a transaction.
#pragma once
#include "runtime/interfaces.hpp"
#include "store/database.hpp"

namespace soc::store {

outcome put_snapshot(writing& now, const snapshot_put& m);
outcome delete_snapshot(writing& now, const snapshot_delete& m);
result<snapshot> get_snapshot(const reading& now, const snapshot_get& m); ///< none: bytes are empty
result<snapshots> all_snapshots(const reading& now, const snapshot_all& m);

outcome put_checkpoint(writing& now, const checkpoint_put& m);
result<checkpoints> all_checkpoints(const reading& now, const checkpoint_all& m);

/// Writes it anew: a result of an earlier intent of that key is gone.
outcome put_intent(writing& now, const intent_put& m, unix_ns at);
/// `not_found` when there is no such intent.
outcome put_intent_result(writing& now, const intent_result& m, unix_ns at);
outcome delete_intents(writing& now, const intent_delete& m);
result<intent> get_intent(const reading& now, const intent_get& m);
result<intents> pending_intents(const reading& now, const intent_pending& m);

} // namespace soc::store
