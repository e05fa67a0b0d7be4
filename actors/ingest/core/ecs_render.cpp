// The ECS view of an event: names by config/ecs.yaml, then what the mapping adds or takes away.
#include "ingest/core/ecs_render.hpp"

#include "ingest/core/mapping.hpp"
#include "ingest/core/syslog_header.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace soc::ingest {

namespace {

nlohmann::json json_of(const model::value& v) {
  switch (v.kind()) {
  case model::value_kind::boolean:
    return v.boolean();
  case model::value_kind::integer:
    return v.integer();
  case model::value_kind::real:
    return v.real();
  case model::value_kind::string:
    return std::string(v.text());
  case model::value_kind::list: {
    auto list = nlohmann::json::array();
    for (const auto& item : v.items())
      list.push_back(json_of(item));
    return list;
  }
  default:
    return nullptr;
  }
}

/// "a.b.c" as nested objects. A name that is both a value and an object keeps what came first.
void put_nested(nlohmann::json& root, std::string_view name, nlohmann::json v, bool replace) {
  auto* at = &root;
  while (true) {
    const auto dot = name.find('.');
    const std::string part(name.substr(0, dot));
    if (dot == std::string_view::npos) {
      if (replace || !at->contains(part))
        (*at)[part] = std::move(v);
      return;
    }
    auto& next = (*at)[part];
    if (!next.is_object() && !next.is_null())
      return;
    at = &next;
    name.remove_prefix(dot + 1);
  }
}

void remove_nested(nlohmann::json& root, std::string_view name) {
  auto* at = &root;
  for (auto dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.')) {
    const auto next = at->find(std::string(name.substr(0, dot)));
    if (next == at->end() || !next->is_object())
      return;
    at = &*next;
    name.remove_prefix(dot + 1);
  }
  at->erase(std::string(name));
}

std::string_view hash_name(std::int64_t algorithm_id) {
  static constexpr std::array<std::string_view, 5> names{"", "md5", "sha1", "sha256", "sha512"};
  return algorithm_id > 0 && algorithm_id < 5 ? names[static_cast<std::size_t>(algorithm_id)] : std::string_view{};
}

/// What ECS says in words where OCSF has numbers.
nlohmann::json in_words(std::string_view ecs, const model::value& v) {
  const auto n = v.kind() == model::value_kind::integer ? v.integer() : -1;
  if (ecs == "event.outcome")
    return n == 1 ? nlohmann::json("success") : n == 2 ? nlohmann::json("failure") : nlohmann::json();
  if (ecs == "network.transport" && n >= 0)
    return n == 6     ? nlohmann::json("tcp")
           : n == 17  ? nlohmann::json("udp")
           : n == 1   ? nlohmann::json("icmp")
           : n == 58  ? nlohmann::json("ipv6-icmp")
           : n == 47  ? nlohmann::json("gre")
           : n == 50  ? nlohmann::json("esp")
           : n == 132 ? nlohmann::json("sctp")
           : n == 2   ? nlohmann::json("igmp")
                      : nlohmann::json();
  if (ecs == "network.direction")
    return n == 1   ? nlohmann::json("inbound")
           : n == 2 ? nlohmann::json("outbound")
           : n == 3 ? nlohmann::json("lateral")
                    : nlohmann::json();
  return json_of(v);
}

} // namespace

struct ecs_renderer::state {
  record_context record;
  arena memory;

  void add_table(const mapping_set::parts& parts, const model::event_batch& batch, const model::event& ev,
                 nlohmann::json& out);
  void add_hashes(const ecs_table::entry& e, const model::event_batch& batch, nlohmann::json& out);
  void add_own(const mapping_type& type, nlohmann::json& out);
};

void ecs_renderer::state::add_hashes(const ecs_table::entry& e, const model::event_batch& batch, nlohmann::json& out) {
  for (std::size_t i = 0; i < most_hashes; ++i) {
    const auto* v = record.ocsf.find(batch.dictionary->find(fmt::format("{}[{}].value", e.path, i)));
    const auto* algorithm = record.ocsf.find(batch.dictionary->find(fmt::format("{}[{}].algorithm_id", e.path, i)));
    if (v == nullptr || algorithm == nullptr || algorithm->kind() != model::value_kind::integer)
      continue;
    if (const auto name = hash_name(algorithm->integer()); !name.empty())
      put_nested(out, e.ecs + "." + std::string(name), json_of(*v), false);
  }
}

void ecs_renderer::state::add_table(const mapping_set::parts& parts, const model::event_batch& batch,
                                    const model::event& ev, nlohmann::json& out) {
  std::vector<std::string_view> suppressed;
  for (const auto& e : parts.ecs.entries) {
    if (e.class_uid != 0 && e.class_uid != ev.class_uid)
      continue;
    if (e.class_uid == 0 && std::find(suppressed.begin(), suppressed.end(), e.path) != suppressed.end())
      continue;
    if (e.class_uid != 0)
      suppressed.push_back(e.path); // a class's own entries replace the general ones
    if (e.ecs.empty())
      continue;
    if (e.path.size() > 7 && e.path.substr(e.path.size() - 7) == ".hashes") {
      add_hashes(e, batch, out);
      continue;
    }
    if (const auto* v = record.ocsf.find(e.id); v != nullptr)
      if (auto words = in_words(e.ecs, *v); !words.is_null())
        put_nested(out, e.ecs, std::move(words), false);
  }
}

void ecs_renderer::state::add_own(const mapping_type& type, nlohmann::json& out) {
  // The additions see native fields and OCSF slots.
  for (const auto& rule : type.ecs)
    for (const auto& recipe : rule.alternatives) {
      auto v = evaluate(recipe, std::span<const field_source>(recipe.from), type.owner->settings, record);
      if (!v.is_null() && recipe.time)
        v = convert_value(v, ocsf_kind::datetime, false, &recipe, type.owner->settings, record);
      if (v.is_null())
        continue;
      put_nested(out, rule.path, json_of(v), true);
      break;
    }
}

ecs_renderer::ecs_renderer() : state_(std::make_unique<state>()) {}
ecs_renderer::~ecs_renderer() = default;

std::string ecs_renderer::render(const model::event_batch& batch, const model::event& ev) {
  const auto* set = static_cast<const mapping_set*>(batch.types.get());
  const auto* type = set == nullptr ? nullptr : set->type_of(ev.type);
  if (type == nullptr)
    return "{}";
  auto& s = *state_;
  auto& r = s.record;
  s.memory.reset();
  r.raw = batch.raw.get();
  r.memory = &s.memory;
  r.times = {nullptr, batch.raw->received_at};
  r.native.reserve_ids(batch.dictionary->size());
  r.ocsf.reserve_ids(batch.dictionary->size());
  r.native.clear();
  r.ocsf.clear();
  r.trees.clear();
  r.native.slots.assign(ev.native.begin(), ev.native.end());
  r.native.index_new();
  r.ocsf.slots.assign(ev.ocsf.begin(), ev.ocsf.end());
  r.ocsf.index_new();
  r.record = r.payload = ev.raw;
  if (!ev.raw.empty() && ev.raw.front() != '{')
    if (const auto header = parse_syslog(ev.raw))
      r.payload = header->payload;
  if (!r.payload.empty() && r.payload.front() == '{')
    r.trees.add({{}, r.payload});
  auto out = nlohmann::json::object();
  s.add_table(set->inside(), batch, ev, out);
  for (const auto& name : type->ecs_removed)
    remove_nested(out, name);
  put_nested(out, "@timestamp", format_rfc3339(ev.time), false);
  s.add_own(*type, out);
  put_nested(out, "observer.vendor", type->owner->vendor_name, false);
  put_nested(out, "observer.product", type->owner->title, false);
  put_nested(out, "event.dataset", type->owner->vendor + "." + type->owner->product + "." + type->log.name, false);
  put_nested(out, "log.file.path", batch.raw->origin, true);
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string to_ecs_json(const model::event_batch& batch, const model::event& ev) {
  return ecs_renderer().render(batch, ev);
}

} // namespace soc::ingest
