#include "ingest/core/drift_counts.hpp"

#include "ingest/core/mapping.hpp"
#include "ingest/core/quick_hash.hpp"

#include <algorithm>

namespace soc::ingest {

namespace {

constexpr std::size_t most_names = 256, most_name_bytes = 128;

/// Fields the engine itself makes of headers and envelopes.
bool is_of_the_engine(std::string_view name) {
  return std::any_of(engine_field_prefixes.begin(), engine_field_prefixes.end(),
                     [&](std::string_view prefix) { return name.substr(0, prefix.size()) == prefix; });
}

} // namespace

std::string_view name_of(drift_kind kind) {
  return kind == drift_kind::unknown_field  ? "unknown field"
         : kind == drift_kind::unknown_zone ? "unknown time zone"
                                            : "unreadable time";
}

void drift_counts::name_counts::add(std::string_view name) {
  name = name.substr(0, most_name_bytes);
  auto& at = recent[quick_hash(name) >> 56];
  if (at == each.end() || at->first != name) {
    at = each.find(name);
    if (at == each.end() && each.size() < most_names)
      at = each.emplace(std::string(name), 0).first;
  }
  ++(at == each.end() ? more : at->second);
}

drift_counts::of_type& drift_counts::counts_of(const mapping_type& type) {
  if (last_type_ != &type) {
    last_ = &types_[&type];
    last_type_ = &type;
  }
  return *last_;
}

void drift_counts::add_field(of_type& counts, const model::slot& s) {
  if (s.data.is_null())
    return;
  if (s.id == model::no_field) {
    if (!is_of_the_engine(s.name()))
      counts.fields.add(s.name());
    return;
  }
  if (counts.by_id.size() <= s.id)
    counts.by_id.resize(names_->size());
  ++counts.by_id[s.id];
}

void drift_counts::add_fields(const mapping_type& type, const slot_list& native,
                              const std::vector<std::uint32_t>* unexpected) {
  if (unexpected != nullptr) {
    if (!unexpected->empty())
      for (auto& counts = counts_of(type); const auto place : *unexpected)
        add_field(counts, native.slots[place]);
    return;
  }
  for (auto& counts = counts_of(type); const auto& s : native.slots)
    if (s.id == model::no_field || s.id >= type.known.size() || !type.known[s.id])
      add_field(counts, s);
}

void drift_counts::add_times(const mapping_type& type, const time_findings& times) {
  if (!times.unknown_zone.empty())
    counts_of(type).zones.add(times.unknown_zone);
  if (times.unreadable)
    ++counts_of(type).unreadable;
}

std::vector<drift_count> drift_counts::take() {
  std::vector<drift_count> out;
  for (const auto& [type, counts] : types_) {
    const auto add = [&, log = &type->log](drift_kind kind, std::string name, std::uint64_t records) {
      if (records > 0)
        out.push_back({log, kind, std::move(name), records});
    };
    const auto add_names = [&](drift_kind kind, const name_counts& names) {
      for (const auto& [name, records] : names.each)
        add(kind, name, records);
      add(kind, "…", names.more);
    };
    for (model::field_id id = 1; id < counts.by_id.size(); ++id)
      if (counts.by_id[id] > 0 && !is_of_the_engine(names_->name(id)))
        add(drift_kind::unknown_field, std::string(names_->name(id)), counts.by_id[id]);
    add_names(drift_kind::unknown_field, counts.fields);
    add_names(drift_kind::unknown_zone, counts.zones);
    add(drift_kind::unreadable_time, "time", counts.unreadable);
  }
  types_.clear();
  last_type_ = nullptr;
  return out;
}

} // namespace soc::ingest
