// The graph's state as bytes: a header with format and checksum, then the tables in order of their keys, so that equal
// states are equal bytes.
#include "base/hash.hpp"
#include "graph/core/byte_stream.hpp"
#include "graph/core/entity_graph.hpp"

#include <map>

namespace soc::graph {

namespace {

constexpr std::uint32_t magic = 0x31484753; // "SGH1"
constexpr std::uint16_t format = 1;

template <class T, class F>
void write_table(byte_writer& out, const bounded_table<T>& table, F one) {
  const std::map<std::uint64_t, T> sorted(table.values().begin(), table.values().end());
  out.add<std::uint64_t>(sorted.size());
  for (const auto& [key, value] : sorted) {
    out.add(key);
    one(value);
  }
}

template <class T, class F>
void read_table(byte_reader& in, bounded_table<T>& table, F one) {
  for (auto n = in.count(9); n > 0 && !in.broken(); --n) {
    const auto key = in.get<std::uint64_t>();
    T value;
    one(value);
    table.restore(key, std::move(value));
  }
}

void write_recent(byte_writer& out, const recent_set& set) {
  for (const bool young : {false, true}) {
    const auto keys = set.keys(young);
    out.add<std::uint64_t>(keys.size());
    for (const auto key : keys)
      out.add(key);
  }
}

void read_recent(byte_reader& in, recent_set& set) {
  for (const bool young : {false, true})
    for (auto n = in.count(8); n > 0; --n)
      set.restore(young, in.get<std::uint64_t>());
}

void write_alert(byte_writer& out, const model::alert& a) {
  out.add(a.id).add(a.tenant).add(static_cast<std::uint8_t>(a.origin)).add(a.time).add(a.end_time).add(a.detected_at);
  out.add(a.ingested_at).add(a.rule_id).add(a.title).add(a.description).add(static_cast<std::uint8_t>(a.level));
  out.add(a.confidence).add(a.count).add(a.vendor).add(a.product).add(a.cloud).add(a.account).add(a.region);
  out.add(a.host).add(a.stage);
  out.add<std::uint64_t>(a.tags.size());
  for (const auto& tag : a.tags)
    out.add(tag);
  out.add<std::uint64_t>(a.techniques.size());
  for (const auto& t : a.techniques)
    out.add(t.tactic).add(t.technique);
  out.add<std::uint64_t>(a.entities.size());
  for (const auto& e : a.entities)
    out.add(static_cast<std::uint8_t>(e.type)).add(static_cast<std::uint8_t>(e.role)).add(e.key).add(e.label);
  out.add<std::uint64_t>(a.records.size());
  for (const auto& r : a.records)
    out.add(r.event_id).add(r.time).add(r.source).add(r.origin).add(r.raw);
}

model::alert_ptr read_alert(byte_reader& in) {
  auto a = std::make_shared<model::alert>();
  a->id = in.text();
  a->tenant = in.text();
  a->origin = static_cast<model::alert_origin>(in.get<std::uint8_t>());
  a->time = in.get<unix_ns>();
  a->end_time = in.get<unix_ns>();
  a->detected_at = in.get<unix_ns>();
  a->ingested_at = in.get<unix_ns>();
  a->rule_id = in.text();
  a->title = in.text();
  a->description = in.text();
  a->level = static_cast<model::severity>(in.get<std::uint8_t>());
  a->confidence = in.get<std::uint8_t>();
  a->count = in.get<std::uint32_t>();
  for (auto* text : {&a->vendor, &a->product, &a->cloud, &a->account, &a->region, &a->host, &a->stage})
    *text = in.text();
  for (auto n = in.count(4); n > 0; --n)
    a->tags.push_back(in.text());
  for (auto n = in.count(8); n > 0; --n) {
    auto tactic = in.text();
    a->techniques.push_back({std::move(tactic), in.text()});
  }
  for (auto n = in.count(10); n > 0; --n) {
    model::entity e;
    e.type = static_cast<model::entity_type>(in.get<std::uint8_t>());
    e.role = static_cast<model::entity_role>(in.get<std::uint8_t>());
    e.key = in.text();
    e.label = in.text();
    a->entities.push_back(std::move(e));
  }
  for (auto n = in.count(24); n > 0; --n) {
    model::evidence r;
    r.event_id = in.text();
    r.time = in.get<unix_ns>();
    r.source = in.text();
    r.origin = in.text();
    r.raw = in.text();
    a->records.push_back(std::move(r));
  }
  return a;
}

void write_kinds(byte_writer& out, const bounded_table<cluster_kind>& kinds) {
  write_table(out, kinds, [&](const cluster_kind& k) { out.add(k.last).add(k.network).add(k.several).add(k.asset); });
}

void read_kinds(byte_reader& in, bounded_table<cluster_kind>& kinds) {
  read_table(in, kinds, [&](cluster_kind& k) {
    k.last = in.get<unix_ns>();
    k.network = in.get<bool>();
    k.several = in.get<bool>();
    k.asset = in.get<std::uint64_t>();
  });
}

void write_cluster(byte_writer& out, const cluster& c) {
  out.add(c.number).add(c.id).add(static_cast<std::uint8_t>(c.mode)).add(c.open).add(c.first_sight).add(c.key);
  out.add(c.first).add(c.last).add(c.score).add(c.tactic).add(c.host_evidence);
  out.add(static_cast<std::uint8_t>(c.level));
  write_table(out, c.assets, [&](const cluster_asset& a) {
    out.add(a.last).add(a.last_network).add(a.host_evidence).add(a.network_evidence).add(a.label);
  });
  write_table(out, c.entities, [&](const cluster_entity& e) { out.add(e.last).add(e.roles); });
  write_kinds(out, c.kinds);
  write_kinds(out, c.kinds_on_assets);
  out.add<std::uint64_t>(c.bridges.size());
  for (const auto& b : c.bridges)
    out.add(b.entity).add(b.entity_label).add(b.asset_label);
  out.add<std::uint64_t>(c.waiting.size());
  for (const auto& w : c.waiting) {
    write_alert(out, *w.alert);
    out.add(to_json(w.why));
  }
}

cluster read_cluster(byte_reader& in) {
  cluster c;
  c.number = in.get<std::uint32_t>();
  c.id = in.text();
  c.mode = static_cast<aggregation>(in.get<std::uint8_t>());
  c.open = in.get<bool>();
  c.first_sight = in.get<bool>();
  c.key = in.get<std::uint64_t>();
  c.first = in.get<unix_ns>();
  c.last = in.get<unix_ns>();
  c.score = in.get<double>();
  c.tactic = in.get<int>();
  c.host_evidence = in.get<double>();
  c.level = static_cast<model::severity>(in.get<std::uint8_t>());
  read_table(in, c.assets, [&](cluster_asset& a) {
    a.last = in.get<unix_ns>();
    a.last_network = in.get<unix_ns>();
    a.host_evidence = in.get<float>();
    a.network_evidence = in.get<float>();
    a.label = in.text();
  });
  read_table(in, c.entities, [&](cluster_entity& e) {
    e.last = in.get<unix_ns>();
    e.roles = in.get<std::uint16_t>();
  });
  read_kinds(in, c.kinds);
  read_kinds(in, c.kinds_on_assets);
  for (auto n = in.count(16); n > 0; --n) {
    bridge b;
    b.entity = in.get<std::uint64_t>();
    b.entity_label = in.text();
    b.asset_label = in.text();
    c.bridges.push_back(std::move(b));
  }
  for (auto n = in.count(100); n > 0; --n) {
    auto a = read_alert(in);
    c.waiting.push_back({std::move(a), explanation_from_json(in.text())});
  }
  return c;
}

void write_history(byte_writer& out, const history& h) {
  out.add(h.first).add(h.last).add(h.counted).add(h.episodes).add(h.cluster);
}

void read_history(byte_reader& in, history& h) {
  h.first = in.get<unix_ns>();
  h.last = in.get<unix_ns>();
  h.counted = in.get<unix_ns>();
  h.episodes = in.get<float>();
  h.cluster = in.get<std::uint32_t>();
}

void write_background(byte_writer& out, const background::tables& t) {
  write_table(out, t.pairs, [&](const history& h) { write_history(out, h); });
  write_table(out, t.kinds, [&](const history& h) { write_history(out, h); });
  write_table(out, t.assets, [&](const asset_history& a) { out.add(a.first).add(a.last); });
  write_table(out, t.entities, [&](const entity_history& e) { out.add(e.last).add(e.contexts).add(e.last_context); });
  write_recent(out, t.entity_contexts);
  out.add(t.began).add(t.sum_of_first_s);
}

void read_background(byte_reader& in, background::tables& t) {
  read_table(in, t.pairs, [&](history& h) { read_history(in, h); });
  read_table(in, t.kinds, [&](history& h) { read_history(in, h); });
  read_table(in, t.assets, [&](asset_history& a) {
    a.first = in.get<unix_ns>();
    a.last = in.get<unix_ns>();
  });
  read_table(in, t.entities, [&](entity_history& e) {
    e.last = in.get<unix_ns>();
    e.contexts = in.get<float>();
    e.last_context = in.get<std::uint64_t>();
  });
  read_recent(in, t.entity_contexts);
  t.began = in.get<unix_ns>();
  t.sum_of_first_s = in.get<double>();
}

} // namespace

std::string entity_graph::snapshot() const {
  byte_writer out;
  out.add(tenant_);
  write_background(out, background_.state());
  write_recent(out, recent_ids_);
  out.add<std::uint64_t>(clusters_.size());
  for (const auto& [number, c] : clusters_)
    write_cluster(out, c);
  out.add<std::uint64_t>(keyed_.size());
  for (const auto& [key, number] : keyed_)
    out.add(key).add(number);
  out.add<std::uint64_t>(by_id_.size());
  for (const auto& [id, number] : by_id_)
    out.add(id).add(number);
  out.add<std::uint64_t>(apart_.size());
  for (const auto& [a, b] : apart_)
    out.add(a).add(b);
  out.add<std::uint64_t>(moved_.size());
  for (const auto& [key, id] : moved_)
    out.add(key).add(id);
  const std::map<std::uint64_t, std::vector<std::uint32_t>> postings(postings_.begin(), postings_.end());
  out.add<std::uint64_t>(postings.size());
  for (const auto& [hash, numbers] : postings) {
    out.add(hash).add<std::uint64_t>(numbers.size());
    for (const auto number : numbers)
      out.add(number);
  }
  out.add(next_number_).add(first_sight_).add(tidied_);
  for (const auto count : {counts_.alerts, counts_.duplicates, counts_.excluded, counts_.everyday, counts_.waiting,
                           counts_.joined, counts_.opened, counts_.merged, counts_.expired, counts_.doubts})
    out.add(count);
  byte_writer whole;
  whole.add(magic).add(format).add(hash64(out.bytes()));
  return std::move(whole.bytes()) + out.bytes();
}

result<std::unique_ptr<entity_graph>> entity_graph::restore(std::string_view bytes, settings_ptr with) {
  byte_reader head(bytes.substr(0, 14));
  if (head.get<std::uint32_t>() != magic)
    return failure{ec::corrupt, "not a snapshot of an entity graph"};
  if (const auto found = head.get<std::uint16_t>(); found != format)
    return failure{ec::version_mismatch, "graph snapshot of format " + std::to_string(found)};
  const auto body = bytes.substr(std::min<std::size_t>(14, bytes.size()));
  if (head.get<std::uint64_t>() != hash64(body) || head.broken())
    return failure{ec::corrupt, "the checksum of a graph snapshot does not fit"};
  byte_reader in(body);
  auto tenant = in.text();
  auto g = std::make_unique<entity_graph>(std::move(tenant), std::move(with));
  read_background(in, g->background_.restore());
  read_recent(in, g->recent_ids_);
  for (auto n = in.count(50); n > 0; --n) {
    auto c = read_cluster(in);
    const auto number = c.number;
    g->clusters_.emplace(number, std::move(c));
  }
  for (auto n = in.count(12); n > 0; --n) {
    const auto key = in.get<std::uint64_t>();
    g->keyed_[key] = in.get<std::uint32_t>();
  }
  for (auto n = in.count(8); n > 0; --n) {
    auto id = in.text();
    g->by_id_[std::move(id)] = in.get<std::uint32_t>();
  }
  for (auto n = in.count(8); n > 0; --n) {
    auto a = in.text();
    g->apart_.emplace(std::move(a), in.text());
  }
  for (auto n = in.count(12); n > 0; --n) {
    const auto key = in.get<std::uint64_t>();
    g->moved_[key] = in.text();
  }
  for (auto n = in.count(16); n > 0; --n) {
    auto& numbers = g->postings_[in.get<std::uint64_t>()];
    for (auto m = in.count(4); m > 0; --m)
      numbers.push_back(in.get<std::uint32_t>());
  }
  g->next_number_ = in.get<std::uint32_t>();
  g->first_sight_ = in.get<std::uint32_t>();
  g->tidied_ = in.get<unix_ns>();
  for (auto* count :
       {&g->counts_.alerts, &g->counts_.duplicates, &g->counts_.excluded, &g->counts_.everyday, &g->counts_.waiting,
        &g->counts_.joined, &g->counts_.opened, &g->counts_.merged, &g->counts_.expired, &g->counts_.doubts})
    *count = in.get<std::uint64_t>();
  if (!in.whole())
    return failure{ec::corrupt, "a graph snapshot is cut or too long"};
  return g;
}

} // namespace soc::graph
