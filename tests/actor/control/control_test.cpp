// Commands as a node answers them, and how they go from node to node: virtual time, fakes for all that is asked.
#include "actor/runtime/fixture.hpp"
#include "control/control_actor.hpp"
#include "runtime/incident_interfaces.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace soc;
using namespace soc::test;
using namespace soc::control;

namespace {

struct asked_node {
  std::string node, words;
  std::chrono::milliseconds patience;
};

/// What the fakes were asked, and what they answer.
struct surroundings {
  std::map<std::string, result<wire::control_reply>> others; ///< by node: its answer
  std::vector<asked_node> asked;
  std::vector<audit_note> audit;
  std::vector<incident::change_incident> changes;
  std::vector<response::operator_command> orders;
  std::vector<response::begin_run> begun;
  response::command_answer answer{true, "obeyed"};
  std::vector<std::uint64_t> to_remove;
  std::uint64_t removed = 1;
};

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

caf::behavior fake_bus(caf::event_based_actor*, surroundings* s) {
  return {[s](const bus_request& r) -> caf::result<bus_reply> {
    const std::string_view before = "soc.node.", after = ".control";
    const auto node = r.subject.substr(before.size(), r.subject.size() - before.size() - after.size());
    const auto request = wire::decode_control_request(r.payload);
    s->asked.push_back({node, joined(request->words), r.timeout});
    const auto& answer = s->others.at(node);
    if (!answer)
      return to_error(answer.error());
    return bus_reply{*wire::encode(*answer)};
  }};
}

caf::behavior fake_audit(caf::event_based_actor*, surroundings* s) {
  return {[s](const audit_note& note) { s->audit.push_back(note); }};
}

caf::behavior fake_response(caf::event_based_actor*, surroundings* s) {
  return {[s](const response::operator_command& order) {
            s->orders.push_back(order);
            return s->answer;
          },
          [s](const response::begin_run& ask) {
            s->begun.push_back(ask);
            return s->answer;
          }};
}

caf::behavior fake_incidents(caf::event_based_actor*, surroundings* s) {
  return {[s](const incident::change_incident& change) {
            s->changes.push_back(change);
            return incident::command_done{true, 1, {}};
          },
          [](const incident::list_incidents&) {
            incident::incident_list out;
            out.all.resize(1);
            out.all[0].id = "abcd";
            out.all[0].tenant = "acme";
            out.total = 1;
            return out;
          }};
}

caf::behavior fake_store(caf::event_based_actor*, surroundings* s) {
  return {[s](const quarantine_remove& asked) {
    s->to_remove = asked.numbers;
    return stored{s->removed};
  }};
}

wire::control_reply obeyed() {
  wire::control_reply out;
  out.ok = true;
  out.body = R"({"text":"obeyed there"})";
  return out;
}

struct control_fixture : tree_fixture {
  surroundings around;
  std::vector<std::string> nodes{"node-a"};
  std::vector<caf::actor> spawned;
  caf::actor control;

  control_fixture() {
    node_services services;
    services.node = "node-a";
    services.bus = bus_ref(fake(fake_bus));
    services.audit = audit_ref(fake(fake_audit));
    services.response = response::manager_ref(fake(fake_response));
    services.incidents = fake(fake_incidents);
    services.store = store_ref(fake(fake_store));
    services.living_nodes = [this] { return nodes; };
    control = spawn_observed(system, actor_context{.path = "node/control/answers", .clock = &clock}, control_actor,
                             std::move(services));
    spawned.push_back(control);
    run();
  }
  ~control_fixture() {
    for (const auto& actor : spawned)
      caf::anon_send_exit(actor, caf::exit_reason::kill);
    run();
  }

  template <class F>
  caf::actor fake(F behaviour) {
    spawned.push_back(system.spawn(behaviour, &around));
    return spawned.back();
  }
  wire::control_reply say(std::vector<std::string> words, unix_ns deadline = 0) {
    auto reply = ask<wire::control_reply>(
        control, control_query{wire::control_request{"id-1", "ana", std::move(words), true, deadline}});
    BOOST_REQUIRE_MESSAGE(reply, (reply ? "" : reply.error().what));
    return *reply;
  }
  /// The exit code.
  int code(std::vector<std::string> words) { return say(std::move(words)).exit_code; }
  void knows_nothing() { around.answer = {false, "no task, run or incident begins with 'abcd'", {}, true}; }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(control_commands, control_fixture)

// ---- From node to node

BOOST_AUTO_TEST_CASE(what_this_node_knows_nothing_of_is_asked_of_another) {
  nodes = {"node-a", "node-b"};
  knows_nothing();
  around.others.emplace("node-b", obeyed());
  BOOST_TEST(say({"undo", "abcd"}).ok);
  BOOST_REQUIRE_EQUAL(around.asked.size(), 1u);
  BOOST_TEST(around.asked[0].words == "@local undo abcd");
}

BOOST_AUTO_TEST_CASE(what_this_node_refuses_is_asked_of_no_other_whatever_its_words) {
  nodes = {"node-a", "node-b"};
  around.answer = {false, "no way: it is over"};
  const auto reply = say({"undo", "abcd"});
  BOOST_TEST(!reply.ok);
  BOOST_TEST(reply.error == "no way: it is over");
  BOOST_TEST(around.asked.empty());
}

BOOST_AUTO_TEST_CASE(a_node_that_is_late_is_named_and_no_other_is_asked) {
  nodes = {"node-a", "node-b", "node-c"};
  knows_nothing();
  around.others.emplace("node-b", obeyed());
  around.others.emplace("node-c", failure{ec::timed_out, "no answer in time"});
  BOOST_TEST(say({"undo", "abcd"}).error == "node node-c did not answer in time; it may have obeyed");
  BOOST_TEST(around.asked.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_node_that_is_gone_is_passed_over_and_named_when_no_other_has_it) {
  nodes = {"node-a", "node-b", "node-c"};
  knows_nothing();
  around.others.emplace("node-b", obeyed());
  around.others.emplace("node-c", failure{ec::unavailable, "nobody answers"});
  BOOST_TEST(say({"undo", "abcd"}).ok);
  around.others.at("node-b") = failure{ec::unavailable, "nobody answers"};
  const auto error = say({"undo", "abcd"}).error;
  BOOST_TEST(error.starts_with("no task, run or incident begins with 'abcd'"));
  BOOST_TEST(error.find("node-b can't be asked") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(another_node_has_the_time_that_whoever_asked_still_waits) {
  nodes = {"node-a", "node-b"};
  knows_nothing();
  around.others.emplace("node-b", obeyed());
  const auto in = [&](int seconds) { return clock.now() + seconds * ns_per_s; };
  say({"undo", "abcd"});
  say({"undo", "abcd"}, in(30));
  say({"undo", "abcd"}, in(300));
  say({"run", "p", "--wait"}, in(300));
  std::vector<std::int64_t> seconds;
  for (const auto& one : around.asked)
    seconds.push_back(one.patience.count() / 1000);
  BOOST_TEST(seconds == (std::vector<std::int64_t>{4, 30, 60, 300}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_change_is_in_the_audit_also_when_it_is_said_to_come_from_another_node) {
  say({"@local", "quarantine", "remove", "12"});
  BOOST_REQUIRE_EQUAL(around.audit.size(), 1u);
  BOOST_TEST(around.audit[0].what == "quarantine remove 12");
  BOOST_TEST(around.audit[0].user == "ana");
}

// ---- Names

BOOST_AUTO_TEST_CASE(a_tenant_that_can_be_no_part_of_a_subject_is_refused_before_anything_is_asked) {
  for (const auto* wrong : {"Acme Corp", "*", "a.b", ">", ""})
    BOOST_TEST(code({"assign", "abcd", "eve", "--tenant", wrong}) == 2);
  BOOST_TEST(code({"undo", "abcd", "--tenant"}) == 2);
  BOOST_TEST(around.changes.empty());
  BOOST_TEST(around.orders.empty());
  BOOST_TEST(around.audit.empty());
}

BOOST_AUTO_TEST_CASE(an_incident_is_looked_for_in_every_tenant_unless_one_is_named) {
  say({"assign", "abcd", "eve"});
  say({"assign", "abcd", "eve", "--tenant", "acme"});
  BOOST_REQUIRE_EQUAL(around.changes.size(), 2u);
  BOOST_TEST(around.changes[0].tenant == "");
  BOOST_TEST(around.changes[1].tenant == "acme");
}

BOOST_AUTO_TEST_CASE(the_list_of_incidents_says_whose_they_are) {
  const auto table = json::parse(say({"incidents"}).body);
  BOOST_TEST(table["columns"][1] == "tenant");
  BOOST_TEST(table["rows"][0][1] == "acme");
}

// ---- Words

BOOST_AUTO_TEST_CASE(a_comment_is_kept_word_for_word) {
  say({"comment", "abcd", "ran", "rm", "-rf", "--no-preserve-root", "/", "--tenant", "Acme", "Corp"});
  BOOST_REQUIRE_EQUAL(around.changes.size(), 1u);
  BOOST_TEST(std::get<incident::add_comment>(around.changes[0].asked).text ==
             "ran rm -rf --no-preserve-root / --tenant Acme Corp");
  BOOST_TEST(around.changes[0].tenant == "");
}

BOOST_AUTO_TEST_CASE(a_reason_keeps_what_is_no_option_of_its_command) {
  say({"status", "abcd", "closed", "the", "--force", "push", "--as", "benign"});
  BOOST_REQUIRE_EQUAL(around.changes.size(), 1u);
  const auto& asked = std::get<incident::set_status>(around.changes[0].asked);
  BOOST_TEST(asked.reason == "the --force push");
  BOOST_TEST((asked.found == incident::classification::benign));
  say({"undo", "abcd", "a", "--force", "push", "--tenant", "acme"});
  say({"retry", "abcd", "--reason", "not", "ours"});
  BOOST_REQUIRE_EQUAL(around.orders.size(), 2u);
  BOOST_TEST(around.orders[0].reason == "a --force push");
  BOOST_TEST(around.orders[0].tenant == "acme");
  BOOST_TEST(around.orders[1].reason == "not ours");
  BOOST_TEST(around.orders[1].detail == "");
  say({"rerun", "abcd", "--reason", "it", "failed", "--wait"});
  BOOST_TEST(around.begun.at(0).reason == "it failed");
  BOOST_TEST(around.begun.at(0).wait);
}

BOOST_AUTO_TEST_CASE(inputs_of_a_run_may_follow_its_options) {
  say({"run", "p", "--incident", "abcd", "ip=203.0.113.9", "--wait", "days=2"});
  BOOST_REQUIRE_EQUAL(around.begun.size(), 1u);
  BOOST_TEST(joined(around.begun[0].inputs) == "ip=203.0.113.9 days=2");
  BOOST_TEST(around.begun[0].wait);
}

BOOST_AUTO_TEST_CASE(what_is_mistyped_changes_nothing) {
  BOOST_TEST(code({"automation", "abcd", "ON"}) == 2);
  BOOST_TEST(code({"status", "abcd", "resolved", "--as", "typo"}) == 2);
  BOOST_TEST(code({"status", "abcd", "done"}) == 2);
  BOOST_TEST(code({"times", "--last", "2weeks"}) == 2);
  BOOST_TEST(around.changes.empty());
  BOOST_TEST(code({"automation", "abcd", "off"}) == 0);
  BOOST_TEST(!std::get<incident::set_automation>(around.changes.at(0).asked).on);
  BOOST_TEST(code({"times", "--last", "2d"}) == 0);
}

// ---- Records in quarantine

BOOST_AUTO_TEST_CASE(with_several_nodes_records_are_removed_only_at_the_one_that_is_named) {
  nodes = {"node-a", "node-b"};
  around.others.emplace("node-b", obeyed());
  BOOST_TEST(code({"quarantine", "remove", "12"}) == 2);
  BOOST_TEST(code({"quarantine", "remove", "node-c", "12"}) == 2);
  BOOST_TEST(around.to_remove.empty());
  BOOST_TEST(say({"quarantine", "remove", "node-b", "12", "13"}).ok);
  BOOST_REQUIRE_EQUAL(around.asked.size(), 1u);
  BOOST_TEST(around.asked[0].words == "@local quarantine remove 12 13");
  BOOST_TEST(around.to_remove.empty());
  BOOST_TEST(code({"quarantine", "remove", "node-a", "12"}) == 0);
  BOOST_TEST(around.to_remove == (std::vector<std::uint64_t>{12}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_node_alone_need_not_be_named) {
  BOOST_TEST(code({"quarantine", "remove", "12"}) == 0);
  BOOST_TEST(around.to_remove == (std::vector<std::uint64_t>{12}), boost::test_tools::per_element());
  BOOST_TEST(code({"quarantine", "remove", "node-a", "7"}) == 0);
  BOOST_TEST(around.to_remove == (std::vector<std::uint64_t>{7}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_word_that_is_no_number_removes_nothing) {
  BOOST_TEST(code({"quarantine", "remove", "12", "abc"}) == 2);
  BOOST_TEST(code({"quarantine", "remove", "abc"}) == 2);
  BOOST_TEST(code({"quarantine", "remove", "node-a"}) == 2);
  BOOST_TEST(around.to_remove.empty());
}

BOOST_AUTO_TEST_CASE(records_that_were_not_there_are_not_said_to_be_removed) {
  around.removed = 1;
  const auto reply = say({"quarantine", "remove", "12", "4711"});
  BOOST_TEST(int(reply.exit_code) == 1);
  BOOST_TEST(json::parse(reply.body)["text"] == "1 removed; 1 not there");
}

BOOST_AUTO_TEST_SUITE_END()
