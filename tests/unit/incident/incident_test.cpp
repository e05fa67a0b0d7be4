#include "../graph/alerts.hpp"
#include "incident/core/export.hpp"
#include "incident/core/finding_reader.hpp"
#include "incident/core/incident.hpp"
#include "incident/core/render.hpp"
#include "incident/core/view.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <rapidcheck.h>

using namespace soc;
using namespace soc::incident;
using namespace soc::test;
using model::entity_role;
using model::entity_type;
using model::severity;

namespace {

const std::string incident_id(32, 'a');
constexpr unix_ns now = begin_time + 3600 * ns_per_s;

struct living_incident {
  state s;
  std::vector<event> journal;
  options with;
  std::string id = incident_id;

  result<std::vector<event>> ask(command asked, unix_ns at = now, std::string who = "eve") {
    auto events = decide(s, asked, id, "default", at, who, with);
    if (events)
      for (const auto& e : *events) {
        apply(s, e);
        journal.push_back(e);
      }
    return events;
  }
  /// Whatever comes of it.
  void may(command asked, unix_ns at = now, std::string who = "eve") {
    static_cast<void>(ask(std::move(asked), at, std::move(who)));
  }
  void must(command asked, unix_ns at = now, std::string who = "eve") {
    const auto events = ask(std::move(asked), at, std::move(who));
    BOOST_TEST(static_cast<bool>(events), (events ? "" : events.error().what));
  }
};

state fold(const std::vector<event>& journal) {
  state s;
  for (const auto& e : journal)
    apply(s, e);
  return s;
}

/// The story of a web intrusion, as alerts of four products.
std::vector<model::alert_ptr> intrusion() {
  alert_maker make;
  const auto attacker = source_ip("203.0.113.9");
  const auto file = thing(entity_type::file, entity_role::target, "/var/www/html/x.php", "web-1");
  const auto php = thing(entity_type::process, entity_role::parent, "php-fpm", "web-1");
  const auto shell = thing(entity_type::process, entity_role::target, "sh", "web-1");
  const auto shell_acts = thing(entity_type::process, entity_role::actor, "sh", "web-1");
  const auto back = thing(entity_type::ip, entity_role::destination, "203.0.113.9");
  auto a = make.make(0, "SQL injection attempt", "web-1", severity::medium, {attacker}, "modsecurity");
  auto b = make.make(60, "Webshell upload", "web-1", severity::high, {attacker}, "nginx");
  auto c = make.make(61, "File written to web root", "web-1", severity::high, {php, file});
  auto d = make.make(90, "Shell spawned by web server", "web-1", severity::high, {php, shell});
  auto e = make.make(95, "Reverse shell", "web-1", severity::critical, {shell_acts, back});
  a->techniques = {{"TA0001", "T1190"}};
  c->techniques = {{"TA0003", "T1505.003"}};
  d->techniques = {{"TA0002", "T1059.004"}};
  b->records.push_back(
      {"event-b", b->time, "nginx/access", "/var/log/nginx/access.log", "POST /upload.php \"<script>\""});
  return {a, b, c, d, e};
}

model::alert_ptr ransom_note(std::uint64_t number) {
  alert_maker make;
  make.made = 200 + number;
  return make.make(static_cast<double>(number), "ransom note", "db-" + std::to_string(number), severity::high);
}

/// Another incident than `intruded`, of one alert.
living_incident ransomed() {
  living_incident out;
  out.id = std::string(32, 'b');
  out.must(add_alert{ransom_note(0), "{}", {}, {}});
  return out;
}

living_incident intruded() {
  living_incident x;
  for (const auto& a : intrusion())
    BOOST_REQUIRE(x.ask(
        add_alert{
            a,
            R"({"suspicion":8,"links":4,"needed":7,"reasons":[{"kind":"asset","label":"web-1","weight":4,"words":"same asset web-1"}]})",
            {}},
        now, "graph"));
  return x;
}

} // namespace

BOOST_AUTO_TEST_SUITE(incident_aggregate)

BOOST_AUTO_TEST_CASE(the_first_alert_opens_it) {
  living_incident x;
  const auto events = x.ask(add_alert{intrusion()[0], "{}", {}}, now, "graph");
  BOOST_REQUIRE(events);
  BOOST_TEST(events->size() == 2U);
  BOOST_TEST(std::holds_alternative<opened>((*events)[0].what));
  BOOST_TEST(x.s.tenant == "default");
}

BOOST_AUTO_TEST_CASE(a_redelivered_alert_changes_nothing) {
  auto x = intruded();
  const auto before = content_digest(x.s);
  const auto again = x.ask(add_alert{intrusion()[2], "{}", {}});
  BOOST_REQUIRE(again);
  BOOST_TEST(again->empty());
  BOOST_TEST(content_digest(x.s) == before);
}

BOOST_AUTO_TEST_CASE(statuses_follow_the_table) {
  auto x = intruded();
  BOOST_TEST(static_cast<bool>(x.ask(set_status{status::in_progress, classification::none, {}})));
  BOOST_TEST(static_cast<bool>(x.ask(set_status{status::contained, classification::none, {}})));
  BOOST_TEST(!x.ask(set_status{status::fresh, classification::none, {}}));
  BOOST_TEST(static_cast<bool>(x.ask(set_status{status::resolved, classification::none, {}})));
  const auto unclassified = x.ask(set_status{status::closed, classification::none, {}});
  BOOST_REQUIRE(!unclassified);
  BOOST_TEST((unclassified.error().code == ec::invalid_input));
  BOOST_TEST(static_cast<bool>(x.ask(set_status{status::closed, classification::true_positive, "cleaned"})));
  BOOST_TEST(!x.ask(set_status{status::contained, classification::none, {}}));
}

BOOST_AUTO_TEST_CASE(a_late_alert_reopens_a_closed_incident) {
  auto x = intruded();
  x.must(set_status{status::closed, classification::true_positive, {}});
  alert_maker make;
  make.made = 100;
  BOOST_TEST(static_cast<bool>(x.ask(add_alert{make.make(500, "again", "web-1", severity::high), "{}", {}})));
  BOOST_TEST((x.s.now == status::in_progress));
  BOOST_TEST(x.s.late_alerts == 1U);
}

BOOST_AUTO_TEST_CASE(a_late_alert_is_refused_when_a_successor_is_wanted) {
  auto x = intruded();
  x.with.late = late_alert_policy::successor;
  x.must(set_status{status::closed, classification::true_positive, {}});
  alert_maker make;
  make.made = 100;
  const auto late = x.ask(add_alert{make.make(500, "again", "web-1", severity::high), "{}", {}});
  BOOST_REQUIRE(!late);
  BOOST_TEST((late.error().code == ec::closed));
}

BOOST_AUTO_TEST_CASE(repetitions_fold_into_a_count) {
  living_incident x;
  alert_maker make;
  for (int i = 0; i < 1000; ++i)
    x.must(add_alert{make.make(i, "web server 400", "web-1", severity::low), "{}", {}}, now, "graph");
  BOOST_TEST(x.s.groups.size() == 1U);
  BOOST_TEST(alert_count(x.s) == 1000U);
  BOOST_TEST(x.s.groups.begin()->second.samples.size() <= max_samples);
  BOOST_TEST(std::get<alert_added>(x.journal.back().what).folded);
}

BOOST_AUTO_TEST_CASE(a_moved_alert_does_not_come_back) {
  auto x = intruded();
  const auto moved = intrusion()[4];
  BOOST_TEST(static_cast<bool>(x.ask(remove_alerts{{moved->id}, std::string(32, 'b')})));
  BOOST_TEST(alert_count(x.s) == 4U);
  const auto back = x.ask(add_alert{moved, "{}", {}}, now, "graph");
  BOOST_REQUIRE(back);
  BOOST_TEST(back->empty());
}

BOOST_AUTO_TEST_CASE(a_person_brings_back_what_was_moved_away) {
  alert_maker make;
  const auto a = make.make(0, "reverse shell", "web-1", severity::high);
  const auto b = make.make(1, "backup failed", "web-1", severity::low);
  living_incident x;
  x.must(add_alert{a, "{}", {}, {}}, now, "graph");
  x.must(add_alert{b, "{}", {}, {}}, now, "graph");
  x.must(remove_alerts{{b->id}, std::string(32, 'b')});
  x.must(add_alert{b, "{}", {}, {}}, now, "graph");
  BOOST_TEST(x.s.members.size() == 1U, "the graph doesn't");
  x.must(add_alert{b, "{}", {}, {}}, now, "eve");
  BOOST_TEST(x.s.members.size() == 2U);
  BOOST_TEST(x.s.moved_out.empty());
}

BOOST_AUTO_TEST_CASE(an_incident_does_not_merge_into_itself) {
  auto x = intruded();
  const auto refused = x.ask(merge_of(x.s, "{}"));
  BOOST_REQUIRE(!refused);
  BOOST_TEST((refused.error().code == ec::invalid_input));
}

BOOST_AUTO_TEST_CASE(the_graph_does_not_join_anew_what_a_person_has_parted) {
  auto x = intruded();
  auto y = ransomed();
  x.must(merge_of(y.s, "{}"), now, "graph");
  y.must(merge_away{x.id, "{}"}, now, "graph");
  x.must(undo_merge{y.id});
  y.must(undo_merge{x.id});
  const auto alone = x.s.members.size();
  x.must(merge_of(y.s, "{}"), now, "graph");
  y.must(merge_away{x.id, "{}"}, now, "graph");
  BOOST_TEST(x.s.members.size() == alone);
  BOOST_TEST(y.s.merged_into.empty());
  x.must(merge_of(y.s, "{}"), now, "eve");
  BOOST_TEST(x.s.members.size() == alone + 1);
}

BOOST_AUTO_TEST_CASE(what_is_taken_again_takes_the_place_of_what_was_taken) {
  auto x = intruded();
  auto y = ransomed();
  const auto before = x.s.members.size();
  const auto taken_version = y.s.events;
  x.must(merge_of(y.s, "{}"));
  const auto events = x.s.events;
  x.must(merge_of(y.s, "{}"));
  BOOST_TEST(x.s.events == events, "it has all of it");
  y.must(add_alert{ransom_note(1), "{}", {}, {}});
  const auto refused = y.ask(merge_away{x.id, "{}", taken_version});
  BOOST_REQUIRE(!refused);
  BOOST_TEST((refused.error().code == ec::conflict));
  x.must(merge_of(y.s, "{}"));
  BOOST_TEST(x.s.members.size() == before + 2);
  y.must(merge_away{x.id, "{}", y.s.events});
  x.must(undo_merge{y.id});
  BOOST_TEST(x.s.members.size() == before);
}

BOOST_AUTO_TEST_CASE(the_graph_does_not_bring_back_by_a_merge_what_a_person_moved_away) {
  auto x = intruded();
  const auto moved = intrusion()[4];
  x.must(remove_alerts{{moved->id}, std::string(32, 'c')});
  x.must(merge_away{std::string(32, 'b'), "{}"});
  const auto again = x.ask(add_alert{moved, "{}", {}, {}}, now, "graph");
  BOOST_REQUIRE(again);
  BOOST_TEST(again->empty());
}

BOOST_AUTO_TEST_CASE(times_to_detect_acknowledge_and_respond_are_measured) {
  auto x = intruded();
  x.must(set_status{status::in_progress, classification::none, {}}, begin_time + 301 * ns_per_s);
  x.must(set_status{status::resolved, classification::none, {}}, begin_time + 901 * ns_per_s);
  const auto v = derive(x.s, *default_scenarios());
  BOOST_TEST(v.times.detect == 1.0);
  BOOST_TEST(v.times.acknowledge == 300.0);
  BOOST_TEST(v.times.respond == 600.0);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(incident_laws)

BOOST_AUTO_TEST_CASE(folding_the_journal_gives_the_live_state) {
  BOOST_TEST(rc::check([](const std::vector<int>& choices) {
    living_incident x;
    alert_maker make;
    for (const int c : choices) {
      const auto n = static_cast<unsigned>(c);
      switch (n % 7) {
      case 0:
        x.may(set_status{static_cast<status>(n / 7 % 6), static_cast<classification>(n / 42 % 6), "r"});
        break;
      case 1:
        x.may(assign{"user-" + std::to_string(n % 3)});
        break;
      case 2:
        x.may(remove_alerts{{"alert-" + std::to_string(n % 20)}, "b"});
        break;
      case 3:
        x.may(set_verdict{"k" + std::to_string(n % 3), n % 2 ? "malicious" : ""});
        break;
      default:
        x.may(add_alert{make.make(n % 5000, "rule " + std::to_string(n % 4), "h" + std::to_string(n % 3),
                                  severity::medium, {source_ip("203.0.113." + std::to_string(n % 9 + 1))}),
                        "{}",
                        {}});
      }
    }
    RC_ASSERT(content_digest(fold(x.journal)) == content_digest(x.s));
    RC_ASSERT(fold(x.journal).events == x.s.events);
  }));
}

BOOST_AUTO_TEST_CASE(a_merge_that_is_undone_restores_both_sides_exactly) {
  BOOST_TEST(rc::check([](const std::vector<std::uint8_t>& mine, const std::vector<std::uint8_t>& theirs) {
    living_incident a, b;
    b.id = std::string(32, 'b');
    alert_maker make;
    const auto add = [&](living_incident& to, std::uint8_t n) {
      to.must(add_alert{make.make(n * 3, "rule " + std::to_string(n % 5), "h" + std::to_string(n % 4), severity::medium,
                                  {source_ip("203.0.113." + std::to_string(n % 9 + 1))}),
                        "{}",
                        {}});
    };
    add(a, 1);
    add(b, 2);
    for (const auto n : mine)
      add(a, n);
    for (const auto n : theirs)
      add(b, n);
    const auto before_a = content_digest(a.s), before_b = content_digest(b.s);
    const auto sum = alert_count(a.s) + alert_count(b.s);
    RC_ASSERT(static_cast<bool>(a.ask(merge_of(b.s, "{}"))));
    RC_ASSERT(static_cast<bool>(b.ask(merge_away{a.id, "{}"})));
    RC_ASSERT(alert_count(a.s) == sum);
    RC_ASSERT(a.ask(merge_of(b.s, "{}"))->empty());
    RC_ASSERT(static_cast<bool>(a.ask(undo_merge{b.id})));
    RC_ASSERT(static_cast<bool>(b.ask(undo_merge{a.id})));
    RC_ASSERT(content_digest(a.s) == before_a);
    RC_ASSERT(content_digest(b.s) == before_b);
  }));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(incident_view)

BOOST_AUTO_TEST_CASE(a_web_intrusion_is_called_so) {
  const auto v = derive(intruded().s, *default_scenarios());
  BOOST_TEST(v.scenario == "web_intrusion");
  BOOST_TEST(v.title == "Web intrusion on web-1 from 203.0.113.9");
  BOOST_TEST((v.level == severity::critical));
  BOOST_TEST(v.alerts == 5U);
}

BOOST_AUTO_TEST_CASE(the_timeline_is_in_event_time_and_cites_records) {
  const auto v = derive(intruded().s, *default_scenarios());
  BOOST_REQUIRE_EQUAL(v.timeline.size(), 5U);
  for (std::size_t i = 1; i < v.timeline.size(); ++i)
    BOOST_TEST(v.timeline[i - 1].time <= v.timeline[i].time);
  BOOST_TEST(v.timeline[1].event_id == "event-b");
  BOOST_TEST(v.timeline[0].tactic == "TA0001");
  BOOST_TEST(v.timeline[0].why.find("same asset web-1") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_path_begins_with_the_attacker_and_reaches_the_shell) {
  const auto v = derive(intruded().s, *default_scenarios());
  BOOST_REQUIRE(!v.path.nodes.empty());
  BOOST_TEST(v.path.nodes[0].label == "203.0.113.9");
  std::set<std::string> verbs;
  for (const auto& s : v.path.steps)
    verbs.insert(s.verb);
  for (const auto* verb : {"exploited", "wrote", "spawned", "connected to"})
    BOOST_TEST(verbs.contains(verb), verb);
  BOOST_TEST(v.path.gaps.empty());
}

BOOST_AUTO_TEST_CASE(a_process_does_not_write_its_own_image) {
  alert_maker make;
  living_incident x;
  BOOST_REQUIRE(
      x.ask(add_alert{make.make(0, "Odd process", "ws-1", severity::high,
                                {thing(entity_type::process, entity_role::actor, "C:\\Tools\\a.exe -x", "ws-1"),
                                 thing(entity_type::file, entity_role::target, "c:\\tools\\A.exe", "ws-1")}),
                      "{}",
                      {}}));
  for (const auto& s : derive(x.s, *default_scenarios()).path.steps)
    BOOST_TEST(s.verb != "wrote");
}

BOOST_AUTO_TEST_CASE(the_image_of_a_started_process_was_not_written) {
  const std::vector<std::pair<std::string, std::string>> images{
      {"route  print", "C:\\Windows\\System32\\ROUTE.EXE"},
      {"\"C:\\Windows\\System32\\cmd.exe\" /c ver", "C:\\windows\\system32\\cmd.exe"},
      {"\\??\\C:\\windows\\system32\\conhost.exe 0xffffffff", "C:\\Windows\\System32\\conhost.exe"},
      {"\\SystemRoot\\System32\\smss.exe 000000d4", "C:\\Windows\\System32\\smss.exe"}};
  alert_maker make;
  living_incident x;
  for (const auto& [command, image] : images)
    BOOST_REQUIRE(x.ask(add_alert{make.make(0, "Odd " + command, "ws-1", severity::high,
                                            {thing(entity_type::process, entity_role::actor, "explorer.exe", "ws-1"),
                                             thing(entity_type::process, entity_role::target, command, "ws-1"),
                                             thing(entity_type::file, entity_role::target, image, "ws-1")}),
                                  "{}",
                                  {}}));
  for (const auto& s : derive(x.s, *default_scenarios()).path.steps)
    BOOST_TEST(s.verb == "spawned");
}

BOOST_AUTO_TEST_CASE(a_process_that_ran_already_is_accessed_or_injected_into) {
  const auto verb_of = [](const std::string& technique) {
    alert_maker make;
    living_incident x;
    auto a = make.make(0, "Odd rights", "ws-1", severity::high,
                       {thing(entity_type::process, entity_role::actor, "a.exe", "ws-1"),
                        thing(entity_type::process, entity_role::related, "lsass.exe", "ws-1")});
    a->techniques = {{"TA0006", technique}};
    BOOST_REQUIRE(x.ask(add_alert{a, "{}", {}}));
    return derive(x.s, *default_scenarios()).path.steps.front().verb;
  };
  BOOST_TEST(verb_of("T1003.001") == "accessed");
  BOOST_TEST(verb_of("T1055.002") == "injected into");
}

BOOST_AUTO_TEST_CASE(a_process_that_sets_a_registry_value_changed_it) {
  alert_maker make;
  living_incident x;
  BOOST_REQUIRE(
      x.ask(add_alert{make.make(0, "Run key", "ws-1", severity::high,
                                {thing(entity_type::process, entity_role::actor, "a.exe", "ws-1"),
                                 thing(entity_type::registry_key, entity_role::target, "HKU\\Run\\x", "ws-1")}),
                      "{}",
                      {}}));
  const auto path = derive(x.s, *default_scenarios()).path;
  BOOST_REQUIRE_EQUAL(path.steps.size(), 1U);
  BOOST_TEST(path.steps[0].verb == "changed");
}

BOOST_AUTO_TEST_CASE(what_two_sensors_tell_of_one_start_is_one_step) {
  alert_maker make;
  living_incident x;
  const auto start = [&](double at, const std::string& parent, const std::string& parent_id, const std::string& id) {
    BOOST_REQUIRE(x.ask(add_alert{make.make(at, "Odd start " + id, "ws-1", severity::high,
                                            {{entity_type::process, entity_role::target, "ws-1|" + id, "a.exe /x"},
                                             {entity_type::process, entity_role::actor, "ws-1|" + parent_id, parent}}),
                                  "{}",
                                  {}}));
  };
  start(0, "C:\\Windows\\System32\\cmd.exe", "71", "44");
  start(0.5, "\"C:\\windows\\system32\\cmd.exe\" ", "{guid-of-71}", "{guid-of-44}");
  start(60, "C:\\Windows\\System32\\cmd.exe", "71", "45"); // another one
  const auto path = derive(x.s, *default_scenarios()).path;
  BOOST_REQUIRE_EQUAL(path.steps.size(), 2U);
  BOOST_TEST(path.steps[0].count == 2U);
  BOOST_TEST(std::count_if(path.nodes.begin(), path.nodes.end(),
                           [](const auto& n) { return n.type == entity_type::process; }) == 3);
}

BOOST_AUTO_TEST_CASE(a_process_that_writes_a_hundred_files_is_told_with_some) {
  alert_maker make;
  living_incident x;
  for (int i = 0; i < 100; ++i)
    BOOST_REQUIRE(
        x.ask(add_alert{make.make(i, "Odd file " + std::to_string(i), "ws-1", severity::high,
                                  {thing(entity_type::process, entity_role::actor, "a.exe", "ws-1"),
                                   thing(entity_type::file, entity_role::target, "C:\\x" + std::to_string(i), "ws-1")}),
                        "{}",
                        {}}));
  std::size_t wrote = 0, times = 0;
  for (const auto& s : derive(x.s, *default_scenarios()).path.steps)
    if (s.verb == "wrote") {
      ++wrote;
      times += s.count;
    }
  BOOST_TEST(wrote == 8U);
  BOOST_TEST(times == 100U);
}

BOOST_AUTO_TEST_CASE(a_technique_that_only_everyday_rules_name_is_no_ransomware) {
  const auto scenario_of = [](severity level) {
    alert_maker make;
    living_incident x;
    auto a = make.make(0, "Certificate installed", "ws-1", level, {});
    a->techniques = {{"TA0040", "T1490"}};
    BOOST_REQUIRE(x.ask(add_alert{a, "{}", {}}));
    return derive(x.s, *default_scenarios()).scenario;
  };
  BOOST_TEST(scenario_of(severity::medium) != "ransomware");
  BOOST_TEST(scenario_of(severity::high) == "ransomware");
}

BOOST_AUTO_TEST_CASE(an_unexplained_origin_is_named_as_a_gap) {
  living_incident x;
  alert_maker make;
  x.must(add_alert{make.make(0, "Reverse shell", "web-1", severity::high,
                             {thing(entity_type::process, entity_role::actor, "sh", "web-1"),
                              thing(entity_type::ip, entity_role::destination, "203.0.113.9")}),
                   "{}",
                   {}});
  x.must(add_alert{make.make(60, "Files encrypted", "db-1", severity::high,
                             {thing(entity_type::process, entity_role::actor, "enc", "db-1"),
                              thing(entity_type::file, entity_role::target, "/data/a", "db-1")}),
                   "{}",
                   {}});
  const auto path = derive(x.s, *default_scenarios()).path;
  BOOST_REQUIRE_EQUAL(path.gaps.size(), 1U);
  BOOST_TEST(path.gaps[0].find("enc") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(exports_are_well_formed_whatever_the_log_said) {
  living_incident x;
  alert_maker make;
  auto a = make.make(0, "<b>\"x\"\n\xff", "h\"1", severity::high, {source_ip("203.0.113.9")});
  x.must(add_alert{a, "not json", {}});
  const auto v = derive(x.s, *default_scenarios());
  for (const auto& text : {to_ocsf_json(v, "opened"), to_stix(v), to_navigator_layer(v)})
    BOOST_TEST(nlohmann::json::accept(text));
  BOOST_TEST(to_svg(v).find("<b>") == std::string::npos);
  BOOST_TEST(to_markdown(v).find("<b>") == std::string::npos);
  BOOST_TEST(to_ocsf_json(v, "opened").find("\"class_uid\":2005") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_text_shows_timeline_entities_and_reasons) {
  const auto text = to_text(derive(intruded().s, *default_scenarios()));
  for (const auto* part : {"Web intrusion on web-1", "Reverse shell", "203.0.113.9", "same asset web-1", "exploited"})
    BOOST_TEST(text.find(part) != std::string::npos, part);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(findings)

BOOST_AUTO_TEST_CASE(our_own_findings_come_back_as_they_were) {
  const auto a = intrusion()[1];
  finding_reader reader;
  const auto b = reader.read(model::to_ocsf_json(*a));
  BOOST_REQUIRE(b);
  BOOST_TEST(b->id == a->id);
  BOOST_TEST(b->host == a->host);
  BOOST_TEST((b->level == a->level));
  BOOST_TEST((b->entities == a->entities));
}

BOOST_AUTO_TEST_CASE(keys_that_no_label_tells_come_back_too) {
  alert_maker make;
  auto a = make.make(0, "Odd process", "ws-1", severity::high,
                     {{entity_type::process, entity_role::actor, "ws-1|{42c2e005-e3e2}", "cmd.exe /c \"whoami\""},
                      {entity_type::user, entity_role::actor, "corp\\alice", "alice"}});
  finding_reader reader;
  const auto b = reader.read(model::to_ocsf_json(*a));
  BOOST_REQUIRE(b);
  BOOST_TEST((b->entities == a->entities));
}

BOOST_AUTO_TEST_CASE(junk_is_a_failure_with_a_reason) {
  finding_reader reader;
  for (const auto* line :
       {"", "{", "[]", "{}", R"({"metadata":{"uid":"x"}})", R"({"metadata":{"uid":"x"},"time":"soon"})"})
    BOOST_TEST(!reader.read(line), line);
}

BOOST_AUTO_TEST_SUITE_END()
