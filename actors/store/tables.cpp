#include "store/tables.hpp"

#include "schemas/store.capnp.h"
#include "store/record.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::store {

namespace {

constexpr std::size_t longest_kind = 200;

outcome check_kind(std::string_view kind) {
  if (kind.empty() || kind.size() > longest_kind || kind.find('\0') != std::string_view::npos)
    return failure{ec::invalid_input, fmt::format("a kind or connector has 1 to {} bytes and no NUL", longest_kind)};
  return done{};
}

outcome check_value(std::string_view bytes) {
  if (bytes.size() > max_value_bytes)
    return failure{ec::too_large,
                   fmt::format("{} bytes for one value; the store takes {}", bytes.size(), max_value_bytes)};
  return done{};
}

outcome check(std::string_view kind, std::string_view bytes) {
  if (auto fits = check_kind(kind); !fits)
    return fits;
  return check_value(bytes);
}

result<snapshot> to_snapshot(std::string_view record) {
  return read_record<schema::StoredSnapshot>(record, [](auto stored) -> result<snapshot> {
    return snapshot{text_of(stored.getId()), stored.getSequence(), bytes_of(stored.getBytes())};
  });
}

result<std::pair<std::string, std::string>> to_checkpoint(std::string_view record) {
  using pair = std::pair<std::string, std::string>;
  return read_record<schema::StoredCheckpoint>(record, [](auto stored) -> result<pair> {
    return pair{text_of(stored.getKey()), bytes_of(stored.getBytes())};
  });
}

struct keyed_intent {
  std::string key;
  intent value;
};

result<keyed_intent> to_intent(std::string_view record) {
  return read_record<schema::StoredIntent>(record, [](auto stored) -> result<keyed_intent> {
    return keyed_intent{text_of(stored.getKey()),
                        {true, bytes_of(stored.getBytes()), stored.getHasResult(), bytes_of(stored.getResultBytes())}};
  });
}

constexpr std::string_view intent_kind = "i";

} // namespace

outcome put_snapshot(writing& now, const snapshot_put& m) {
  if (auto fits = check(m.kind, m.bytes); !fits)
    return fits;
  capnp::MallocMessageBuilder message;
  auto stored = message.initRoot<schema::StoredSnapshot>();
  stored.setId(as_text(m.id));
  stored.setSequence(m.sequence);
  stored.setBytes(as_data(m.bytes));
  now.put(table::snapshots, make_key(m.kind, m.id), to_record(message));
  return done{};
}

outcome delete_snapshot(writing& now, const snapshot_delete& m) {
  now.erase(table::snapshots, make_key(m.kind, m.id));
  return done{};
}

result<snapshot> get_snapshot(const reading& now, const snapshot_get& m) {
  const auto found = now.get(table::snapshots, make_key(m.kind, m.id));
  if (!found)
    return snapshot{m.id, 0, {}};
  return to_snapshot(*found);
}

/// One that is not readable is left out: its aggregate is replayed from the journal instead.
result<snapshots> all_snapshots(const reading& now, const snapshot_all& m) {
  snapshots found;
  now.scan(table::snapshots, key_prefix(m.kind), [&](std::string_view, std::string_view record) {
    if (auto one = to_snapshot(record))
      found.all.push_back(std::move(one).take());
    return true;
  });
  return found;
}

outcome put_checkpoint(writing& now, const checkpoint_put& m) {
  if (auto fits = check(m.connector, m.bytes); !fits)
    return fits;
  const auto key = make_key(m.connector, m.key);
  if (m.bytes.empty()) {
    now.erase(table::checkpoints, key);
    return done{};
  }
  capnp::MallocMessageBuilder message;
  auto stored = message.initRoot<schema::StoredCheckpoint>();
  stored.setKey(as_text(m.key));
  stored.setBytes(as_data(m.bytes));
  now.put(table::checkpoints, key, to_record(message));
  return done{};
}

result<checkpoints> all_checkpoints(const reading& now, const checkpoint_all& m) {
  checkpoints found;
  outcome readable = done{};
  now.scan(table::checkpoints, key_prefix(m.connector), [&](std::string_view, std::string_view record) {
    auto one = to_checkpoint(record);
    if (one)
      found.all.push_back(std::move(one).take());
    else
      readable = one.error();
    return bool(readable);
  });
  if (!readable)
    return readable.error();
  return found;
}

outcome put_intent(writing& now, const intent_put& m, unix_ns at) {
  if (auto fits = check_value(m.bytes); !fits)
    return fits;
  capnp::MallocMessageBuilder message;
  auto stored = message.initRoot<schema::StoredIntent>();
  stored.setKey(as_text(m.key));
  stored.setBytes(as_data(m.bytes));
  stored.setAtNs(at);
  now.put(table::intents, make_key(intent_kind, m.key), to_record(message));
  return done{};
}

outcome put_intent_result(writing& now, const intent_result& m, unix_ns at) {
  if (auto fits = check_value(m.bytes); !fits)
    return fits;
  const auto key = make_key(intent_kind, m.key);
  const auto found = now.get(table::intents, key);
  if (!found)
    return failure{ec::not_found, "no intent " + m.key};
  const auto record = read_record<schema::StoredIntent>(*found, [&](auto before) -> result<std::string> {
    capnp::MallocMessageBuilder message;
    message.setRoot(before);
    auto stored = message.getRoot<schema::StoredIntent>();
    stored.setHasResult(true);
    stored.setResultBytes(as_data(m.bytes));
    stored.setResultAtNs(at);
    return to_record(message);
  });
  if (!record)
    return record.error();
  now.put(table::intents, key, *record);
  return done{};
}

outcome delete_intents(writing& now, const intent_delete& m) {
  for (const auto& key : m.keys)
    now.erase(table::intents, make_key(intent_kind, key));
  return done{};
}

result<intent> get_intent(const reading& now, const intent_get& m) {
  const auto found = now.get(table::intents, make_key(intent_kind, m.key));
  if (!found)
    return intent{};
  auto stored = to_intent(*found);
  if (!stored)
    return stored.error();
  return std::move(stored->value);
}

result<intents> pending_intents(const reading& now, const intent_pending& m) {
  intents found;
  outcome readable = done{};
  now.scan(table::intents, key_prefix(intent_kind), [&](std::string_view, std::string_view record) {
    auto one = to_intent(record);
    if (!one)
      readable = one.error();
    else if (!one->value.has_result && one->key.starts_with(m.prefix))
      found.all.emplace_back(std::move(one->key), std::move(one->value));
    return bool(readable);
  });
  if (!readable)
    return readable.error();
  std::sort(found.all.begin(), found.all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return found;
}

} // namespace soc::store
