// The detector of a lane: batches in, alerts to the publisher, rules swapped between batches.
#include "detection/detector.hpp"

#include "detection/core/alert_builder.hpp"
#include "detection/core/sigma_reader.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

using namespace soc;

namespace {

struct test_system {
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  test_system() {
    config.set("scheduler.policy", caf::atom("testing"));
    system = std::make_unique<caf::actor_system>(config);
  }
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system->scheduler());
  }
};

/// A dictionary for two reads of the rules: names are only added.
struct detector_bench : test_system {
  std::shared_ptr<model::field_dictionary> names = std::make_shared<model::field_dictionary>();
  std::shared_ptr<std::vector<publish_alerts>> published = std::make_shared<std::vector<publish_alerts>>();
  model::log_type type{"acme", "app", "", "acme", "", ""};
  caf::actor actor;

  std::shared_ptr<const detection::program> rules(const std::string& id, const std::string& value) {
    diagnostics found;
    detection::sigma_reader reader({}, found);
    reader.read("r.yml", "title: " + id + "\nid: " + id +
                             "\nlogsource: {product: acme}\ndetection:\n  s: {msg: " + value + "}\n  condition: s\n");
    auto out = detection::program::compile(reader.finish(0), {}, detection::log_router(*names), *names, found);
    BOOST_REQUIRE_EQUAL(found.errors(), 0u);
    return out;
  }
  /// Options of a detector that looks for one domain in the field msg.
  detection::detector_options with_indicators(const std::string& domain, unix_ns until = 0) {
    intel::indicator_builder builder;
    builder.begin({.name = "feed", .confidence = 80});
    builder.add({{intel::indicator_kind::domain, domain}}, {.valid_until = until});
    auto fields = std::make_shared<intel::observable_fields>();
    diagnostics found;
    fields->read(parse_yaml("f.yaml", "observables: {native: {domain: [msg]}}", "INT002", found), *names, found);
    detection::detector_options options;
    options.intelligence = std::make_shared<detection::intelligence_in_use>(
        std::make_shared<const intel::intelligence>(intel::intelligence{builder.finish(), fields}));
    return options;
  }
  void start(std::shared_ptr<const detection::program> with, detection::detector_options options = {}) {
    auto publisher = system->spawn([seen = published](caf::event_based_actor*) -> caf::behavior {
      return {[seen](const publish_alerts& m) { seen->push_back(m); }};
    });
    options.rules = std::make_shared<detection::rules_in_use>(std::move(with));
    options.publisher = alert_publisher_ref(publisher);
    actor = spawn_observed(*system, actor_context{"test/detector", nullptr, nullptr, nullptr, {}, {}},
                           detection::detector, options);
  }
  /// Rule r1 on `bad`, and correlations of it: "twice" on two of the same msg, "then" and "also" on one firing of it.
  std::shared_ptr<const detection::program> correlations() {
    const auto above = [](const std::string& name) {
      return "---\ntitle: " + name + "\nid: " + name +
             "\nlevel: high\ncorrelation:\n  type: event_count\n  rules: [twice]\n" +
             "  group-by: [msg]\n  timespan: 10m\n  condition: {gte: 1}\n";
    };
    diagnostics found;
    detection::sigma_reader reader({}, found);
    reader.read("r.yml", "title: r1\nid: r1\nname: base\nlogsource: {product: acme}\ndetection:\n  s: {msg: bad}\n"
                         "  condition: s\n---\ntitle: twice\nid: twice\nname: twice\nlevel: high\ncorrelation:\n"
                         "  type: event_count\n  rules: [base]\n  group-by: [msg]\n  timespan: 10m\n"
                         "  condition: {gte: 2}\n  generate: true\n" +
                             above("then") + above("also"));
    auto out = detection::program::compile(reader.finish(0), {}, detection::log_router(*names), *names, found);
    BOOST_REQUIRE_MESSAGE(found.errors() == 0, (found.errors() ? found.all()[0].message : std::string()));
    return out;
  }
  /// The ids of all alerts so far.
  std::multiset<std::string> raised() const {
    std::multiset<std::string> out;
    for (const auto& one : *published)
      for (const auto& a : one.alerts)
        out.insert(a->rule_id);
    return out;
  }
  void send(const std::string& msg, std::uint64_t ticket, std::uint32_t class_uid = 0,
            const std::string& tenant = "default") {
    auto raw = std::make_shared<model::raw_batch>();
    auto context = std::make_shared<model::connector_context>();
    context->tenant = tenant;
    raw->context = context;
    raw->origin = "log " + std::to_string(ticket);
    raw->add(msg);
    auto batch = std::make_shared<model::event_batch>();
    batch->raw = raw;
    batch->dictionary = names;
    auto* s = batch->memory.make_array<model::slot>(1);
    *s = {names->find("msg"), 3, "msg", model::value::of_string(batch->raw->record(0))};
    model::event ev;
    ev.type = &type;
    ev.raw = batch->raw->record(0);
    ev.native = {s, 1};
    ev.class_uid = class_uid;
    batch->events.push_back(ev);
    caf::anon_send(actor, detect_batch{batch, ticket, {}});
    scheduler().run();
  }
  ~detector_bench() {
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    scheduler().run();
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(detector_actor, detector_bench)

BOOST_AUTO_TEST_CASE(every_batch_is_answered_with_its_alerts_or_none) {
  start(rules("r1", "bad"));
  send("fine", 1);
  send("bad", 2);
  BOOST_REQUIRE(published->size() == 2u);
  BOOST_TEST(published->at(0).ticket == 1u);
  BOOST_TEST(published->at(0).alerts.empty());
  BOOST_TEST(published->at(1).ticket == 2u);
  BOOST_REQUIRE(published->at(1).alerts.size() == 1u);
  BOOST_TEST(published->at(1).alerts.front()->rule_id == "r1");
}

BOOST_AUTO_TEST_CASE(events_of_two_tenants_are_not_counted_together) {
  detection::detector_options options;
  options.correlations = std::make_shared<detection::shared_correlator>();
  start(correlations(), options);
  send("bad", 1, 0, "one");
  send("bad", 2, 0, "other");
  BOOST_TEST(raised().count("twice") == 0U);
  send("bad", 3, 0, "one");
  BOOST_REQUIRE(raised().count("twice") == 1U);
  BOOST_TEST(published->back().alerts.back()->tenant == "one");
}

BOOST_AUTO_TEST_CASE(a_correlation_feeds_all_that_refer_to_it) {
  detection::detector_options options;
  options.correlations = std::make_shared<detection::shared_correlator>();
  start(correlations(), options);
  send("bad", 1);
  send("bad", 2);
  const auto all = raised();
  BOOST_TEST(all.count("twice") == 1U);
  BOOST_TEST(all.count("then") == 1U);
  BOOST_TEST(all.count("also") == 1U);
}

BOOST_AUTO_TEST_CASE(new_rules_hold_from_the_next_batch_on) {
  const auto old_rules = rules("r1", "bad"), new_rules = rules("r2", "worse");
  start(old_rules);
  send("worse", 1);
  caf::anon_send(actor, detection::use_rules{new_rules});
  send("worse", 2);
  BOOST_TEST(published->at(0).alerts.empty());
  BOOST_REQUIRE(published->at(1).alerts.size() == 1u);
  BOOST_TEST(published->at(1).alerts.front()->rule_id == "r2");
}

BOOST_AUTO_TEST_CASE(an_event_is_mapped_only_when_an_alert_needs_it) {
  auto mapped = std::make_shared<int>(0);
  detection::detector_options options;
  options.make_completer = [mapped] {
    return [mapped](model::event_batch&, model::event& ev) {
      ev.mapped = true;
      ++*mapped;
    };
  };
  start(rules("r1", "bad"), options);
  send("fine", 1);
  BOOST_TEST(*mapped == 0);
  send("bad", 2);
  BOOST_TEST(*mapped == 1);
}

BOOST_AUTO_TEST_CASE(native_findings_pass_through) {
  start(rules("r1", "bad"));
  send("fine", 1, detection::detection_finding_class);
  BOOST_REQUIRE(published->front().alerts.size() == 1u);
  BOOST_TEST((published->front().alerts.front()->origin == model::alert_origin::native));
}

BOOST_AUTO_TEST_CASE(a_known_indicator_is_an_alert_with_its_source_and_confidence) {
  start(rules("r1", "bad"), with_indicators("evil.example"));
  send("www.evil.example", 1);
  BOOST_REQUIRE(published->front().alerts.size() == 1u);
  const auto& a = *published->front().alerts.front();
  BOOST_TEST((a.origin == model::alert_origin::intelligence));
  BOOST_TEST(a.rule_id == "intel/feed/domain");
  BOOST_TEST(a.title == "Domain known to feed");
  BOOST_TEST(a.confidence == 80);
  BOOST_TEST((a.level == model::severity::high));
  BOOST_TEST(a.description.find("www.evil.example in msg is known to feed as evil.example") == 0u);
  BOOST_REQUIRE(a.entities.size() == 1u);
  BOOST_TEST(a.entities.front().key == "www.evil.example");
}

BOOST_AUTO_TEST_CASE(new_indicators_hold_from_the_next_batch_on) {
  const auto next = with_indicators("other.example");
  start(rules("r1", "bad"), with_indicators("evil.example"));
  send("other.example", 1);
  caf::anon_send(actor, detection::use_intelligence{next.intelligence->get()});
  send("other.example", 2);
  send("evil.example", 3);
  BOOST_TEST(published->at(0).alerts.empty());
  BOOST_TEST(published->at(1).alerts.size() == 1u);
  BOOST_TEST(published->at(2).alerts.empty());
}

BOOST_AUTO_TEST_CASE(an_indicator_is_judged_by_the_time_the_event_has_once_it_is_mapped) {
  auto options = with_indicators("evil.example", 100 * ns_per_s);
  options.make_completer = [] {
    return [](model::event_batch&, model::event& ev) {
      ev.mapped = true;
      ev.time = 200 * ns_per_s;
    };
  };
  start(rules("r1", "bad"), options);
  send("evil.example", 1);
  BOOST_TEST(published->at(0).alerts.empty());
}

BOOST_AUTO_TEST_CASE(hits_of_indicators_are_in_the_statistics) {
  start(rules("r1", "bad"), with_indicators("evil.example"));
  send("evil.example", 1);
  send("evil.example", 2);
  auto hits = std::make_shared<std::uint64_t>(0);
  system->spawn([to = actor, hits](caf::event_based_actor* self) {
    self->request(to, caf::infinite, detection::get_rule_statistics{})
        .then([hits](const detection::rule_statistics& s) { *hits = s.sources.at(0).hits; });
  });
  scheduler().run();
  BOOST_TEST(*hits == 2u);
}

BOOST_AUTO_TEST_SUITE_END()
