#include "ingest/core/normalizer.hpp"

#include "ingest/core/drift_counts.hpp"
#include "ingest/core/mapping.hpp"
#include "ingest/core/record_decoder.hpp"
#include "ingest/core/record_shape.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::ingest {

namespace {

constexpr unix_ns most_ahead_ns = 2 * 86'400 * ns_per_s; ///< of the receipt; what is further is no time of an event

std::span<const model::slot> kept(const std::vector<model::slot>& slots, arena& memory) {
  if (slots.empty())
    return {};
  auto* at = memory.make_array<model::slot>(slots.size());
  std::copy(slots.begin(), slots.end(), at);
  return {at, slots.size()};
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(std::string_view(" \t\r\n\0\xef\xbb\xbf", 8)) == std::string_view::npos;
}

} // namespace

struct normalizer::state {
  std::shared_ptr<const mapping_set> mappings;
  model::dictionary_ptr names;
  normalizer_options options;
  record_decoder decoder;
  record_context record;
  drift_counts drift;
  shape_cache shapes;
  std::vector<std::string_view> elements;

  state(std::shared_ptr<const mapping_set> m, model::dictionary_ptr n, normalizer_options o)
      : mappings(std::move(m)), names(n), options(o), decoder(mappings, n, o.keep_unknown), drift(n) {
    record.native.reserve_ids(names->size());
    record.ocsf.reserve_ids(names->size());
  }

  void begin(model::event_batch& batch);
  void normalize_record(model::event_batch& batch, std::uint32_t index);
  bool add_event(model::event_batch& batch, std::uint32_t index, std::string_view text, std::string_view envelope,
                 bool quarantine);
  void map(model::event_batch& batch, const mapping_type& type, const record_shape* shape, model::event& ev);
  void put_common(const mapping_type& type, model::event& ev);
  void put(model::field_id id, model::value v);
};

void normalizer::state::begin(model::event_batch& batch) {
  record.raw = batch.raw.get();
  record.memory = &batch.memory;
  record.times = {nullptr, batch.raw->received_at};
  if (const auto& context = batch.raw->context; context && !context->default_zone.empty())
    record.times.zone = record.zones.find(context->default_zone);
  decoder.begin(*batch.raw);
}

void normalizer::state::normalize_record(model::event_batch& batch, std::uint32_t index) {
  const auto text = batch.raw->record(index);
  if (is_blank(text))
    return;
  std::string_view envelope;
  elements.clear();
  if (decoder.unwrap(text, elements, envelope)) {
    const auto all = elements;
    // Only what an input knows as an envelope is one; else the whole is a record that happens to hold such a list.
    if (add_event(batch, index, all.front(), envelope, envelope == "[]")) {
      for (std::size_t i = 1; i < all.size(); ++i)
        add_event(batch, index, all[i], envelope, true);
      return;
    }
    if (envelope == "[]") {
      for (std::size_t i = 1; i < all.size(); ++i)
        add_event(batch, index, all[i], envelope, true);
      return;
    }
  }
  add_event(batch, index, text, {}, true);
}

bool normalizer::state::add_event(model::event_batch& batch, std::uint32_t index, std::string_view text,
                                  std::string_view envelope, bool quarantine) {
  const auto found = decoder.decode(text, envelope, record);
  if (found.skip)
    return true;
  const mapping_type* type = found.input == nullptr ? nullptr : found.input->owner->choose(record);
  if (type == nullptr) {
    if (!quarantine)
      return false;
    // An empty poll is no record: {"value":[]}.
    if (text.size() < 512)
      for (const auto& name : mappings->inside().unwrap_names)
        if (const auto at = text.find("\"" + name + "\""); at != std::string_view::npos) {
          auto rest = text.substr(at + name.size() + 2);
          rest = rest.substr(std::min(rest.size(), rest.find_first_not_of(" :\t")));
          if (rest.substr(0, 2) == "[]")
            return true;
        }
    model::quarantined_record q;
    q.record_index = index;
    q.byte_offset = static_cast<std::uint32_t>(found.offset);
    q.mapping = found.input == nullptr ? found.tried : found.input->owner->vendor + "/" + found.input->owner->product;
    q.reason = found.input == nullptr
                   ? found.reason
                   : fmt::format("decoded by input '{}', but no type of {} takes it", found.input->name, q.mapping);
    batch.quarantined.push_back(std::move(q));
    return false;
  }
  model::event ev;
  ev.type = &type->log;
  ev.raw = record.record;
  ev.record_index = index;
  ev.time = record.sent_at != 0 ? record.sent_at : batch.raw->received_at;
  ev.class_uid = type->ocsf->uid;
  ev.native = kept(record.native.slots, batch.memory);
  const auto* shape = shapes.find(*type, *names, record);
  if (options.keep_unknown)
    drift.add_fields(*type, record.native, shape == nullptr ? nullptr : &shape->unexpected());
  if (!type->lazy || options.eager)
    map(batch, *type, shape, ev);
  batch.events.push_back(ev);
  return true;
}

void normalizer::state::put(model::field_id id, model::value v) {
  if (record.ocsf.find(id) == nullptr)
    record.ocsf.add(*names, id, v);
}

/// What the engine itself knows of every event.
void normalizer::state::put_common(const mapping_type& type, model::event& ev) {
  const auto& ids = mappings->inside().ids;
  put(ids.activity_id, model::value::of_int(0));
  put(ids.severity_id, model::value::of_int(1));
  put(ids.class_uid, model::value::of_int(type.ocsf->uid));
  put(ids.category_uid, model::value::of_int(type.ocsf->category_uid));
  const auto* activity = record.ocsf.find(ids.activity_id);
  const auto number = activity->kind() == model::value_kind::integer ? activity->integer() : 0;
  put(ids.type_uid, model::value::of_int(static_cast<std::int64_t>(type.ocsf->uid) * 100 + number));
  put(ids.time, model::value::of_int(ev.time / ns_per_ms));
  const auto* context = record.raw->context.get();
  if (!type.owner->cloud.empty())
    put(ids.cloud_provider, model::value::of_string(type.owner->cloud));
  else if (context != nullptr && !context->cloud.empty())
    put(ids.cloud_provider, model::value::of_string(context->cloud));
  if (context != nullptr && !context->account.empty())
    put(ids.cloud_account, model::value::of_string(context->account));
  if (context != nullptr && !context->region.empty())
    put(ids.cloud_region, model::value::of_string(context->region));
}

void normalizer::state::map(model::event_batch& batch, const mapping_type& type, const record_shape* shape,
                            model::event& ev) {
  unix_ns time = 0;
  record.findings = {};
  if (shape != nullptr)
    shape->run(*names, record, time);
  else
    run_rules(type.rules, type.owner->settings, *names, record, time);
  // Windows, incidents and retention go by event time: one clock that is years ahead must not end them all.
  const auto received = record.raw->received_at;
  const bool ahead = time != 0 && received != 0 && time > received + most_ahead_ns;
  record.findings.unreadable = record.findings.unreadable || ahead;
  drift.add_times(type, record.findings);
  if (time != 0 && !ahead)
    ev.time = time;
  put_common(type, ev);
  if (const auto& extra = mappings->inside().extra)
    extra->apply(record, *names);
  ev.ocsf = kept(record.ocsf.slots, batch.memory);
  ev.mapped = true;
}

normalizer::normalizer(std::shared_ptr<const mapping_set> mappings, model::dictionary_ptr names,
                       normalizer_options options)
    : state_(std::make_unique<state>(std::move(mappings), std::move(names), options)) {}
normalizer::~normalizer() = default;
normalizer::normalizer(normalizer&&) noexcept = default;

std::shared_ptr<model::event_batch> normalizer::normalize(model::raw_batch_ptr raw) {
  auto batch = std::make_shared<model::event_batch>();
  batch->raw = std::move(raw);
  batch->dictionary = state_->names;
  batch->types = state_->mappings;
  batch->events.reserve(batch->raw->records.size());
  state_->begin(*batch);
  for (std::uint32_t i = 0; i < batch->raw->records.size(); ++i)
    state_->normalize_record(*batch, i);
  return batch;
}

std::vector<drift_count> normalizer::take_drift() {
  return state_->drift.take();
}

void normalizer::complete(model::event_batch& batch, model::event& ev) {
  auto& s = *state_;
  const auto* type = s.mappings->type_of(ev.type);
  if (ev.mapped || type == nullptr)
    return;
  s.begin(batch);
  s.record.native.clear();
  s.record.ocsf.clear();
  s.record.trees.clear();
  s.record.native.slots.assign(ev.native.begin(), ev.native.end());
  s.record.native.index_new();
  s.record.record = s.record.payload = ev.raw;
  const auto wrapped = std::any_of(ev.native.begin(), ev.native.end(),
                                   [](const model::slot& slot) { return slot.name().substr(0, 4) == "hec."; });
  if (wrapped)
    if (const auto envelope = peel_hec(ev.raw, batch.memory))
      s.record.payload = envelope->event;
  if (s.record.payload.substr(0, 1) != "{")
    if (const auto header = parse_syslog(s.record.payload))
      s.record.payload = header->payload;
  if (s.record.payload.substr(0, 1) == "{")
    s.record.trees.add({{}, s.record.payload});
  s.map(batch, *type, nullptr, ev);
}

} // namespace soc::ingest
