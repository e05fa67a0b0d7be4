#include "response/audit_actor.hpp"

#include "base/token.hpp"
#include "runtime/error.hpp"
#include "wire/message.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <utility>

namespace soc::response {

namespace {

constexpr std::chrono::seconds audit_port_timeout{30}, audit_retry{1}, anchor_every{10};
constexpr std::size_t max_waiting_notes = 10'000;
constexpr std::size_t most_field_bytes = 8U << 10, short_field_bytes = 256;
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

std::string text_within(const std::string& text, std::size_t limit) {
  const auto kept = wire::cut(text, limit);
  return kept.size() == text.size() ? text : fmt::format("{}… {} bytes more", kept, text.size() - kept.size());
}

audit_note note_within(const audit_note& note, std::size_t limit) {
  return {note.tenant,
          text_within(note.user, limit),
          text_within(note.what, limit),
          text_within(note.object, limit),
          text_within(note.reason, limit),
          text_within(note.outcome, limit)};
}

/// What a person wrote may be long, and the name of a tenant no part of a subject: it is kept all the same.
audit_note note_to_keep(const audit_note& note) {
  auto out = note_within(note, most_field_bytes);
  if (!is_token(out.tenant)) {
    out.reason =
        fmt::format("for tenant '{}', which can't be: {}", text_within(out.tenant, short_field_bytes), out.reason);
    out.tenant = "default";
  }
  return out;
}

/// As many entries as a message takes, the next after what is stored.
audit_message next_message(kept_chain& chain, const std::string& node) {
  audit_message out;
  out.head = chain.stored;
  while (!chain.unsent.empty() && out.text.size() < chain.most_bytes) {
    const auto& [n, at] = chain.unsent.front();
    out.text += out.text.empty() ? "" : "\n";
    out.text += audit_line({n.tenant, node, n.user, n.what, n.object, n.reason, n.outcome}, at, out.head);
    out.notes.push_back(std::move(chain.unsent.front()));
    chain.unsent.pop_front();
  }
  return out;
}

/// NATS takes no message that large: fewer entries go together, and one that is too large by itself is shortened.
void make_smaller(kept_chain& chain, const std::string& node) {
  auto& notes = chain.on_its_way.notes;
  if (notes.size() > 1)
    chain.most_bytes = chain.on_its_way.text.size() / 2;
  else
    notes[0].note = note_within(notes[0].note, short_field_bytes);
  chain.unsent.insert(chain.unsent.begin(), std::make_move_iterator(notes.begin()),
                      std::make_move_iterator(notes.end()));
  chain.on_its_way = next_message(chain, node);
}

/// One message at a time, until it is stored: an entry that is skipped would be a hole in the chain.
void publish_lines(audit_actor* self, const services_ptr& shared, const std::string& tenant) {
  auto& chain = self->state.chains[tenant];
  if (chain.on_its_way.text.empty())
    chain.on_its_way = next_message(chain, shared->node);
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
          [=](const caf::error& why) {
            const auto code = to_failure(why).code;
            if (code == ec::too_large || code == ec::invalid_input) // no stream will ever take it
              make_smaller(self->state.chains[tenant], shared->node);
            self->delayed_send(self, audit_retry, publish_again{tenant});
          });
}

void write_note(audit_actor* self, const services_ptr& shared, const audit_note& note) {
  auto& st = self->state;
  auto& chain = st.chains[note.tenant];
  if (chain.unsent.size() >= max_unsent) {
    ++st.lost;
    return;
  }
  chain.unsent.push_back({note, self->now()});
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
  std::error_code none_yet;
  const auto size = std::filesystem::file_size(shared->anchors_file, none_yet);
  std::ofstream out(shared->anchors_file, std::ios::app | std::ios::binary);
  for (auto& [tenant, chain] : self->state.chains) {
    if (!chain.loaded || chain.stored.number <= chain.anchored)
      continue;
    anchor a{shared->node, tenant, shared->key->public_hex(), "", chain.stored};
    a.signature = shared->key->sign(head_text(a.node, a.tenant, a.head));
    out << anchor_line(a, self->now()) << "\n";
    if (!out.flush()) { // a full disk: no part of a line may stay
      std::filesystem::resize_file(shared->anchors_file, none_yet ? 0 : size, none_yet);
      return;
    }
    chain.anchored = chain.stored.number;
    keep_place(self, shared, tenant);
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
      if (number > chain.stored.number)
        chain.stored = {number, entry.value("hash", "")};
      chain.stream_sequence = std::max(chain.stream_sequence, stored.sequence);
    }
  }
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
      chain.stored = {found.sequence, place.value("hash", "")};
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

void take_note(audit_actor* self, const services_ptr& shared, const audit_note& note) {
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
}

} // namespace

caf::behavior audit(audit_actor* self, services_ptr shared) {
  return {
      [=](const audit_note& note) { take_note(self, shared, note_to_keep(note)); },
      [=](const write_anchors&) { anchor_chains(self, shared); },
      [=](const publish_again& again) { publish_lines(self, shared, again.tenant); },
      [](const stored&) {},
  };
}

} // namespace soc::response
