// The gate under attack: rules, playbooks and people ask at once, at two nodes that share one journal, also across
// restarts. SOC_TEST_GATE_REQUESTS: how many requests (20,000; 1,000,000 for the whole proof).
#include "gate_fixture.hpp"
#include "response/core/gate.hpp"

#include <cstdlib>
#include <rapidcheck.h>

namespace {

using namespace soc;
using namespace soc::response;

constexpr unix_ns attack_start = 1'764'000'000 * ns_per_s;

const std::string fortress = assets_and_groups + R"(
limits:
  - {id: per-hour, actions: [block_ip], most: 5, per: 1h, each: tenant}
  - {id: per-instance, actions: [disable_user], most: 3, per: 10m, each: instance}
  - {id: web-share, actions: [isolate_host], group: web, most_percent: 40}
approvals:
  - {id: costly, actions: [disable_user], people: 2}
)";

struct wish {
  gate_request request;
  bool is_protected = false; ///< by construction, whatever the gate says
};

template <class T>
T one_of(const std::vector<T>& all) {
  return all[static_cast<std::size_t>(*rc::gen::inRange<int>(0, static_cast<int>(all.size())))];
}

void aim(wish& out) {
  auto& r = out.request;
  out.is_protected = *rc::gen::inRange(0, 4) == 0;
  const auto number = std::to_string(*rc::gen::inRange(0, 40));
  switch (*rc::gen::inRange(0, 3)) {
  case 0: {
    const auto own = one_of<std::string>({"10.0.0." + number, "::ffff:10.1.2." + number, "192.0.2.53", "127.0.0.1"});
    const auto ip = out.is_protected ? own : "203.0.113." + number;
    r.action = "block_ip";
    r.inverse = "unblock_ip";
    r.target = {model::entity_type::ip, model::entity_role::source, model::canonical_key(model::entity_type::ip, ip),
                ip};
    r.parameters = {{"ip", ip}};
    return;
  }
  case 1: {
    const auto host = out.is_protected ? one_of<std::string>({"dc1", "DC-EAST", "vault"})
                                       : one_of<std::string>({"web1", "web2", "web3", "web4", "web5", "pc" + number});
    r.action = "isolate_host";
    r.inverse = "release_host";
    r.target = {model::entity_type::host, model::entity_role::target,
                model::canonical_key(model::entity_type::host, host), host};
    r.parameters = {{"host", host}};
    return;
  }
  default: {
    const auto user = out.is_protected ? one_of<std::string>({"root", "svc-backup", "svc-" + number}) : "user" + number;
    r.action = "disable_user";
    r.inverse = "enable_user";
    r.target = {model::entity_type::user, model::entity_role::target,
                model::canonical_key(model::entity_type::user, user), user};
    r.parameters = {{"user", user}};
  }
  }
}

wish some_wish(std::uint64_t number) {
  wish out;
  auto& r = out.request;
  r.id = r.task_id = "t" + std::to_string(number);
  r.component = "fw";
  r.instance = one_of<std::string>({"edge", "core"});
  r.tenant = "default";
  r.effect = action_effect::reversible;
  aim(out);
  const int who = *rc::gen::inRange(0, 3);
  r.by_person = who == 2;
  r.asked_by = who == 0 ? "rule:web" : who == 1 ? "playbook:block" : "user:alice";
  r.mode = who == 0   ? autonomy::automatic
           : who == 1 ? one_of<autonomy>({autonomy::approve, autonomy::auto_with_veto, autonomy::observe})
                      : autonomy::automatic;
  r.veto_passed = *rc::gen::arbitrary<bool>();
  const int people = *rc::gen::inRange(0, 4);
  for (int i = 0; i < people; ++i)
    r.approved_by.push_back(one_of<std::string>({"ann", "bob", "eve"}));
  return out;
}

/// A node's gate: what it has read of the journal all nodes share.
struct gate_node {
  gate_state state;
  std::size_t read = 0;

  void catch_up(const std::vector<gate_event>& journal) {
    for (; read < journal.size(); ++read)
      apply(state, journal[read]);
  }
  /// Killed: what is left is the journal, or a snapshot and what came after it.
  void restart(const std::vector<gate_event>& journal, bool from_snapshot) {
    catch_up(journal);
    if (!from_snapshot) {
      state = {};
      read = 0;
      return catch_up(journal);
    }
    std::vector<grant> grants;
    for (const auto& [id, g] : state.grants)
      grants.push_back(g);
    auto again = restored(std::move(grants));
    again.stopped = state.stopped;
    again.stopped_by = state.stopped_by;
    again.stopped_why = state.stopped_why;
    state = std::move(again);
  }
};

bool same(const grant& a, const grant& b) {
  return a.id == b.id && a.at == b.at && a.standing == b.standing && a.fingerprint == b.fingerprint &&
         a.undo_of == b.undo_of;
}

/// A snapshot puts grants of the same moment into the order of their ids.
std::multiset<std::pair<unix_ns, std::string>> times_of(const gate_state& state) {
  return {state.by_time.begin(), state.by_time.end()};
}

bool same(const gate_state& a, const gate_state& b) {
  return times_of(a) == times_of(b) && a.standing_by_target == b.standing_by_target && a.stopped == b.stopped &&
         a.stopped_by == b.stopped_by && a.stopped_why == b.stopped_why && a.grants.size() == b.grants.size() &&
         std::equal(a.grants.begin(), a.grants.end(), b.grants.begin(),
                    [](const auto& x, const auto& y) { return x.first == y.first && same(x.second, y.second); });
}

/// What was really granted, counted beside the gate and by other means.
class ledger {
public:
  void take(const grant& g, bool is_protected, unix_ns now, bool stopped) {
    RC_ASSERT(!is_protected);
    RC_ASSERT(!stopped);
    if (g.action == "block_ip")
      count(blocks_, now, 3600, 5);
    if (g.action == "disable_user") {
      count(disabled_[g.instance], now, 600, 3);
    }
    if (g.action == "isolate_host" && g.target.starts_with("web"))
      isolated_[g.target].insert(g.id);
    RC_ASSERT(isolated_.size() <= 2u); // 40 % of 5
  }
  void end(const grant& g) {
    if (const auto at = isolated_.find(g.target); at != isolated_.end()) {
      at->second.erase(g.id);
      if (at->second.empty())
        isolated_.erase(at);
    }
  }

private:
  static void count(std::deque<unix_ns>& all, unix_ns now, std::int64_t per_s, std::size_t most) {
    while (!all.empty() && all.front() <= now - per_s * ns_per_s)
      all.pop_front();
    all.push_back(now);
    RC_ASSERT(all.size() <= most);
  }
  std::deque<unix_ns> blocks_;
  std::map<std::string, std::deque<unix_ns>> disabled_;
  std::map<std::string, std::set<std::string>> isolated_;
};

class siege {
public:
  explicit siege(const gate_config& config) : config_(config) {}

  /// Some requests judged together at one node and stored in one append, unless the other node was faster.
  std::size_t wave() {
    auto& node = nodes_[*rc::gen::inRange(0, 2)];
    now_ += *rc::gen::inRange<std::int64_t>(-5, 200) * ns_per_s; // clocks go back, too
    std::vector<wish> wishes;
    const auto size = static_cast<std::size_t>(*rc::gen::inRange(1, 12));
    while (wishes.size() < size)
      wishes.push_back(next_wish());
    gate_draft draft;
    judge(node, wishes, draft);
    if (node.read != journal_.size()) { // the append is refused: another has granted meanwhile
      draft.take_back(node.state);
      gate_node fresh;
      for (std::size_t i = 0; i < node.read; ++i)
        apply(fresh.state, journal_[i]);
      if (*rc::gen::inRange(0, 20) == 0)
        RC_ASSERT(same(fresh.state, node.state));
      node.catch_up(journal_);
      judge(node, wishes, draft);
    }
    store(node, draft, wishes);
    if (*rc::gen::inRange(0, 15) == 0)
      node.restart(journal_, *rc::gen::arbitrary<bool>());
    return size;
  }

private:
  wish next_wish() {
    if (!asked_.empty() && *rc::gen::inRange(0, 5) == 0)
      return one_of(asked_); // the same request once more
    if (!standing_.empty() && *rc::gen::inRange(0, 4) == 0)
      return undo_of(one_of(standing_));
    auto out = some_wish(++last_number_);
    asked_.push_back(out);
    if (asked_.size() > 50)
      asked_.erase(asked_.begin());
    return out;
  }

  wish undo_of(const grant& g) {
    wish out;
    auto& r = out.request;
    r.id = g.id + "-undo";
    r.task_id = g.task_id;
    r.undo_of = g.id;
    r.component = g.component;
    r.instance = g.instance;
    r.action = g.inverse;
    r.effect = action_effect::reversible;
    r.target = {g.type, model::entity_role::target, g.target, g.target};
    r.by_person = *rc::gen::arbitrary<bool>();
    return out;
  }

  void judge(gate_node& node, const std::vector<wish>& wishes, gate_draft& draft) {
    if (*rc::gen::inRange(0, 40) == 0)
      for (auto& event : emergency(node.state, !node.state.stopped, "alice", "enough", now_))
        draft.add(node.state, std::move(event));
    for (const auto& w : wishes) {
      auto decision = decide(node.state, config_, w.request, now_);
      for (auto& event : decision.events)
        draft.add(node.state, std::move(event));
      const bool undone = !w.request.undo_of.empty() && decision.what == verdict::allow;
      if (undone)
        for (const auto& id : {w.request.undo_of, w.request.id})
          for (auto& event : release(node.state, id, "undone", now_))
            draft.add(node.state, std::move(event));
    }
  }

  void store(gate_node& node, gate_draft& draft, const std::vector<wish>& wishes) {
    for (const auto& event : draft.events()) {
      journal_.push_back(event);
      if (event.what == gate_event::kind::stopped || event.what == gate_event::kind::resumed)
        stopped_ = event.what == gate_event::kind::stopped;
      if (event.what == gate_event::kind::granted && event.granted.undo_of.empty())
        grant_stands(event.granted, wishes);
      if (event.what == gate_event::kind::released)
        grant_ended(event.id);
    }
    node.read = journal_.size();
    draft.keep(node.state);
  }

  void grant_stands(const grant& g, const std::vector<wish>& wishes) {
    const auto at = std::find_if(wishes.begin(), wishes.end(), [&](const auto& w) { return w.request.id == g.id; });
    RC_ASSERT(at != wishes.end());
    if (g.action == "disable_user") {
      const auto& people = at->request.approved_by;
      RC_ASSERT(std::set<std::string>(people.begin(), people.end()).size() >= 2u);
    }
    ledger_.take(g, at->is_protected, g.at, stopped_);
    standing_.push_back(g);
  }

  void grant_ended(const std::string& id) {
    const auto at = std::find_if(standing_.begin(), standing_.end(), [&](const auto& g) { return g.id == id; });
    if (at == standing_.end())
      return;
    ledger_.end(*at);
    standing_.erase(at);
  }

  const gate_config& config_;
  gate_node nodes_[2];
  std::vector<gate_event> journal_;
  std::vector<wish> asked_;
  std::vector<grant> standing_;
  ledger ledger_;
  unix_ns now_ = attack_start;
  std::uint64_t last_number_ = 0;
  bool stopped_ = false;
};

std::size_t requests_wanted() {
  const char* given = std::getenv("SOC_TEST_GATE_REQUESTS");
  return given == nullptr ? 20'000 : std::strtoull(given, nullptr, 10);
}

} // namespace

BOOST_AUTO_TEST_SUITE(gate_attack_suite)

BOOST_AUTO_TEST_CASE(rules_playbooks_and_people_at_two_nodes_never_touch_what_is_protected_nor_pass_a_limit) {
  const auto config = config_of(fortress).gate;
  const auto wanted = requests_wanted();
  std::size_t asked = 0, sieges = 0;
  bool held = true;
  while (held && asked < wanted) {
    std::size_t here = 0;
    held = rc::check("gate under attack", [&] {
      siege s(config);
      const auto waves = *rc::gen::inRange(1, 150);
      for (int i = 0; i < waves; ++i)
        here += s.wave();
      ++sieges;
    });
    asked += here;
  }
  BOOST_TEST(held);
  BOOST_TEST_MESSAGE(asked << " requests in " << sieges << " sieges");
}

BOOST_AUTO_TEST_SUITE_END()
