#include "wire/event_wire.hpp"

#include "schemas/event.capnp.h"
#include "wire/alert_wire.hpp"
#include "wire/message.hpp"

#include <unordered_map>
#include <vector>

namespace soc::wire {

namespace {

/// Numbers names and log types in the order they are first seen.
class name_table {
public:
  std::uint32_t index(std::string_view name) {
    const auto [at, is_new] = numbers_.try_emplace(name, static_cast<std::uint32_t>(names_.size()));
    if (is_new)
      names_.push_back(name);
    return at->second;
  }
  const std::vector<std::string_view>& all() const { return names_; }

private:
  std::unordered_map<std::string_view, std::uint32_t> numbers_;
  std::vector<std::string_view> names_;
};

void write_value(schema::Value::Builder out, const model::value& v, int depth) {
  switch (v.kind()) {
  case model::value_kind::null:
    out.setNull();
    return;
  case model::value_kind::boolean:
    out.setBoolean(v.boolean());
    return;
  case model::value_kind::integer:
    out.setInteger(v.integer());
    return;
  case model::value_kind::real:
    out.setReal(v.real());
    return;
  case model::value_kind::string:
    out.setText(data_of(v.text()));
    return;
  case model::value_kind::list:
    break;
  }
  if (depth >= max_value_depth) {
    out.setText(data_of(v.to_text()));
    return;
  }
  auto list = out.initList(static_cast<unsigned>(v.items().size()));
  for (unsigned i = 0; i < v.items().size(); ++i)
    write_value(list[i], v.items()[i], depth + 1);
}

void write_slots(capnp::List<schema::Slot>::Builder out, std::span<const model::slot> slots, name_table& names) {
  for (unsigned i = 0; i < slots.size(); ++i) {
    out[i].setName(names.index(slots[i].name()));
    write_value(out[i].initValue(), slots[i].data, 0);
  }
}

void write_context(schema::EventBatch::Builder out, const model::raw_batch& raw) {
  out.setOrigin(text_of(raw.origin));
  out.setReceivedNs(raw.received_at);
  if (!raw.context)
    return;
  const auto& context = *raw.context;
  out.setConnector(text_of(context.connector));
  out.setTenant(text_of(context.tenant));
  out.setVendor(text_of(context.vendor));
  out.setProduct(text_of(context.product));
  out.setCloud(text_of(context.cloud));
  out.setAccount(text_of(context.account));
  out.setRegion(text_of(context.region));
  out.setDefaultZone(text_of(context.default_zone));
}

void write_types(schema::EventBatch::Builder out, const std::vector<const model::log_type*>& types) {
  auto list = out.initTypes(static_cast<unsigned>(types.size()));
  for (unsigned i = 0; i < types.size(); ++i) {
    list[i].setVendor(text_of(types[i]->vendor));
    list[i].setProduct(text_of(types[i]->product));
    list[i].setName(text_of(types[i]->name));
    list[i].setSigmaProduct(text_of(types[i]->sigma_product));
    list[i].setSigmaService(text_of(types[i]->sigma_service));
    list[i].setSigmaCategory(text_of(types[i]->sigma_category));
  }
}

/// The batch being rebuilt and what its slots refer to.
struct event_reading {
  std::shared_ptr<model::raw_batch> raw = std::make_shared<model::raw_batch>();
  std::shared_ptr<model::event_batch> batch = std::make_shared<model::event_batch>();
  std::vector<std::string_view> names;
  std::vector<model::field_id> ids;
  std::shared_ptr<std::vector<model::log_type>> types = std::make_shared<std::vector<model::log_type>>();
};

result<model::value> read_value(schema::Value::Reader in, arena& memory, int depth) {
  switch (in.which()) {
  case schema::Value::NULL_:
    return model::value();
  case schema::Value::BOOLEAN:
    return model::value::of_bool(in.getBoolean());
  case schema::Value::INTEGER:
    return model::value::of_int(in.getInteger());
  case schema::Value::REAL:
    return model::value::of_real(in.getReal());
  case schema::Value::TEXT:
    return model::value::of_string(memory.copy(view(in.getText())));
  case schema::Value::LIST:
    break;
  default:
    return model::value(); // a kind of a newer version
  }
  if (depth >= max_value_depth)
    return failure{ec::too_large, "values nested too deep"};
  const auto items = in.getList();
  if (items.size() > max_slots_in_event * 16)
    return failure{ec::too_large, "a list of " + std::to_string(items.size()) + " values"};
  auto* out = memory.make_array<model::value>(items.size());
  for (unsigned i = 0; i < items.size(); ++i) {
    auto item = read_value(items[i], memory, depth + 1);
    if (!item)
      return item.error();
    out[i] = *item;
  }
  return model::value::of_list({out, items.size()});
}

result<std::span<const model::slot>> read_slots(capnp::List<schema::Slot>::Reader in, event_reading& reading) {
  if (in.size() > max_slots_in_event)
    return failure{ec::too_large, "an event of " + std::to_string(in.size()) + " fields"};
  auto& memory = reading.batch->memory;
  auto* out = memory.make_array<model::slot>(in.size());
  for (unsigned i = 0; i < in.size(); ++i) {
    const auto name = in[i].getName();
    if (name >= reading.names.size())
      return failure{ec::corrupt, "a field name that is not in the table"};
    auto data = read_value(in[i].getValue(), memory, 0);
    if (!data)
      return data.error();
    const auto text = reading.names[name];
    out[i] = model::slot{reading.ids[name], static_cast<std::uint32_t>(text.size()), text.data(), *data};
  }
  return std::span<const model::slot>{out, in.size()};
}

std::shared_ptr<const model::connector_context> read_context(schema::EventBatch::Reader in) {
  auto context = std::make_shared<model::connector_context>();
  context->connector = view(in.getConnector());
  context->tenant = view(in.getTenant());
  context->vendor = view(in.getVendor());
  context->product = view(in.getProduct());
  context->cloud = view(in.getCloud());
  context->account = view(in.getAccount());
  context->region = view(in.getRegion());
  context->default_zone = view(in.getDefaultZone());
  return context;
}

outcome read_tables(schema::EventBatch::Reader in, event_reading& reading) {
  if (in.getNames().size() > max_field_names || in.getTypes().size() > max_field_names)
    return failure{ec::too_large, "too many field names or log types in one batch"};
  for (const auto name : in.getNames()) {
    reading.names.push_back(reading.batch->memory.copy(view(name)));
    const auto& dictionary = reading.batch->dictionary;
    reading.ids.push_back(dictionary ? dictionary->find(view(name)) : model::no_field);
  }
  const auto text = [](capnp::Text::Reader t) { return std::string(cut(view(t), max_name_bytes)); };
  for (const auto t : in.getTypes())
    reading.types->push_back({text(t.getVendor()), text(t.getProduct()), text(t.getName()), text(t.getSigmaProduct()),
                              text(t.getSigmaService()), text(t.getSigmaCategory())});
  return done{};
}

/// The raw records must all be in place before events point at them.
void read_raw(schema::EventBatch::Reader in, model::raw_batch& raw) {
  constexpr std::size_t simdjson_padding = 64;
  std::size_t bytes = 0;
  for (const auto e : in.getEvents())
    bytes += e.getRaw().size();
  raw.bytes.reserve(bytes + simdjson_padding);
  raw.context = read_context(in);
  raw.origin = cut(view(in.getOrigin()), max_origin_bytes);
  raw.received_at = in.getReceivedNs();
  for (const auto e : in.getEvents())
    raw.add(view(e.getRaw()), e.getPosition());
}

outcome read_event(schema::Event::Reader in, std::uint32_t index, event_reading& reading) {
  if (in.getType() >= reading.types->size())
    return failure{ec::corrupt, "a log type that is not in the table"};
  model::event ev;
  ev.type = &(*reading.types)[in.getType()];
  ev.raw = reading.raw->record(index);
  ev.time = in.getTimeNs();
  ev.class_uid = in.getClassUid();
  ev.record_index = index;
  ev.mapped = in.getMapped();
  auto native = read_slots(in.getNative(), reading);
  if (!native)
    return native.error();
  auto ocsf = read_slots(in.getOcsf(), reading);
  if (!ocsf)
    return ocsf.error();
  ev.native = *native;
  ev.ocsf = *ocsf;
  reading.batch->events.push_back(ev);
  return done{};
}

result<std::shared_ptr<model::event_batch>> read_batch(schema::EventBatch::Reader in,
                                                       model::dictionary_ptr dictionary) {
  if (in.getEvents().size() > max_events_in_batch)
    return failure{ec::too_large, std::to_string(in.getEvents().size()) + " events in one batch"};
  event_reading reading;
  reading.batch->dictionary = std::move(dictionary);
  if (auto tables = read_tables(in, reading); !tables)
    return tables.error();
  read_raw(in, *reading.raw);
  std::uint32_t index = 0;
  for (const auto e : in.getEvents())
    if (auto read = read_event(e, index++, reading); !read)
      return read.error();
  reading.batch->raw = reading.raw;
  reading.batch->types = reading.types;
  return reading.batch;
}

} // namespace

result<std::string> encode(const model::event_batch& batch) {
  if (batch.events.size() > max_events_in_batch)
    return failure{ec::too_large, std::to_string(batch.events.size()) + " events in one batch"};
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::EventBatch>();
  name_table names;
  std::vector<const model::log_type*> types;
  write_context(root, *batch.raw);
  auto list = root.initEvents(static_cast<unsigned>(batch.events.size()));
  for (unsigned i = 0; i < batch.events.size(); ++i) {
    const auto& ev = batch.events[i];
    if (ev.native.size() > max_slots_in_event || ev.ocsf.size() > max_slots_in_event)
      return failure{ec::too_large, "an event of " + std::to_string(ev.native.size() + ev.ocsf.size()) + " fields"};
    if (types.empty() || types.back() != ev.type)
      types.push_back(ev.type);
    auto out = list[i];
    out.setId(text_of(model::event_id(batch, ev)));
    out.setType(static_cast<std::uint32_t>(types.size() - 1));
    out.setTimeNs(ev.time);
    out.setClassUid(ev.class_uid);
    out.setMapped(ev.mapped);
    out.setRaw(data_of(ev.raw));
    if (ev.record_index < batch.raw->records.size())
      out.setPosition(batch.raw->records[ev.record_index].position);
    write_slots(out.initNative(static_cast<unsigned>(ev.native.size())), ev.native, names);
    write_slots(out.initOcsf(static_cast<unsigned>(ev.ocsf.size())), ev.ocsf, names);
  }
  write_types(root, types);
  auto table = root.initNames(static_cast<unsigned>(names.all().size()));
  for (unsigned i = 0; i < names.all().size(); ++i)
    table.set(i, text_of(std::string(names.all()[i])));
  auto bytes = to_bytes(message);
  if (bytes.size() > max_message_bytes)
    return failure{ec::too_large, "events of " + std::to_string(bytes.size()) + " bytes in one message"};
  return bytes;
}

result<std::shared_ptr<model::event_batch>> decode_events(std::string_view bytes, model::dictionary_ptr dictionary) {
  return read_message<schema::EventBatch>(
      bytes, [&](schema::EventBatch::Reader in) { return read_batch(in, std::move(dictionary)); });
}

} // namespace soc::wire
