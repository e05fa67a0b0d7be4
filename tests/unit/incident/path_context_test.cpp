// The attack path extended by stored events: parents and children of processes, files that were written and then ran,
// logons, roles; what has nothing to do with it stays out.
#include "incident/core/path_context.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace soc;
using namespace soc::incident;
using model::entity;
using model::entity_role;
using model::entity_type;

namespace {

entity process(entity_role role, const std::string& name) {
  return {entity_type::process, role, "web-1|" + name, name};
}
entity file(entity_role role, const std::string& path) {
  return {entity_type::file, role, "web-1|" + path, path};
}

context_event event_of(unix_ns time, std::uint32_t class_uid, std::vector<entity> entities) {
  context_event e;
  e.time = time;
  e.event_id = "event-" + std::to_string(time);
  e.source = "linux/auditd";
  e.class_uid = class_uid;
  e.activity = 1;
  e.host = "web-1";
  e.entities = std::move(entities);
  return e;
}

/// A path whose one step is an alert: sh connected to an outside address.
attack_path reverse_shell() {
  attack_path path;
  path.nodes = {{entity_type::process, "web-1|sh", "sh"}, {entity_type::ip, "203.0.113.9", "203.0.113.9"}};
  path_step s;
  s.from = 0;
  s.to = 1;
  s.verb = "connected to";
  s.time = 1000;
  s.alert_id = "alert-1";
  s.gap = true;
  path.steps = {s};
  path.gaps = {"how process sh was reached is not recorded"};
  return path;
}

std::string told(const attack_path& path) {
  std::string out;
  for (const auto& s : path.steps)
    out += (out.empty() ? "" : "; ") + path.nodes[s.from].label + " " + s.verb + " " + path.nodes[s.to].label;
  return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_process_is_traced_to_its_parents_parent) {
  const auto path =
      extended_path(reverse_shell(),
                    {event_of(20, 1007, {process(entity_role::actor, "php"), process(entity_role::target, "sh")}),
                     event_of(10, 1007, {process(entity_role::actor, "nginx"), process(entity_role::target, "php")})});
  BOOST_TEST(told(path) == "nginx spawned php; php spawned sh; sh connected to 203.0.113.9");
  BOOST_TEST(path.steps[1].event_id == "event-20");
  BOOST_TEST(path.steps[1].alert_id.empty());
}

BOOST_AUTO_TEST_CASE(a_second_name_of_a_parent_is_no_second_parent) {
  const auto path = extended_path(
      reverse_shell(),
      {event_of(20, 1007, {process(entity_role::actor, "php"), process(entity_role::target, "sh")}),
       event_of(21, 1007, {process(entity_role::actor, "php by another sensor"), process(entity_role::target, "sh")})});
  BOOST_TEST(told(path) == "php spawned sh; sh connected to 203.0.113.9");
  BOOST_TEST(path.nodes.size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_gap_that_events_explain_is_closed) {
  const auto before = reverse_shell();
  BOOST_TEST(before.steps[0].gap);
  const auto path = extended_path(
      before, {event_of(20, 1007, {process(entity_role::actor, "php"), process(entity_role::target, "sh")})});
  BOOST_TEST(!path.steps.back().gap);
  BOOST_TEST(path.gaps.empty());
}

BOOST_AUTO_TEST_CASE(without_events_the_gap_stays_named) {
  const auto path = extended_path(reverse_shell(), {});
  BOOST_TEST(path.steps[0].gap);
  BOOST_TEST(path.gaps.size() == 1u);
}

BOOST_AUTO_TEST_CASE(an_event_after_the_step_does_not_explain_it) {
  const auto path =
      extended_path(reverse_shell(),
                    {event_of(2000, 1007, {process(entity_role::actor, "php"), process(entity_role::target, "sh")})});
  BOOST_TEST(path.gaps.size() == 1u);
}

BOOST_AUTO_TEST_CASE(what_the_attackers_process_did_next_is_told) {
  const auto path = extended_path(
      reverse_shell(),
      {event_of(1100, 1007, {process(entity_role::actor, "sh"), process(entity_role::target, "curl")}),
       event_of(1200, 1001, {process(entity_role::actor, "curl"), file(entity_role::target, "/tmp/miner")}),
       event_of(1300, 1007,
                {process(entity_role::actor, "sh"), process(entity_role::target, "miner"),
                 file(entity_role::target, "/tmp/miner")})});
  BOOST_TEST(told(path) == "sh connected to 203.0.113.9; sh spawned curl; curl wrote /tmp/miner; sh spawned miner; "
                           "/tmp/miner ran as miner");
}

BOOST_AUTO_TEST_CASE(a_parent_found_looking_back_does_not_bring_its_other_children) {
  const auto path = extended_path(
      reverse_shell(),
      {event_of(20, 1007, {process(entity_role::actor, "systemd"), process(entity_role::target, "sh")}),
       event_of(30, 1007, {process(entity_role::actor, "systemd"), process(entity_role::target, "cron")}),
       event_of(40, 1007, {process(entity_role::actor, "cron"), process(entity_role::target, "logrotate")})});
  BOOST_TEST(told(path) == "systemd spawned sh; sh connected to 203.0.113.9");
}

BOOST_AUTO_TEST_CASE(logons_and_roles_lead_to_an_account_of_the_path) {
  attack_path path;
  path.nodes = {{entity_type::user, "acme\\bob", "bob"},
                {entity_type::cloud_resource, "arn:aws:iam::1:role/admin", "admin"},
                {entity_type::cloud_resource, "i-1", "i-1"}};
  path_step s;
  s.from = 1;
  s.to = 2;
  s.verb = "created";
  s.time = 1000;
  path.steps = {s};
  auto role = event_of(500, 6003,
                       {{entity_type::user, entity_role::actor, "acme\\bob", "bob"},
                        {entity_type::cloud_resource, entity_role::target, "arn:aws:iam::1:role/admin", "admin"}});
  role.operation = "AssumeRole";
  const auto in = event_of(100, 3002,
                           {{entity_type::ip, entity_role::source, "203.0.113.9", "203.0.113.9"},
                            {entity_type::user, entity_role::target, "acme\\bob", "bob"}});
  BOOST_TEST(told(extended_path(path, {role, in})) ==
             "203.0.113.9 logged in as bob; bob assumed role admin; admin created i-1");
}

namespace {

/// sh ran on web-1, then somebody came from 10.0.0.7 to bob's account.
attack_path from_inside() {
  attack_path path;
  path.nodes = {{entity_type::process, "web-1|sh", "sh"},
                {entity_type::file, "web-1|/tmp/x", "/tmp/x"},
                {entity_type::ip, "10.0.0.7", "10.0.0.7"},
                {entity_type::user, "acme\\bob", "bob"}};
  path_step wrote, in;
  wrote.from = 0;
  wrote.to = 1;
  wrote.verb = "wrote";
  wrote.time = 1000;
  in.from = 2;
  in.to = 3;
  in.verb = "logged in as";
  in.time = 2000;
  in.gap = true;
  path.steps = {wrote, in};
  path.gaps = {"how ip 10.0.0.7 was reached is not recorded"};
  return path;
}

/// A program on `host` connected from one address to another.
context_event connection(const std::string& host, std::int64_t direction, const std::string& from,
                         const std::string& to) {
  auto e = event_of(1500, 4001,
                    {{entity_type::process, entity_role::actor, host + "|other", "other"},
                     {entity_type::ip, entity_role::source, from, from},
                     {entity_type::ip, entity_role::destination, to, to}});
  e.host = host;
  e.direction = direction;
  return e;
}

} // namespace

BOOST_AUTO_TEST_CASE(the_address_of_a_machine_the_attack_was_on_is_named_and_no_gap) {
  for (const auto& e :
       {connection("web-1", 2, "10.0.0.7", "10.0.0.9"), connection("web-1", 1, "10.0.0.9", "10.0.0.7")}) {
    const auto path = extended_path(from_inside(), {e});
    BOOST_TEST(path.nodes[2].label == "10.0.0.7 (web-1)");
    BOOST_TEST(path.gaps.empty());
    BOOST_TEST(!path.steps.back().gap);
  }
}

BOOST_AUTO_TEST_CASE(the_address_of_another_machine_is_named_and_stays_a_gap) {
  const auto path = extended_path(from_inside(), {connection("db-1", 2, "10.0.0.7", "10.0.0.9")});
  BOOST_TEST(path.nodes[2].label == "10.0.0.7 (db-1)");
  BOOST_TEST(path.gaps.size() == 1U);
}

BOOST_AUTO_TEST_CASE(an_address_that_two_machines_had_or_whose_direction_is_not_told_is_nobodys) {
  const auto twice = extended_path(
      from_inside(), {connection("web-1", 2, "10.0.0.7", "10.0.0.9"), connection("db-1", 2, "10.0.0.7", "10.0.0.9")});
  BOOST_TEST(twice.nodes[2].label == "10.0.0.7");
  BOOST_TEST(twice.gaps.size() == 1U);
  BOOST_TEST(extended_path(from_inside(), {connection("web-1", 0, "10.0.0.7", "10.0.0.9")}).nodes[2].label ==
             "10.0.0.7");
}

BOOST_AUTO_TEST_CASE(a_busy_process_adds_a_bounded_number_of_steps) {
  std::vector<context_event> events;
  for (int i = 0; i < 500; ++i)
    events.push_back(
        event_of(2000 + i, 1007,
                 {process(entity_role::actor, "sh"), process(entity_role::target, "child-" + std::to_string(i))}));
  BOOST_TEST(extended_path(reverse_shell(), events).steps.size() == 1 + max_steps_of_node);
}

BOOST_AUTO_TEST_CASE(the_store_is_asked_for_processes_first_and_not_for_too_much) {
  attack_path path;
  for (int i = 0; i < 30; ++i)
    path.nodes.push_back({entity_type::file, "web-1|/f" + std::to_string(i), "/f"});
  path.nodes.push_back({entity_type::process, "web-1|sh", "sh"});
  path.nodes.push_back({entity_type::ip, "203.0.113.9", "203.0.113.9"});
  const auto questions = questions_of(path, 10'000, 20'000, 1'000);
  BOOST_REQUIRE_EQUAL(questions.size(), max_context_questions);
  BOOST_TEST(questions.front().key == "web-1|sh");
  BOOST_TEST(questions.front().from == 9'000);
  BOOST_TEST(questions.front().to == 21'000);
}
