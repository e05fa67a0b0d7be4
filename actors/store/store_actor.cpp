#include "store/store_actor.hpp"

#include "runtime/error.hpp"
#include "runtime/metrics.hpp"
#include "store/letter_box.hpp"
#include "store/tables.hpp"

#include <chrono>
#include <functional>
#include <vector>

namespace soc::store {

/// To itself: commit what came before this.
struct commit_group {};

} // namespace soc::store

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::store::commit_group)

namespace soc::store {

namespace {

using change = std::function<outcome(writing&)>;

/// A change that is asked for and not yet on disk.
struct pending_change {
  change apply;
  caf::typed_response_promise<stored> answer;
  std::shared_ptr<const stored> said; ///< what `apply` has to say; null: nothing
};

struct store_metrics {
  metric_counter* changes = nullptr;
  metric_counter* refused = nullptr;
  metric_histogram* commit_seconds = nullptr;
  metric_gauge* used_bytes = nullptr;

  explicit store_metrics(metrics_board* board) {
    if (!board)
      return;
    changes = &board->counter("soc_store_changes_total", {}, "Changes committed");
    refused = &board->counter("soc_store_refused_total", {}, "Changes that could not be stored");
    commit_seconds = &board->histogram("soc_store_commit_seconds", latency_buckets(), {}, "One group, fsync included");
    used_bytes = &board->gauge("soc_store_used_bytes", {}, "Pages of the database in use");
  }
};

struct store_state {
  static inline const char* name = "store";
  std::shared_ptr<database> db;
  std::vector<pending_change> group;
  std::uint64_t group_bytes = 0;
  bool commit_is_due = false; ///< a commit_group is in the mailbox
};
using store_self = caf::stateful_actor<store_state, observed_actor>;

class store_behavior {
public:
  store_behavior(store_self* self, std::shared_ptr<database> db, store_options options)
      : self_(self), options_(options), metrics_(options.metrics) {
    self->state.db = std::move(db);
  }

  /// Puts a change into the group; it is answered when the group is on disk.
  caf::result<stored> enter(std::uint64_t bytes, change apply, std::shared_ptr<const stored> said = nullptr) {
    auto& state = self_->state;
    auto answer = self_->make_response_promise<stored>();
    state.group.push_back({std::move(apply), answer, std::move(said)});
    state.group_bytes += bytes;
    if (state.group_bytes >= options_.group_bytes) {
      commit();
    } else if (!state.commit_is_due) {
      // Behind everything that waits already: that all goes into this group.
      state.commit_is_due = true;
      self_->send(self_, commit_group{});
    }
    return answer;
  }

  void commit() {
    auto& state = self_->state;
    auto group = std::exchange(state.group, {});
    state.group_bytes = 0;
    if (group.empty())
      return;
    if (commit_together(group))
      for (auto& one : group)
        one.answer.deliver(one.said ? *one.said : stored{});
    else
      commit_one_by_one(group);
    if (metrics_.used_bytes)
      metrics_.used_bytes->set(static_cast<double>(state.db->used_bytes()));
  }

  /// Reads after everything that was asked before is on disk.
  template <class Answer>
  caf::result<Answer> look(const std::function<result<Answer>(const reading&)>& find) {
    commit();
    result<Answer> answer = failure{ec::internal, "nothing was read"};
    const auto read = self_->state.db->read([&](const reading& now) -> outcome {
      answer = find(now);
      return done{};
    });
    if (!read)
      return to_error(read.error());
    if (!answer)
      return to_error(answer.error());
    return std::move(answer).take();
  }

  unix_ns now() const { return self_->now(); }
  letter_box dead_letter_box() const { return {table::dead_letters, options_.dead_letter_bytes}; }
  letter_box quarantine_box() const { return {table::quarantine, options_.quarantine_bytes}; }
  void commit_due() {
    self_->state.commit_is_due = false;
    commit();
  }

private:
  bool commit_together(const std::vector<pending_change>& group) {
    const auto began = std::chrono::steady_clock::now();
    const auto done_all = self_->state.db->write([&](writing& now) -> outcome {
      for (const auto& one : group)
        if (auto did = one.apply(now); !did)
          return did;
      return done{};
    });
    if (!done_all)
      return false;
    if (metrics_.changes) {
      metrics_.changes->add(group.size());
      metrics_.commit_seconds->observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    }
    return true;
  }

  /// One of them is refused: the others must not suffer.
  void commit_one_by_one(std::vector<pending_change>& group) {
    for (auto& one : group) {
      const auto did = self_->state.db->write(one.apply);
      if (did)
        one.answer.deliver(one.said ? *one.said : stored{});
      else
        one.answer.deliver(to_error(did.error()));
      if (auto* count = did ? metrics_.changes : metrics_.refused)
        count->add();
    }
  }

  store_self* self_;
  store_options options_;
  store_metrics metrics_;
};

using shared_behavior = std::shared_ptr<store_behavior>;

caf::message_handler snapshot_handlers(const shared_behavior& store) {
  return {
      [store](const snapshot_put& m) {
        return store->enter(m.bytes.size(), [m](writing& now) { return put_snapshot(now, m); });
      },
      [store](const snapshot_delete& m) {
        return store->enter(0, [m](writing& now) { return delete_snapshot(now, m); });
      },
      [store](const snapshot_get& m) {
        return store->look<snapshot>([&](const reading& now) { return get_snapshot(now, m); });
      },
      [store](const snapshot_all& m) {
        return store->look<snapshots>([&](const reading& now) { return all_snapshots(now, m); });
      },
      [store](const checkpoint_put& m) {
        return store->enter(m.bytes.size(), [m](writing& now) { return put_checkpoint(now, m); });
      },
      [store](const checkpoint_all& m) {
        return store->look<checkpoints>([&](const reading& now) { return all_checkpoints(now, m); });
      },
  };
}

caf::message_handler intent_handlers(const shared_behavior& store) {
  return {
      [store](const intent_put& m) {
        return store->enter(m.bytes.size(), [m, at = store->now()](writing& now) { return put_intent(now, m, at); });
      },
      [store](const intent_result& m) {
        return store->enter(m.bytes.size(),
                            [m, at = store->now()](writing& now) { return put_intent_result(now, m, at); });
      },
      [store](const intent_delete& m) { return store->enter(0, [m](writing& now) { return delete_intents(now, m); }); },
      [store](const intent_get& m) {
        return store->look<intent>([&](const reading& now) { return get_intent(now, m); });
      },
      [store](const intent_pending& m) {
        return store->look<intents>([&](const reading& now) { return pending_intents(now, m); });
      },
  };
}

caf::result<stored> forget_letters(const shared_behavior& store, letter_box box, std::vector<std::uint64_t> numbers) {
  const auto said = std::make_shared<stored>();
  return store->enter(
      0, [=](writing& now) { return remove_letters(now, box, numbers, said->removed); }, said);
}

caf::message_handler letter_handlers(const shared_behavior& store) {
  return {
      [store](const dead_letter& m) {
        return store->enter(m.bytes.size(),
                            [m, box = store->dead_letter_box()](writing& now) { return put_letter(now, box, m); });
      },
      [store](const dead_letter_remove& m) { return forget_letters(store, store->dead_letter_box(), m.numbers); },
      [store](const dead_letter_list& m) {
        return store->look<dead_letters>(
            [&](const reading& now) { return newest_letters(now, store->dead_letter_box(), m.limit); });
      },
      [store](const quarantine_put& m) {
        std::uint64_t bytes = 0;
        for (const auto& record : m.records)
          bytes += record.bytes.size();
        return store->enter(bytes, [m, box = store->quarantine_box()](writing& now) -> outcome {
          for (const auto& record : m.records)
            if (auto did = put_letter(now, box, record); !did)
              return did;
          return done{};
        });
      },
      [store](const quarantine_remove& m) { return forget_letters(store, store->quarantine_box(), m.numbers); },
      [store](const quarantine_list& m) {
        return store->look<dead_letters>(
            [&](const reading& now) { return newest_letters(now, store->quarantine_box(), m.limit); });
      },
      [store](const quarantine_read& m) {
        return store->look<dead_letters>(
            [&](const reading& now) { return letters_after(now, store->quarantine_box(), m.after_number, m.limit); });
      },
  };
}

caf::behavior keep_state(store_self* self, const std::shared_ptr<database>& db, const store_options& options) {
  const auto store = std::make_shared<store_behavior>(self, db, options);
  const caf::message_handler own{
      [store](const commit_group&) { store->commit_due(); },
      [store](const drain&) {
        store->commit();
        return drained{};
      },
  };
  return snapshot_handlers(store).or_else(intent_handlers(store)).or_else(letter_handlers(store)).or_else(own);
}

} // namespace

child_spec store_child(std::shared_ptr<database> opened, store_options options) {
  child_spec spec;
  spec.name = "store";
  spec.start = options.own_thread ? start_with<caf::detached>(keep_state, std::move(opened), options)
                                  : start_with(keep_state, std::move(opened), options);
  spec.drains = true;
  return spec;
}

} // namespace soc::store
