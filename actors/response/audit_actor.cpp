#include "response/audit_actor.hpp"

#include "base/json_writer.hpp"

#include <fmt/format.h>

#include <openssl/sha.h>
#include <utility>

namespace soc::response {

namespace {

constexpr std::chrono::seconds audit_port_timeout{30};
constexpr std::size_t max_waiting_notes = 10'000;

std::string sha256_hex(const std::string& bytes) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), hash);
  std::string out;
  for (const auto byte : hash)
    out += fmt::format("{:02x}", byte);
  return out;
}

void write_note(audit_actor* self, const services_ptr& shared, const audit_note& note) {
  auto& chain = self->state.chains[note.tenant];
  std::string hash;
  const auto entry = audit_entry(note, shared->node, chain, self->now(), hash);
  ++chain.number;
  chain.head = hash;
  bus_publish message{fmt::format("soc.{}.audit", note.tenant), entry, hash};
  self->request(shared->bus.actor(), audit_port_timeout, std::move(message))
      .then([](const bus_published&) {}, [self](const caf::error&) { ++self->state.lost; });
  shared->store.send(self, snapshot_put{"audit", note.tenant, chain.number, chain.head});
}

void load_chain(audit_actor* self, const services_ptr& shared, const std::string& tenant) {
  const auto go_on = [=](const snapshot& found) {
    auto& chain = self->state.chains[tenant];
    chain = {found.sequence, found.bytes, true};
    const auto waiting = std::move(self->state.waiting);
    self->state.waiting.clear();
    for (const auto& note : waiting)
      if (note.tenant == tenant)
        write_note(self, shared, note);
      else
        self->state.waiting.push_back(note);
  };
  self->request(shared->store.actor(), audit_port_timeout, snapshot_get{"audit", tenant})
      .then(go_on, [=](const caf::error& error) { self->quit(error); });
}

} // namespace

std::string audit_entry(const audit_note& note, const std::string& node, const audit_chain& before, unix_ns time,
                        std::string& hash) {
  std::string out;
  json_writer w(out);
  w.begin_object().key("number").integer(static_cast<std::int64_t>(before.number + 1));
  w.key("time").string(format_rfc3339(time)).key("tenant").string(note.tenant).key("node").string(node);
  w.key("user").string(note.user).key("what").string(note.what).key("object").string(note.object);
  w.key("reason").string(note.reason).key("outcome").string(note.outcome).key("previous").string(before.head);
  hash = sha256_hex(out);
  w.key("hash").string(hash).end_object();
  return out;
}

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
      [](const stored&) {},
  };
}

} // namespace soc::response
