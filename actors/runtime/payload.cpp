#include "runtime/payload.hpp"

#include "runtime/lake_interfaces.hpp"

#include <array>
#include <cstdlib>
#include <cxxabi.h>

namespace soc {

namespace {

// How each message with payload is weighed and kept. A new one: two overloads and a line in payload_types.
std::uint64_t weigh(const ingest_batch& m) {
  return m.batch ? m.batch->bytes.size() : 0;
}
std::uint64_t weigh(const detect_batch& m) {
  return m.batch && m.batch->raw ? m.batch->raw->bytes.size() : 0;
}
std::uint64_t weigh(const lake::store_events& m) {
  return m.batch && m.batch->raw ? m.batch->raw->bytes.size() : 0;
}
std::uint64_t weigh(const publish_alerts& m) {
  return m.alerts.size() * 2048;
} // a typical alert with evidence
std::uint64_t weigh(const journal_append& m) {
  return m.payload.size();
}
std::uint64_t weigh(const bus_publish& m) {
  return m.payload.size();
}
std::uint64_t weigh(const bus_request& m) {
  return m.payload.size();
}
std::uint64_t weigh(const snapshot_put& m) {
  return m.bytes.size();
}
std::uint64_t weigh(const checkpoint_put& m) {
  return m.bytes.size();
}
std::uint64_t weigh(const intent_put& m) {
  return m.bytes.size();
}
std::uint64_t weigh(const intent_result& m) {
  return m.bytes.size();
}
std::uint64_t weigh(const dead_letter& m) {
  return m.bytes.size();
}
std::uint64_t weigh(const quarantine_put& m) {
  std::uint64_t total = 0;
  for (const auto& record : m.records)
    total += record.bytes.size() + record.reason.size();
  return total;
}
std::uint64_t weigh(const join_alert& m) {
  return 2048 + m.why_json.size();
}

std::string keep(const ingest_batch& m) {
  return m.batch ? m.batch->bytes : std::string{};
}
std::string keep(const detect_batch& m) {
  return m.batch && m.batch->raw ? m.batch->raw->bytes : std::string{};
}
std::string keep(const lake::store_events& m) {
  return m.batch && m.batch->raw ? m.batch->raw->bytes : std::string{};
}
std::string keep(const publish_alerts& m) {
  std::string lines;
  for (const auto& alert : m.alerts)
    lines += model::to_ocsf_json(*alert) + "\n";
  return lines;
}
std::string keep(const journal_append& m) {
  return m.payload;
}
std::string keep(const bus_publish& m) {
  return m.payload;
}
std::string keep(const bus_request& m) {
  return m.payload;
}
std::string keep(const snapshot_put& m) {
  return m.bytes;
}
std::string keep(const checkpoint_put& m) {
  return m.bytes;
}
std::string keep(const intent_put& m) {
  return m.bytes;
}
std::string keep(const intent_result& m) {
  return m.bytes;
}
std::string keep(const dead_letter& m) {
  return m.bytes;
}
std::string keep(const quarantine_put& m) {
  std::string lines;
  for (const auto& record : m.records)
    lines += record.bytes + "\n";
  return lines;
}
std::string keep(const join_alert& m) {
  return m.alert ? model::to_ocsf_json(*m.alert) : std::string{};
}

template <class M>
concept ticketed = requires(const M& m) {
  m.ticket;
  m.source.actor();
};

struct payload_traits {
  const std::type_info* type;
  std::uint64_t (*bytes)(const void*);
  std::string (*text)(const void*);
  void (*give_back)(const void*, const std::string&);
  void (*settle)(const void*);
};

template <class M>
void give_back_ticket(const void* data, const std::string& why) {
  if constexpr (ticketed<M>) {
    const auto& m = *static_cast<const M*>(data);
    if (m.source)
      caf::anon_send(m.source.actor(), batch_failed{m.ticket, why});
  }
}

template <class M>
void settle_ticket(const void* data) {
  if constexpr (ticketed<M>) {
    const auto& m = *static_cast<const M*>(data);
    if (m.source)
      caf::anon_send(m.source.actor(), batch_done{m.ticket});
  }
}

template <class M>
payload_traits traits_of() {
  return {&typeid(M), [](const void* m) { return weigh(*static_cast<const M*>(m)); },
          [](const void* m) { return keep(*static_cast<const M*>(m)); }, give_back_ticket<M>, settle_ticket<M>};
}

template <class... Ms>
auto traits_table() {
  return std::array<payload_traits, sizeof...(Ms)>{traits_of<Ms>()...};
}

/// Constant after its construction; the hottest types first: it is searched in order.
const auto& payload_types() {
  static const auto table = traits_table<ingest_batch, detect_batch, lake::store_events, publish_alerts, journal_append,
                                         bus_publish, join_alert, bus_request, snapshot_put, checkpoint_put, intent_put,
                                         intent_result, quarantine_put, dead_letter>();
  return table;
}

/// Only messages of one element can carry payload.
const payload_traits* find_traits(const caf::type_erased_tuple& content) noexcept {
  if (content.size() != 1)
    return nullptr;
  const auto rtti = content.type(0);
  if (rtti.second == nullptr) // one of CAF's own types
    return nullptr;
  for (const auto& traits : payload_types())
    if (traits.type == rtti.second) // one image, so one type_info a type: no comparing of names on the hot path
      return &traits;
  return nullptr;
}

std::string readable_type(const caf::type_erased_tuple& content, std::size_t i) {
  const auto rtti = content.type(i);
  if (rtti.second == nullptr)
    return content.match_element<caf::atom_value>(i) ? caf::to_string(content.get_as<caf::atom_value>(i))
                                                     : std::string(caf::numbered_type_names[rtti.first - 1]);
  int status = 0;
  char* name = abi::__cxa_demangle(rtti.second->name(), nullptr, nullptr, &status);
  std::string text = status == 0 ? name : rtti.second->name();
  std::free(name);
  return text.starts_with("soc::") ? text.substr(5) : text;
}

} // namespace

std::uint64_t payload_bytes(const caf::type_erased_tuple& content) noexcept {
  const auto* traits = find_traits(content);
  return traits ? traits->bytes(content.get(0)) : 0;
}

std::string payload_text(const caf::type_erased_tuple& content, std::size_t max_bytes) {
  const auto* traits = find_traits(content);
  auto text = traits ? traits->text(content.get(0)) : std::string{};
  if (text.size() > max_bytes)
    text.resize(max_bytes);
  return text;
}

void give_back_payload(const caf::type_erased_tuple& content, const std::string& why) {
  if (const auto* traits = find_traits(content))
    traits->give_back(content.get(0), why);
}

void settle_payload(const caf::type_erased_tuple& content) {
  if (const auto* traits = find_traits(content))
    traits->settle(content.get(0));
}

std::string content_types(const caf::type_erased_tuple& content) {
  std::string text;
  for (std::size_t i = 0; i < content.size(); ++i)
    text += (i ? ", " : "") + readable_type(content, i);
  return text.empty() ? "empty message" : text;
}

} // namespace soc
