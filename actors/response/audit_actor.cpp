#include "response/audit_actor.hpp"

#include <fmt/format.h>

#include <fstream>
#include <utility>

namespace soc::response {

namespace {

constexpr std::chrono::seconds audit_port_timeout{30}, audit_retry{1}, anchor_every{10};
constexpr std::size_t max_waiting_notes = 10'000;
constexpr std::size_t most_bytes_together = 256U << 10;
constexpr std::size_t max_unsent = 100'000;
constexpr std::uint64_t entries_per_place = 1000; ///< what the snapshot doesn't know of is read from the stream

struct write_anchors {};
struct publish_again {
  std::string tenant;
};

} // namespace

} // namespace soc::response

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::write_anchors)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::publish_again)

namespace soc::response {

namespace {

std::string subject_of_audit(const std::string& tenant) {
  return fmt::format("soc.{}.audit", tenant);
}

void keep_place(audit_actor* self, const services_ptr& shared, const std::string& tenant) {
  auto& chain = self->state.chains[tenant];
  chain.kept = chain.stored.number;
  const nlohmann::json place{
      {"hash", chain.stored.hash}, {"stream_sequence", chain.stream_sequence}, {"anchored", chain.anchored}};
  shared->store.send(self, snapshot_put{"audit", tenant, chain.stored.number, place.dump()});
}

/// As many as a message takes.
audit_lines next_lines(std::deque<audit_lines>& unsent) {
  audit_lines out;
  while (!unsent.empty() && out.text.size() < most_bytes_together) {
    out.text += (out.text.empty() ? "" : "\n") + unsent.front().text;
    out.head = std::move(unsent.front().head);
    unsent.pop_front();
  }
  return out;
}

/// One message at a time, until it is stored: an entry that is skipped would be a hole in the chain.
void publish_lines(audit_actor* self, const services_ptr& shared, const std::string& tenant) {
  auto& chain = self->state.chains[tenant];
  if (chain.on_its_way.text.empty())
    chain.on_its_way = next_lines(chain.unsent);
  bus_publish message{subject_of_audit(tenant), chain.on_its_way.text, chain.on_its_way.head.hash};
  self->request(shared->bus.actor(), audit_port_timeout, std::move(message))
      .then(
          [=](const bus_published& stored) {
            auto& known = self->state.chains[tenant];
            known.stream_sequence = std::max(known.stream_sequence, stored.sequence);
            known.stored = std::exchange(known.on_its_way, {}).head;
            if (known.stored.number - known.kept >= entries_per_place)
              keep_place(self, shared, tenant);
            if (!known.unsent.empty())
              publish_lines(self, shared, tenant);
          },
          [=](const caf::error&) { self->delayed_send(self, audit_retry, publish_again{tenant}); });
}

void write_note(audit_actor* self, const services_ptr& shared, const audit_note& note) {
  auto& st = self->state;
  auto& chain = st.chains[note.tenant];
  if (chain.unsent.size() >= max_unsent) {
    ++st.lost;
    return;
  }
  auto line = audit_line({note.tenant, shared->node, note.user, note.what, note.object, note.reason, note.outcome},
                         self->now(), chain.head);
  chain.unsent.push_back({std::move(line), chain.head});
  ++st.written;
  if (chain.on_its_way.text.empty())
    publish_lines(self, shared, note.tenant);
  if (!std::exchange(st.anchoring, true))
    self->delayed_send(self, anchor_every, write_anchors{});
}

/// Signs how far each chain goes and writes it down beside the stream: who cuts off the stream's tail must forge this
/// too.
void anchor_chains(audit_actor* self, const services_ptr& shared) {
  self->state.anchoring = false;
  if (!shared->key || shared->anchors_file.empty())
    return;
  std::ofstream out(shared->anchors_file, std::ios::app | std::ios::binary);
  for (auto& [tenant, chain] : self->state.chains) {
    if (!chain.loaded || chain.stored.number <= chain.anchored)
      continue;
    anchor a{shared->node, tenant, shared->key->public_hex(), "", chain.stored};
    a.signature = shared->key->sign(head_text(a.node, a.tenant, a.head));
    out << anchor_line(a, self->now()) << "\n";
    if (out.flush()) {
      chain.anchored = chain.stored.number;
      keep_place(self, shared, tenant);
    }
  }
}

/// What this node had written when it ended and the snapshot doesn't know of.
void take_tail(kept_chain& chain, const journal_entries& found, const std::string& node) {
  for (const auto& stored : found.entries) {
    for (const auto& line : audit_lines_of(stored.payload)) {
      const auto entry = nlohmann::json::parse(line, nullptr, false);
      if (!entry.is_object() || entry.value("node", "") != node || !entry.contains("number") ||
          !entry["number"].is_number_unsigned())
        continue;
      const auto number = entry["number"].get<std::uint64_t>();
      if (number > chain.head.number)
        chain.head = {number, entry.value("hash", "")};
      chain.stream_sequence = std::max(chain.stream_sequence, stored.sequence);
    }
  }
  chain.stored = chain.head;
}

void chain_loaded(audit_actor* self, const services_ptr& shared, const std::string& tenant) {
  self->state.chains[tenant].loaded = true;
  const auto waiting = std::move(self->state.waiting);
  self->state.waiting.clear();
  for (const auto& note : waiting)
    if (note.tenant == tenant)
      write_note(self, shared, note);
    else
      self->state.waiting.push_back(note);
}

void load_chain(audit_actor* self, const services_ptr& shared, const std::string& tenant) {
  const auto go_on = [=](const snapshot& found) {
    auto& chain = self->state.chains[tenant];
    const auto place = nlohmann::json::parse(found.bytes, nullptr, false);
    if (place.is_object()) {
      chain.head = {found.sequence, place.value("hash", "")};
      chain.kept = found.sequence;
      chain.stream_sequence = place.value("stream_sequence", std::uint64_t{0});
      chain.anchored = place.value("anchored", std::uint64_t{0});
    }
    self->request(shared->journal.actor(), audit_port_timeout,
                  journal_read{subject_of_audit(tenant), chain.stream_sequence})
        .then(
            [=](const journal_entries& tail) {
              take_tail(self->state.chains[tenant], tail, shared->node);
              chain_loaded(self, shared, tenant);
            },
            [=](const caf::error& error) { self->quit(error); });
  };
  self->request(shared->store.actor(), audit_port_timeout, snapshot_get{"audit", tenant})
      .then(go_on, [=](const caf::error& error) { self->quit(error); });
}

} // namespace

caf::behavior audit(audit_actor* self, services_ptr shared) {
  return {
      [=](const audit_note& note) {
        auto& chain = self->state.chains[note.tenant];
        if (chain.loaded)
          return write_note(self, shared, note);
        if (self->state.waiting.size() >= max_waiting_notes) {
          ++self->state.lost;
          return;
        }
        self->state.waiting.push_back(note);
        if (!std::exchange(chain.loading, true))
          load_chain(self, shared, note.tenant);
      },
      [=](const write_anchors&) { anchor_chains(self, shared); },
      [=](const publish_again& again) { publish_lines(self, shared, again.tenant); },
      [](const stored&) {},
  };
}

} // namespace soc::response
