// Bench of the entity graph: alerts/s and memory at growing numbers of alerts of a busy company, most of them everyday.
// usage: bench_graph [ALERTS…]     default 10000 100000 1000000. One JSON line a size on stdout. `digest` is of every
// decision, with its reasons, and of the state in the end: a change that is to make it faster must not change it.
#include "base/hash.hpp"
#include "cpu_clock.hpp"
#include "graph/core/entity_graph.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <malloc.h>
#include <utility>

using namespace soc;

namespace {

/// Deterministic numbers (Knuth's MMIX constants): the bench is the same each time.
struct numbers {
  std::uint64_t state = 42;
  std::uint64_t next(std::uint64_t below) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state >> 33) % below;
  }
};

model::alert_ptr make_alert(numbers& n, std::uint64_t i) {
  using model::entity_role;
  using model::entity_type;
  auto a = std::make_shared<model::alert>();
  a->id = "a" + std::to_string(i);
  a->time = a->end_time = 1'700'000'000LL * ns_per_s + static_cast<unix_ns>(i) * 400'000'000;
  const auto host = "host-" + std::to_string(n.next(500));
  const bool attack = n.next(2000) == 0;
  a->rule_id = (attack ? "attack-" : "rule-") + std::to_string(n.next(attack ? 20 : 60));
  a->title = a->rule_id;
  a->host = host;
  a->product = n.next(3) == 0 ? "suricata" : "auditd";
  a->level = attack ? model::severity::high : static_cast<model::severity>(n.next(3));
  const auto add = [&](entity_type type, entity_role role, std::string label) {
    auto key = model::canonical_key(type, label, host);
    a->entities.push_back({type, role, std::move(key), std::move(label)});
  };
  add(entity_type::ip, entity_role::source, "198.51.100." + std::to_string(n.next(250) + 1));
  add(entity_type::user, entity_role::actor, "acme\\user-" + std::to_string(n.next(800)));
  add(entity_type::process, entity_role::target, "proc-" + std::to_string(n.next(200)));
  return a;
}

/// Everything that a decision says.
std::uint64_t digest_of(const graph::decision& d, std::uint64_t before) {
  std::string told;
  const auto number = [&](double x) { told.append(reinterpret_cast<const char*>(&x), sizeof x); };
  const auto text = [&](const std::string& t) { told.append(t).push_back('\0'); };
  number(static_cast<double>(d.what));
  number(d.why.suspicion);
  number(d.why.links);
  for (const auto& m : d.merges) {
    text(m.from);
    text(m.into);
    text(graph::to_json(m.why));
  }
  for (const auto& p : d.placed) {
    text(p.alert->id);
    text(p.incident_id);
    text(graph::to_json(p.why));
    number(p.opens);
  }
  for (const auto& x : d.doubts) {
    text(x.incident_id);
    text(x.entity);
    for (const auto& asset : x.assets)
      text(asset);
  }
  return hash64(told, before);
}

void run(std::uint64_t count) {
  numbers n;
  std::vector<model::alert_ptr> alerts;
  alerts.reserve(1'000);
  std::vector<graph::decision> decisions(1'000);
  std::uint64_t digest = 0;
  graph::entity_graph g("default", graph::default_settings());
  const auto before = mallinfo2().uordblks;
  double seconds = 0, first_tenth = 0, last_tenth = 0;
  for (std::uint64_t done = 0; done < count;) { // alerts are made outside the clock, in blocks
    alerts.clear();
    for (std::uint64_t k = 0; k < 1'000 && done + k < count; ++k)
      alerts.push_back(make_alert(n, done + k));
    const double begin = cpu_seconds();
    for (std::size_t k = 0; k < alerts.size(); ++k)
      decisions[k] = g.place(alerts[k]);
    const double took = cpu_seconds() - begin;
    for (std::size_t k = 0; k < alerts.size(); ++k)
      digest = digest_of(std::exchange(decisions[k], {}), digest);
    seconds += took;
    if (done < count / 10)
      first_tenth += took;
    if (done >= count - count / 10)
      last_tenth += took;
    done += alerts.size();
  }
  alerts.clear();
  const auto c = g.counts();
  const auto retained = static_cast<double>(mallinfo2().uordblks - before);
  digest = hash64(g.snapshot(), digest);
  fmt::print(
      R"({{"alerts":{},"alerts_per_s":{:.0f},"last_over_first_tenth":{:.2f},"retained_bytes":{:.0f},"bytes_an_alert":{:.1f},"incidents_opened":{},"everyday":{},"pairs":{},"entities":{},"digest":"{:016x}"}})"
      "\n",
      count, static_cast<double>(count) / seconds, first_tenth > 0 ? last_tenth / first_tenth : 1.0, retained,
      retained / static_cast<double>(count), c.opened, c.everyday, c.pairs, c.entities, digest);
  std::fflush(stdout);
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2)
    for (const std::uint64_t count : {10'000, 100'000, 1'000'000})
      run(count);
  for (int i = 1; i < argc; ++i)
    run(std::strtoull(argv[i], nullptr, 10));
}
