// incident/codec_parts.hpp - the parts that journal entries, snapshots and views have in common. Internal to the codec.
#pragma once
#include "incident/core/view.hpp"
#include "schemas/incident.capnp.h"
#include "wire/alert_wire.hpp"
#include "wire/message.hpp"

namespace soc::incident::codec {

/// Thrown while reading or writing a part; caught where a message begins. Never leaves the codec.
struct broken {
  failure why;
};

inline std::string string_of(capnp::Text::Reader text) {
  return std::string(wire::view(text));
}
/// A text of at most `limit` bytes, on a UTF-8 boundary.
std::string cut_text(const std::string& text, std::size_t limit);

template <class List>
void write_texts(List list, const std::vector<std::string>& texts) {
  for (unsigned i = 0; i < texts.size(); ++i)
    list.set(i, wire::text_of(texts[i]));
}
inline std::vector<std::string> read_texts(capnp::List<capnp::Text>::Reader list) {
  std::vector<std::string> out;
  out.reserve(list.size());
  for (const auto text : list)
    out.push_back(string_of(text));
  return out;
}

std::string alert_bytes(const model::alert& a);
model::alert_ptr read_alert(capnp::Data::Reader bytes);

void write_sample(schema::Sample::Builder out, const sample& s);
sample read_sample(schema::Sample::Reader in);
void write_group(schema::AlertGroup::Builder out, const alert_group& g);
alert_group read_group(schema::AlertGroup::Reader in);
void write_entity(schema::EntityRecord::Builder out, const entity_record& r);
entity_record read_entity(schema::EntityRecord::Reader in);
void write_task(schema::TaskRecord::Builder out, const task_record& t);
task_record read_task(schema::TaskRecord::Reader in);
void write_history(schema::HistoryEntry::Builder out, const history_entry& h);
history_entry read_history(schema::HistoryEntry::Reader in);
void write_merge_record(schema::MergeRecord::Builder out, const merge_record& m);
merge_record read_merge_record(schema::MergeRecord::Reader in);

void write_content(schema::MergeContent::Builder out, const std::string& from, const std::string& why_json,
                   const std::vector<alert_group>& groups, const std::vector<entity_record>& entities,
                   const std::vector<std::pair<std::uint64_t, std::uint64_t>>& members);
take_merge read_content(schema::MergeContent::Reader in);

void write_fact(schema::Fact::Builder out, const fact& what);
fact read_fact(schema::Fact::Reader in);
/// A command is the fact that is asked for.
fact fact_of(const command& asked);
command command_of(fact what);

void write_view(schema::IncidentView::Builder out, const view& v);
view read_view(schema::IncidentView::Reader in);

/// Enumerators of peers may be newer than ours: an unknown one is refused.
template <class E>
E checked(std::uint8_t value, E last) {
  if (value > static_cast<std::uint8_t>(last))
    throw broken{{ec::version_mismatch, "an enumerator of a newer version"}};
  return static_cast<E>(value);
}

/// Runs a writer on a new message; failures inside become results.
template <class Root, class F>
result<std::string> write(F fill) {
  try {
    capnp::MallocMessageBuilder message;
    fill(message.initRoot<Root>());
    auto bytes = wire::to_bytes(message);
    if (bytes.size() > wire::max_message_bytes)
      return failure{ec::too_large, "a message of " + std::to_string(bytes.size()) + " bytes"};
    return bytes;
  } catch (const broken& b) {
    return b.why;
  }
}

template <class Root, class T, class F>
result<T> read(std::string_view bytes, F take) {
  return wire::read_message<Root>(bytes, [&](typename Root::Reader in) -> result<T> {
    try {
      return take(in);
    } catch (const broken& b) {
      return b.why;
    }
  });
}

} // namespace soc::incident::codec
