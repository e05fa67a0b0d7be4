#include "playbook/core/machine.hpp"

#include <boost/test/unit_test.hpp>

#include <rapidcheck.h>

namespace {

using namespace soc;
using namespace soc::playbook;
using nlohmann::json;

constexpr unix_ns start = 1'764'000'000 * ns_per_s;

std::string playbook_errors(const std::string& yaml) {
  diagnostics found;
  load_playbook("test.yaml", yaml, found);
  std::string out;
  for (const auto& d : found.all())
    out += d.code + " ";
  return out;
}

/// A run under test: keeps its journal, so that it can be killed and folded again at any time.
struct run_under_test {
  std::shared_ptr<definition_cache> known = std::make_shared<definition_cache>();
  run_state state;
  std::vector<run_event> journal;
  unix_ns now = start;

  explicit run_under_test(std::vector<std::string> texts, json inputs = json::object(), bool recommended = false) {
    run_event begun;
    begun.what = run_event_kind::begun;
    begun.value = std::move(inputs);
    begun.texts = std::move(texts);
    begun.origin = run_origin{.run_id = "r1", .recommended = recommended};
    hear(begun);
  }
  std::size_t hear(run_event event) {
    event.at = now;
    auto events = decide(state, event);
    if (!events)
      return 0;
    for (const auto& e : *events) {
      journal.push_back(e);
      apply(state, e, *known);
    }
    return events->size();
  }
  std::size_t answer(const std::string& path, bool ok, json output = json::object(), std::string error = {}) {
    run_event e;
    e.what = run_event_kind::answered;
    e.path = path;
    e.attempt = state.steps[path].attempts;
    e.ok = ok;
    e.value = std::move(output);
    e.text = std::move(error);
    return hear(e);
  }
  std::size_t command(run_event_kind what, std::string user = "alice", std::string path = {},
                      std::string text = "because") {
    run_event e;
    e.what = what;
    e.user = std::move(user);
    e.path = std::move(path);
    e.text = std::move(text);
    return hear(e);
  }
  void wait_s(std::int64_t s) {
    now += s * ns_per_s;
    command(run_event_kind::ticked);
  }
  std::string invoked() const {
    std::string out;
    for (const auto& i : outstanding_of(state).invoke)
      out += (out.empty() ? "" : " ") + i.step;
    return out;
  }
  step_status status(const std::string& path) { return state.steps[path].status; }
};

const char* const linear = R"(
name: linear
steps:
  - {id: a, action: one, with: {ip: "${inputs.ip}"}}
  - {id: b, action: two, with: {from: "${steps.a.output.id}"}}
  - {id: out, set_output: {id: "${steps.a.output.id}", done: true}}
)";

const char* const graph = R"(
name: graph
steps:
  - {id: split, parallel: [x, y, z]}
  - {id: x, action: ax, next: gate}
  - {id: y, action: ay, next: gate}
  - {id: z, action: az, on_error: continue, next: gate}
  - {id: gate, join: all}
  - id: pick
    condition:
      - {when: {steps.x.output.n|gt: 5}, next: big}
      - {when: {steps.x.output.n|gt: 1}, next: middle}
      - {else: small}
  - {id: big, action: abig, next: fin}
  - {id: middle, action: amid, next: fin}
  - {id: small, action: asmall, next: fin}
  - {id: fin, end: {ok: true}}
)";

const char* const items = R"(
name: items
steps:
  - id: each
    for_each:
      items: "${inputs.ips}"
      as: ip
      max_parallel: 2
      do:
        - {id: block, action: block_ip, with: {ip: "${ip}"}, retry: {attempts: 2, backoff: 10s}}
        - {id: keep, set_output: {ip: "${ip}", rule: "${steps.block.output.rule}"}}
  - {id: all, set_output: {results: "${steps.each.output.results}"}}
)";

} // namespace

BOOST_AUTO_TEST_SUITE(machine_suite)

BOOST_AUTO_TEST_CASE(steps_follow_one_another_and_hand_on_their_output) {
  run_under_test run({linear}, {{"ip", "203.0.113.9"}});
  BOOST_TEST(run.invoked() == "a");
  BOOST_TEST((run.state.steps["a"].request->parameters == json{{"ip", "203.0.113.9"}}));
  run.answer("a", true, {{"id", 7}});
  BOOST_TEST(run.invoked() == "b");
  BOOST_TEST((run.state.steps["b"].request->parameters == json{{"from", 7}}));
  run.answer("b", true);
  BOOST_TEST((run.state.status == run_status::completed));
  BOOST_TEST((run.state.output == json{{"id", 7}, {"done", true}}));
}

BOOST_AUTO_TEST_CASE(a_repeated_or_late_answer_changes_nothing) {
  run_under_test run({linear}, {{"ip", "203.0.113.9"}});
  run.answer("a", true, {{"id", 7}});
  BOOST_TEST(run.answer("a", true, {{"id", 8}}) == 0u);
  BOOST_TEST((run.state.steps["a"].output == json{{"id", 7}}));
  BOOST_TEST(run.answer("nothing", true) == 0u);
}

BOOST_AUTO_TEST_CASE(parallel_ways_run_at_once_and_a_join_waits_for_all) {
  run_under_test run({graph});
  BOOST_TEST(run.invoked() == "x y z");
  run.answer("x", true, {{"n", 3}});
  run.answer("y", true);
  BOOST_TEST((run.status("gate") == step_status::idle));
  run.answer("z", false, {}, "boom");
  BOOST_TEST((run.status("gate") == step_status::done));
  BOOST_TEST(run.invoked() == "middle");
  run.answer("middle", true);
  BOOST_TEST((run.state.status == run_status::completed));
  BOOST_TEST((run.status("big") == step_status::skipped));
}

BOOST_AUTO_TEST_CASE(a_join_doesnt_wait_for_ways_that_were_not_taken) {
  run_under_test run({R"(
name: j
steps:
  - id: which
    branch:
      - {when: {inputs.a: 1}, next: a}
      - {when: {inputs.b: 1}, next: b}
      - {when: {inputs.c: 1}, next: c}
  - {id: a, action: one, next: meet}
  - {id: b, action: one, next: meet}
  - {id: c, action: one, next: meet}
  - {id: meet, join: all}
  - {id: after, action: two}
)"},
                     {{"a", 1}, {"b", 0}, {"c", 1}});
  BOOST_TEST(run.invoked() == "a c");
  run.answer("a", true);
  run.answer("c", true);
  BOOST_TEST(run.invoked() == "after");
}

BOOST_AUTO_TEST_CASE(for_each_keeps_to_its_bound_and_gathers_results_in_order) {
  run_under_test run({items}, {{"ips", {"1.1.1.1", "2.2.2.2", "3.3.3.3"}}});
  BOOST_TEST(run.invoked() == "each[0]/block each[1]/block");
  run.answer("each[1]/block", true, {{"rule", "r2"}});
  BOOST_TEST(run.invoked() == "each[0]/block each[2]/block");
  run.answer("each[2]/block", true, {{"rule", "r3"}});
  run.answer("each[0]/block", true, {{"rule", "r1"}});
  BOOST_TEST((run.state.status == run_status::completed));
  BOOST_TEST(run.state.output["results"][2]["rule"] == "r3");
  BOOST_TEST(run.state.output["results"].size() == 3u);
}

BOOST_AUTO_TEST_CASE(a_failed_action_is_tried_again_after_its_back_off_under_a_new_key) {
  run_under_test run({items}, {{"ips", {"1.1.1.1"}}});
  run.answer("each[0]/block", false, {}, "busy");
  BOOST_TEST(run.invoked().empty());
  BOOST_TEST(outstanding_of(run.state).next_due == start + 10 * ns_per_s);
  run.wait_s(9);
  BOOST_TEST(run.invoked().empty());
  run.wait_s(1);
  BOOST_TEST(run.invoked() == "each[0]/block#2");
  run.answer("each[0]/block", false, {}, "busy");
  BOOST_TEST((run.state.status == run_status::failed));
  BOOST_TEST(run.state.reason.find("busy") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_failed_run_undoes_what_it_did_newest_first) {
  run_under_test run({R"(
name: c
compensation: undo_all
steps:
  - {id: a, action: one}
  - {id: b, action: two}
  - {id: c, action: three}
)"});
  run.answer("a", true);
  run.answer("b", true);
  run.answer("c", false, {}, "no");
  BOOST_TEST((run.state.status == run_status::compensating));
  run_event undone;
  undone.what = run_event_kind::compensated;
  undone.path = "c"; // it may have done something before it failed
  undone.ok = true;
  run.hear(undone);
  BOOST_TEST((outstanding_of(run.state).undo == std::vector<std::string>{"b"}));
  undone.path = "b";
  run.hear(undone);
  BOOST_TEST(run.hear(undone) == 0u);
  undone.path = "a";
  run.hear(undone);
  BOOST_TEST((run.state.status == run_status::failed));
}

BOOST_AUTO_TEST_CASE(what_was_tried_twice_or_still_under_way_when_the_run_failed_is_undone_once_too) {
  run_under_test run({R"(
name: c
compensation: undo_all
steps:
  - {id: a, action: one}
  - {id: split, parallel: [x, y]}
  - {id: x, action: two, next: end}
  - {id: y, action: three, retry: {attempts: 2, backoff: 10s}, next: end}
)"});
  run.answer("a", true);
  run.answer("y", false, {}, "no");
  run.wait_s(10);
  run.answer("y", false, {}, "no");
  std::vector<std::string> order;
  while (run.state.status == run_status::compensating && order.size() < 10) {
    run_event undone;
    undone.what = run_event_kind::compensated;
    undone.path = outstanding_of(run.state).undo.at(0);
    undone.ok = true;
    order.push_back(undone.path);
    run.hear(undone);
  }
  BOOST_TEST((order == std::vector<std::string>{"x", "y", "a"}));
  BOOST_TEST((run.state.status == run_status::failed));
}

BOOST_AUTO_TEST_CASE(thousands_of_items_that_end_at_once_need_no_deeper_stack) {
  json many = json::array();
  for (int i = 0; i < 10'000; ++i)
    many.push_back(i);
  run_under_test run({R"(
name: many
steps:
  - id: each
    for_each:
      items: "${inputs.many}"
      do: [{id: meet, join: all}]
)"},
                     {{"many", std::move(many)}});
  BOOST_TEST((run.state.status == run_status::completed));
  BOOST_TEST(run.state.steps["each"].finished == 10'000u);
  BOOST_TEST((run.status("each[9999]/meet") == step_status::done));
}

BOOST_AUTO_TEST_CASE(an_approval_wants_different_people_and_lapses) {
  const std::string text = R"(
name: ap
steps:
  - {id: ask, approval: {people: 2, message: "block ${inputs.ip}?"}, timeout: 1h, on_error: refused}
  - {id: act, action: one, next: end}
  - {id: refused, action: tell}
)";
  run_under_test run({text}, {{"ip", "203.0.113.9"}});
  BOOST_TEST(run.command(run_event_kind::approved, "alice") == 1u);
  BOOST_TEST(run.command(run_event_kind::approved, "alice") == 0u);
  BOOST_TEST(run.invoked().empty());
  run.command(run_event_kind::approved, "bob");
  BOOST_TEST(run.invoked() == "act");
  run_under_test late({text}, {{"ip", "203.0.113.9"}});
  late.wait_s(3600);
  BOOST_TEST(late.invoked() == "refused");
  run_under_test rejected({text}, {{"ip", "203.0.113.9"}});
  rejected.command(run_event_kind::rejected, "bob");
  BOOST_TEST(rejected.invoked() == "refused");
}

BOOST_AUTO_TEST_CASE(a_wait_ends_with_its_time_or_its_signal) {
  run_under_test timed({"{name: w, steps: [{id: w, wait: 90s}, {id: a, action: one}]}"});
  timed.wait_s(89);
  BOOST_TEST(timed.invoked().empty());
  timed.wait_s(1);
  BOOST_TEST(timed.invoked() == "a");
  run_under_test signalled({"{name: w, steps: [{id: w, wait: {signal: go}}, {id: a, action: one}]}"});
  signalled.command(run_event_kind::signalled, "alice", "", "stay");
  BOOST_TEST(signalled.invoked().empty());
  signalled.command(run_event_kind::signalled, "alice", "", "go");
  BOOST_TEST(signalled.invoked() == "a");
}

BOOST_AUTO_TEST_CASE(a_sub_playbook_runs_inside_with_its_own_names) {
  const std::string outer = R"(
name: outer
steps:
  - {id: inner, sub_playbook: linear, with: {ip: 203.0.113.9}}
  - {id: after, action: three, with: {id: "${steps.inner.output.id}"}}
)";
  const std::string inner = std::string(linear) + "inputs: {ip: {type: ip}}\n";
  run_under_test run({outer, inner});
  BOOST_TEST(run.invoked() == "inner/a");
  run.answer("inner/a", true, {{"id", 7}});
  run.answer("inner/b", true);
  BOOST_TEST(run.invoked() == "after");
  BOOST_TEST((run.state.steps["after"].request->parameters == json{{"id", 7}}));
}

BOOST_AUTO_TEST_CASE(a_recommended_run_waits_for_a_person_to_begin_it) {
  run_under_test run({linear}, {{"ip", "203.0.113.9"}}, true);
  BOOST_TEST(run.invoked().empty());
  BOOST_TEST(run.command(run_event_kind::approved) == 1u);
  BOOST_TEST(run.invoked() == "a");
  run_under_test rejected({linear}, {{"ip", "203.0.113.9"}}, true);
  rejected.command(run_event_kind::rejected);
  BOOST_TEST((rejected.state.status == run_status::cancelled));
  run_under_test late({linear}, {{"ip", "203.0.113.9"}}, true);
  late.wait_s(8 * 3600);
  BOOST_TEST((late.state.status == run_status::cancelled));
}

BOOST_AUTO_TEST_CASE(paused_runs_take_answers_but_ask_for_nothing) {
  run_under_test run({linear}, {{"ip", "203.0.113.9"}});
  run.command(run_event_kind::paused);
  run.answer("a", true, {{"id", 7}});
  BOOST_TEST(run.invoked().empty());
  run.command(run_event_kind::resumed);
  BOOST_TEST(run.invoked() == "b");
}

BOOST_AUTO_TEST_CASE(cancel_ends_a_run_at_every_state) {
  for (int answers = 0; answers < 2; ++answers) {
    run_under_test run({linear}, {{"ip", "203.0.113.9"}});
    if (answers > 0)
      run.answer("a", true, {{"id", 7}});
    BOOST_TEST(run.command(run_event_kind::cancelled) == 1u);
    BOOST_TEST((run.state.status == run_status::cancelled));
    BOOST_TEST(run.invoked().empty());
    BOOST_TEST(run.command(run_event_kind::cancelled) == 0u);
  }
}

BOOST_AUTO_TEST_CASE(a_failed_run_can_be_retried_from_where_it_failed) {
  run_under_test run({linear}, {{"ip", "203.0.113.9"}});
  run.answer("a", true, {{"id", 7}});
  run.answer("b", false, {}, "down");
  BOOST_TEST((run.state.status == run_status::failed));
  BOOST_TEST(run.command(run_event_kind::retried) == 1u);
  BOOST_TEST(run.invoked() == "b#2");
  run.answer("b", true);
  BOOST_TEST((run.state.status == run_status::completed));
}

BOOST_AUTO_TEST_CASE(a_step_whose_reference_leads_nowhere_fails_with_its_name) {
  run_under_test run({linear});
  BOOST_TEST((run.state.status == run_status::failed));
  BOOST_TEST(run.state.reason.find("inputs.ip") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(mistakes_in_a_playbook_are_found_before_it_runs) {
  BOOST_TEST(playbook_errors("{name: x, steps: [{id: a, action: b, next: c}]}").find("PLB011") != std::string::npos);
  BOOST_TEST(
      playbook_errors("{name: x, steps: [{id: a, action: b, next: c}, {id: c, action: b, next: a}]}").find("PLB012") !=
      std::string::npos);
  BOOST_TEST(playbook_errors("{name: x, steps: [{id: a, action: b, wait: 3s}]}").find("PLB006") != std::string::npos);
  BOOST_TEST(playbook_errors("{name: x, steps: [{id: a, action: b}, {id: a, action: b}]}").find("PLB010") !=
             std::string::npos);
  BOOST_TEST(playbook_errors("{name: x").find("PLB001") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_name_that_can_be_no_folder_of_its_own_is_refused) {
  const auto named = [](const std::string& name) {
    return playbook_errors("{name: '" + name + "', steps: [{id: a, action: b}]}");
  };
  BOOST_TEST(named("Block-host_2").empty());
  BOOST_TEST(named(std::string(64, 'a')).empty());
  for (const auto& name : {std::string("../../prod/isolate"), std::string("/etc/x"), std::string(".."), std::string(""),
                           std::string("a b"), std::string(65, 'a')})
    BOOST_TEST(named(name) == "PLB005 ");
  BOOST_TEST(playbook_errors("{steps: [{id: a, action: b}]}") == "PLB002 ");
}

BOOST_AUTO_TEST_CASE(a_policy_of_any_id_becomes_a_playbook) {
  for (const auto& id : {std::string("block 1h"), std::string("../x"), std::string(200, 'p'), std::string("hôte")})
    BOOST_TEST(playbook_errors(policy_playbook(id, "", "block_ip", {}, {}, "")).empty());
}

BOOST_AUTO_TEST_CASE(checks_find_unknown_actions_missing_inputs_unreached_steps_and_cycles) {
  const auto codes = [](const std::string& yaml) {
    diagnostics found;
    const auto d = load_playbook("test.yaml", yaml, found);
    BOOST_REQUIRE(d);
    const action_table actions{{"block_ip", {{{"ip", "ip", true}, {"n", "integer", false}}, "reversible", "ip"}}};
    check_playbook(*d, actions, {{"x", d}}, found);
    std::string out;
    for (const auto& item : found.all())
      out += item.code + " ";
    return out;
  };
  BOOST_TEST(
      codes("{name: x, inputs: {ip: {type: ip}}, steps: [{id: a, action: block_ip, with: {ip: '${inputs.ip}'}}]}")
          .empty());
  BOOST_TEST(codes("{name: x, steps: [{id: a, action: block_iq}]}") == "PLB026 ");
  BOOST_TEST(codes("{name: x, steps: [{id: a, action: block_ip}]}") == "PLB027 ");
  BOOST_TEST(codes("{name: x, steps: [{id: a, action: block_ip, with: {ip: x, n: many}}]}") == "PLB028 ");
  BOOST_TEST(codes("{name: x, steps: [{id: a, action: block_ip, with: {ip: x, m: 1}}]}") == "PLB029 ");
  BOOST_TEST(codes("{name: x, steps: [{id: a, action: block_ip, with: {ip: '${inputs.ip}'}}]}") == "PLB025 ");
  BOOST_TEST(
      codes("{name: x, steps: [{id: a, action: block_ip, with: {ip: '${steps.b.output}'}}, {id: b, wait: 1s}]}") ==
      "PLB023 ");
  BOOST_TEST(codes("{name: x, steps: [{id: a, wait: 1s, next: end}, {id: b, wait: 1s}]}") == "PLB020 ");
  BOOST_TEST(codes("{name: x, steps: [{id: a, sub_playbook: x}]}") == "PLB033 ");
}

// Kill at every prefix: whatever happened in between, folding the journal gives the same state, and each outside effect
// was asked for under one key only.
BOOST_AUTO_TEST_CASE(no_step_is_lost_or_done_twice_wherever_the_run_is_killed) {
  const bool held = rc::check("kill anywhere", [&] {
    const auto which = *rc::gen::inRange(0, 3);
    run_under_test run = which == 0 ? run_under_test({linear}, {{"ip", "203.0.113.9"}})
                         : which == 1
                             ? run_under_test({graph})
                             : run_under_test({items}, {{"ips", {"1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4"}}});
    std::map<std::string, int> done; // what a target that honours keys has done
    for (int i = 0; i < 200 && !is_final(run.state.status); ++i) {
      const auto open = outstanding_of(run.state);
      if (*rc::gen::inRange(0, 4) == 0) { // killed
        run_state again;
        auto known = std::make_shared<definition_cache>();
        for (const auto& e : run.journal)
          apply(again, e, *known);
        const auto reopened = outstanding_of(again);
        RC_ASSERT(reopened.invoke.size() == open.invoke.size());
        for (std::size_t k = 0; k < open.invoke.size(); ++k)
          RC_ASSERT(reopened.invoke[k].step == open.invoke[k].step);
        RC_ASSERT(again.output == run.state.output);
        RC_ASSERT(again.status == run.state.status);
        run.state = std::move(again);
        run.known = std::move(known);
      }
      if (open.invoke.empty()) {
        run.wait_s(*rc::gen::inRange<std::int64_t>(1, 60));
        continue;
      }
      const auto pick = static_cast<std::size_t>(*rc::gen::inRange<int>(0, static_cast<int>(open.invoke.size())));
      const auto path = open.invoke[pick].path;
      const bool ok = open.invoke[pick].attempt > 1 || *rc::gen::inRange(0, 4) > 0;
      if (ok)
        done[open.invoke[pick].step] = 1;
      const auto before = run.journal.size();
      run.answer(path, ok, {{"id", 1}, {"n", 3}, {"rule", "r"}}, "busy");
      RC_ASSERT(run.journal.size() == before + 1);
      run.answer(path, !ok); // redelivered, even contradicting
      if (run.state.steps[path].attempts == open.invoke[pick].attempt)
        RC_ASSERT(run.journal.size() == before + 1);
    }
    RC_ASSERT(is_final(run.state.status));
    if (run.state.status == run_status::completed && which == 2)
      RC_ASSERT(done.size() == 4u);
  });
  BOOST_TEST(held);
}

BOOST_AUTO_TEST_SUITE_END()
