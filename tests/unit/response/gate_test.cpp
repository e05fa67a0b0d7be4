#include "gate_fixture.hpp"
#include "response/core/gate.hpp"

#include <rapidcheck.h>

namespace {

using namespace soc;
using namespace soc::response;
using nlohmann::json;

constexpr unix_ns start = 1'764'000'000 * ns_per_s;

const std::string strict = assets_and_groups + R"(
limits:
  - {id: per-hour, actions: [block_ip], most: 5, per: 1h, each: tenant}
  - {id: web-share, actions: [isolate_host], group: web, most_percent: 40}
)";

gate_request block(const std::string& id, const std::string& ip, autonomy mode = autonomy::automatic) {
  gate_request out;
  out.id = out.task_id = id;
  out.component = "fw";
  out.action = "block_ip";
  out.inverse = "unblock_ip";
  out.instance = "edge";
  out.effect = action_effect::reversible;
  out.target = {model::entity_type::ip, model::entity_role::source, ip, ip};
  out.parameters = {{"ip", ip}};
  out.mode = mode;
  return out;
}

gate_request unblock(const gate_request& of) {
  auto out = of;
  out.id += "-undo";
  out.undo_of = of.id;
  out.action = "unblock_ip";
  out.inverse.clear();
  return out;
}

gate_decision ask(gate_state& state, const gate_config& config, const gate_request& request, unix_ns now = start) {
  auto out = decide(state, config, request, now);
  for (const auto& event : out.events)
    apply(state, event);
  return out;
}

bool says(const gate_decision& d, const std::string& code) {
  return std::any_of(d.reasons.begin(), d.reasons.end(), [&](const auto& r) { return r.code == code; });
}

} // namespace

BOOST_AUTO_TEST_SUITE(gate_suite)

BOOST_AUTO_TEST_CASE(a_protected_address_is_refused_however_it_is_written) {
  const auto config = config_of(strict).gate;
  for (const auto* ip : {"10.1.2.3", "::ffff:10.1.2.3", "10.1.2.3@vpc-1", "10.0.0.0/28", "127.0.0.1", "192.0.2.0/24",
                         "0.0.0.0/0", "169.254.169.254", "::1"}) {
    gate_state state;
    const auto d = ask(state, config, block("t", ip));
    BOOST_TEST((d.what == verdict::refuse), ip);
    BOOST_TEST(says(d, "protected"), ip);
    BOOST_TEST(!d.explain().empty());
    BOOST_TEST(!issue_permit(state, block("t", ip)).has_value());
  }
}

BOOST_AUTO_TEST_CASE(a_protected_address_hidden_in_a_parameter_is_refused_too) {
  gate_state state;
  auto request = block("t", "203.0.113.9");
  request.parameters["also"] = json{"203.0.113.10", json{{"deep", "10.9.9.9"}}};
  BOOST_TEST(says(ask(state, config_of(strict).gate, request), "protected"));
}

BOOST_AUTO_TEST_CASE(protected_users_hosts_and_tags_are_refused) {
  const auto config = config_of(strict).gate;
  const auto refused = [&](model::entity_type type, const std::string& key) {
    gate_state state;
    auto request = block("t", "203.0.113.9");
    request.target = {type, model::entity_role::target, key, key};
    request.parameters = {{"name", key}};
    return says(ask(state, config, request), "protected");
  };
  BOOST_TEST(refused(model::entity_type::user, "web1\\root"));
  BOOST_TEST(refused(model::entity_type::user, "corp\\svc-backup"));
  BOOST_TEST(!refused(model::entity_type::user, "corp\\mallory"));
  BOOST_TEST(refused(model::entity_type::host, "DC01"));
  BOOST_TEST(refused(model::entity_type::process, "dc01|4711|1764000000"));
  BOOST_TEST(refused(model::entity_type::host, "vault"));
}

BOOST_AUTO_TEST_CASE(a_protected_account_is_refused_by_its_address_too) {
  const auto config = config_of(strict).gate;
  const auto refused = [&](const std::string& key, const std::string& label) {
    gate_state state;
    auto request = block("t", "203.0.113.9");
    request.target = {model::entity_type::email, model::entity_role::target, key, label};
    request.parameters = {{"user", key}};
    return says(ask(state, config, request), "protected");
  };
  BOOST_TEST(refused("root@corp.example", "root@corp.example"));
  BOOST_TEST(refused("svc-backup@corp.example", ""));
  BOOST_TEST(refused("id-4711@corp.example", "svc-backup"));
  BOOST_TEST(!refused("mallory@corp.example", "mallory@corp.example"));
}

BOOST_AUTO_TEST_CASE(an_account_and_its_address_are_one_target) {
  const auto config = config_of(strict).gate;
  gate_state state;
  auto by_name = block("t1", "ann@corp.example"), by_address = block("t2", "ann@corp.example");
  by_name.target.type = model::entity_type::user;
  by_address.target.type = model::entity_type::email;
  BOOST_TEST((ask(state, config, by_name).what == verdict::allow));
  BOOST_TEST((ask(state, config, by_address).what == verdict::allow));
  BOOST_TEST(says(ask(state, config, unblock(by_name)), "still_wanted"));
  BOOST_TEST((ask(state, config, unblock(by_address)).what == verdict::allow));
}

BOOST_AUTO_TEST_CASE(a_program_of_the_system_may_be_ended_unless_it_is_named_among_the_processes) {
  const auto config = config_of("protected: {files: ['/bin/*', '/usr/sbin/*'], processes: ['/usr/sbin/*']}").gate;
  const auto refused = [&](model::entity_type type, const std::string& key, const std::string& label) {
    gate_state state;
    auto request = block("t", "203.0.113.9");
    request.target = {type, model::entity_role::target, key, label};
    request.parameters = {{"process", key}};
    return says(ask(state, config, request), "protected");
  };
  BOOST_TEST(!refused(model::entity_type::process, "web1|4711|1764000000", "/bin/sh -i"));
  BOOST_TEST(refused(model::entity_type::process, "web1|812|1764000000", "/usr/sbin/mysqld --daemon"));
  BOOST_TEST(refused(model::entity_type::file, "web1|/bin/sh", "/bin/sh"));
}

BOOST_AUTO_TEST_CASE(a_grant_gives_a_permit_for_exactly_its_call) {
  const auto config = config_of(strict).gate;
  gate_state state;
  const auto request = block("t1", "203.0.113.9");
  BOOST_TEST(!issue_permit(state, request).has_value());
  BOOST_TEST((ask(state, config, request).what == verdict::allow));
  const auto leave = issue_permit(state, request);
  BOOST_REQUIRE(leave);
  BOOST_TEST(leave->covers(fingerprint_of(request)));
  auto other = request;
  other.parameters["ip"] = "203.0.113.10";
  BOOST_TEST(!leave->covers(fingerprint_of(other)));
  BOOST_TEST(!issue_permit(state, other).has_value());
  BOOST_TEST((ask(state, config, other).what == verdict::refuse));
}

BOOST_AUTO_TEST_CASE(asking_again_is_allowed_and_not_counted_twice) {
  const auto config = config_of(strict).gate;
  gate_state state;
  for (int i = 0; i < 20; ++i)
    BOOST_TEST((ask(state, config, block("t1", "203.0.113.9")).what == verdict::allow));
  BOOST_TEST(state.by_time.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_used_up_limit_refuses_until_its_window_has_passed) {
  const auto config = config_of(strict).gate;
  gate_state state;
  for (int i = 0; i < 5; ++i)
    BOOST_TEST(
        (ask(state, config, block("t" + std::to_string(i), "203.0.113." + std::to_string(i))).what == verdict::allow));
  const auto d = ask(state, config, block("t9", "203.0.113.99"));
  BOOST_TEST((d.what == verdict::refuse));
  BOOST_TEST(says(d, "limit"));
  BOOST_TEST((ask(state, config, block("t9", "203.0.113.99"), start + 3600 * ns_per_s).what == verdict::allow));
}

BOOST_AUTO_TEST_CASE(no_more_than_the_share_of_a_group_stands_under_an_effect_at_once) {
  const auto config = config_of(strict).gate;
  gate_state state;
  const auto isolate = [](const std::string& host) {
    auto request = block("i-" + host, "");
    request.action = "isolate_host";
    request.inverse = "release_host";
    request.target = {model::entity_type::host, model::entity_role::target, host, host};
    request.parameters = {{"host", host}};
    return request;
  };
  BOOST_TEST((ask(state, config, isolate("web1")).what == verdict::allow));
  BOOST_TEST((ask(state, config, isolate("web2")).what == verdict::allow));
  BOOST_TEST(says(ask(state, config, isolate("web3")), "limit"));
  for (const auto& event : release(state, "i-web1", "undone", start))
    apply(state, event);
  BOOST_TEST((ask(state, config, isolate("web3")).what == verdict::allow));
}

BOOST_AUTO_TEST_CASE(an_undo_needs_its_effect_and_is_refused_while_another_task_wants_it) {
  const auto config = config_of(strict).gate;
  gate_state state;
  BOOST_TEST(says(ask(state, config, unblock(block("t1", "203.0.113.9"))), "nothing_to_undo"));
  ask(state, config, block("t1", "203.0.113.9"));
  ask(state, config, block("t2", "203.0.113.9"));
  BOOST_TEST(says(ask(state, config, unblock(block("t1", "203.0.113.9"))), "still_wanted"));
  for (const auto& event : release(state, "t1", "undone", start))
    apply(state, event);
  BOOST_TEST((ask(state, config, unblock(block("t2", "203.0.113.9"))).what == verdict::allow));
}

BOOST_AUTO_TEST_CASE(of_tasks_that_want_the_same_effect_the_last_one_takes_it_back) {
  const auto config = config_of(strict).gate;
  gate_state state;
  const auto first = block("t1", "203.0.113.9"), second = block("t2", "203.0.113.9");
  ask(state, config, first);
  ask(state, config, second);
  BOOST_TEST(says(ask(state, config, unblock(first)), "still_wanted"));
  // Neither has told the gate yet that it is over.
  BOOST_TEST((ask(state, config, unblock(second)).what == verdict::allow));
  for (const auto& event : release(state, "t2", "undone", start))
    apply(state, event);
  // The first was killed before it had written down what it was told: it is told the same.
  const auto again = ask(state, config, unblock(first));
  BOOST_TEST(says(again, "still_wanted"));
  BOOST_TEST(again.events.empty());
  BOOST_TEST(says(ask(state, config, unblock(block("t3", "203.0.113.9"))), "nothing_to_undo"));
}

BOOST_AUTO_TEST_CASE(the_opposite_of_a_standing_effect_is_a_conflict) {
  const auto config = config_of(strict).gate;
  gate_state state;
  ask(state, config, block("t1", "203.0.113.9"));
  auto opposite = block("t2", "203.0.113.9");
  opposite.action = "unblock_ip";
  opposite.inverse = "block_ip";
  BOOST_TEST(says(ask(state, config, opposite), "conflict"));
}

BOOST_AUTO_TEST_CASE(the_emergency_stop_refuses_all_but_a_persons_undo) {
  const auto config = config_of(strict).gate;
  gate_state state;
  ask(state, config, block("t1", "203.0.113.9"));
  for (const auto& event : emergency(state, true, "alice", "wrong rule", start))
    apply(state, event);
  BOOST_TEST(says(ask(state, config, block("t2", "203.0.113.10")), "stopped"));
  BOOST_TEST(says(ask(state, config, unblock(block("t1", "203.0.113.9"))), "stopped"));
  auto by_hand = unblock(block("t1", "203.0.113.9"));
  by_hand.by_person = true;
  BOOST_TEST((ask(state, config, by_hand).what == verdict::allow));
  for (const auto& event : emergency(state, false, "alice", "mended", start))
    apply(state, event);
  BOOST_TEST((ask(state, config, block("t2", "203.0.113.10")).what == verdict::allow));
}

BOOST_AUTO_TEST_CASE(what_was_granted_before_an_emergency_stop_waits_until_it_is_lifted) {
  const auto config = config_of(strict).gate;
  gate_state state;
  const auto request = block("t1", "203.0.113.9");
  ask(state, config, request);
  for (const auto& event : emergency(state, true, "alice", "wrong rule", start))
    apply(state, event);
  const auto retry = ask(state, config, request, start + ns_per_s);
  BOOST_TEST((retry.what == verdict::later));
  BOOST_TEST(says(retry, "stopped"));
  BOOST_TEST(retry.again_at == start + 61 * ns_per_s);
  auto by_hand = unblock(request);
  by_hand.by_person = true;
  for (int i = 0; i < 2; ++i) // the second is a retry
    BOOST_TEST((ask(state, config, by_hand).what == verdict::allow));
  for (const auto& event : emergency(state, false, "alice", "mended", start))
    apply(state, event);
  BOOST_TEST((ask(state, config, request, retry.again_at).what == verdict::allow));
}

BOOST_AUTO_TEST_CASE(the_stop_of_all_tenants_holds_for_each) {
  const auto config = config_of(strict).gate;
  gate_state everywhere, own;
  const auto request = block("t1", "203.0.113.9");
  BOOST_TEST((decide(own, config, request, start, &everywhere).what == verdict::allow));
  for (const auto& event : emergency(everywhere, true, "alice", "enough", start))
    apply(everywhere, event);
  const auto d = decide(own, config, request, start, &everywhere);
  BOOST_TEST(says(d, "stopped"));
  BOOST_TEST(d.explain().find("alice: enough") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(autonomy_decides_between_doing_waiting_and_only_noting) {
  const auto config = config_of(std::string(strict) + "approvals: [{id: costly, costs: [high], people: 2}]\n").gate;
  const auto verdict_of = [&](autonomy mode, auto change) {
    gate_state state;
    auto request = block("t", "203.0.113.9", mode);
    change(request);
    return ask(state, config, request).what;
  };
  const auto nothing = [](gate_request&) {};
  BOOST_TEST((verdict_of(autonomy::observe, nothing) == verdict::dry_run));
  BOOST_TEST((verdict_of(autonomy::approve, nothing) == verdict::wait_for_approval));
  BOOST_TEST((verdict_of(autonomy::approve, [](auto& r) { r.approved_by = {"alice"}; }) == verdict::allow));
  BOOST_TEST((verdict_of(autonomy::auto_with_veto, nothing) == verdict::wait_for_veto));
  BOOST_TEST((verdict_of(autonomy::auto_with_veto, [](auto& r) { r.veto_passed = true; }) == verdict::allow));
  BOOST_TEST((verdict_of(autonomy::automatic, [](auto& r) { r.cost = "high"; }) == verdict::wait_for_approval));
  BOOST_TEST((verdict_of(autonomy::automatic, [](auto& r) {
                r.cost = "high";
                r.approved_by = {"alice", "alice"};
              }) == verdict::wait_for_approval));
  BOOST_TEST((verdict_of(autonomy::automatic, [](auto& r) {
                r.cost = "high";
                r.approved_by = {"alice", "bob"};
              }) == verdict::allow));
}

BOOST_AUTO_TEST_CASE(an_open_maintenance_window_refuses_also_past_midnight) {
  const auto config =
      config_of("windows: [{id: night, actions: [block_*], days: [mon], from: '22:00', to: '02:00'}]").gate;
  const auto at = [&](const char* time) {
    gate_state state;
    return says(ask(state, config, block("t", "203.0.113.9"), *parse_rfc3339(time)), "window");
  };
  BOOST_TEST(at("2026-11-23T23:00:00Z")); // a Monday
  BOOST_TEST(at("2026-11-24T01:59:00Z"));
  BOOST_TEST(!at("2026-11-24T02:00:00Z"));
  BOOST_TEST(!at("2026-11-24T23:00:00Z"));
}

BOOST_AUTO_TEST_CASE(a_component_that_takes_few_calls_makes_the_next_one_wait) {
  const auto config = config_of("{}").gate;
  gate_state state;
  auto request = block("t1", "203.0.113.1");
  request.rate_most = 1;
  request.rate_per_s = 10;
  BOOST_TEST((ask(state, config, request).what == verdict::allow));
  request.id = "t2";
  request.target.key = "203.0.113.2";
  request.parameters["ip"] = "203.0.113.2";
  const auto d = ask(state, config, request, start + ns_per_s);
  BOOST_TEST((d.what == verdict::later));
  BOOST_TEST(d.again_at == start + 10 * ns_per_s);
  BOOST_TEST((ask(state, config, request, d.again_at).what == verdict::allow));
}

BOOST_AUTO_TEST_CASE(no_generated_request_touches_a_protected_asset_or_passes_a_limit_across_restarts) {
  const auto config = config_of(strict).gate;
  const bool held = rc::check("gate", [&] {
    std::vector<gate_event> journal;
    gate_state state;
    unix_ns now = start;
    std::deque<unix_ns> granted;
    const auto steps = *rc::gen::inRange(1, 200);
    for (int i = 0; i < steps; ++i) {
      now += *rc::gen::inRange<std::int64_t>(0, 400) * ns_per_s;
      const bool own = *rc::gen::inRange(0, 4) == 0;
      const auto ip = (own ? "10.0.0." : "203.0.113.") + std::to_string(*rc::gen::inRange(0, 30));
      auto request = block("t" + std::to_string(*rc::gen::inRange(0, 60)), ip);
      request.by_person = *rc::gen::arbitrary<bool>();
      if (*rc::gen::inRange(0, 5) == 0)
        request = unblock(request);
      const auto d = decide(state, config, request, now);
      for (const auto& event : d.events) {
        if (event.what == gate_event::kind::granted && event.granted.undo_of.empty()) {
          RC_ASSERT(!own);
          granted.push_back(now);
        }
        journal.push_back(event);
        apply(state, event);
      }
      if (!request.undo_of.empty() && d.what == verdict::allow)
        for (const auto& event : release(state, request.undo_of, "undone", now)) {
          journal.push_back(event);
          apply(state, event);
        }
      while (!granted.empty() && granted.front() <= now - 3600 * ns_per_s)
        granted.pop_front();
      RC_ASSERT(granted.size() <= 5u);
      if (*rc::gen::inRange(0, 10) == 0) { // killed: all that is left is the journal
        state = {};
        for (const auto& event : journal)
          apply(state, event);
      }
    }
  });
  BOOST_TEST(held);
}

BOOST_AUTO_TEST_SUITE_END()
