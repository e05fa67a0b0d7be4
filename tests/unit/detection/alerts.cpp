// What a match becomes.
#include "detection/core/alert_builder.hpp"
#include "rule_fixture.hpp"

using namespace soc;
using namespace soc::test;

namespace {

struct alert_bench {
  std::shared_ptr<model::field_dictionary> names = std::make_shared<model::field_dictionary>();
  model::log_type type{"nginx", "nginx", "access", {}, {}, {}};
  model::event_batch batch;
  std::vector<model::slot> ocsf;
  model::event ev;

  alert_bench() {
    auto context = std::make_shared<model::connector_context>();
    context->tenant = "acme";
    context->account = "42";
    auto raw = std::make_shared<model::raw_batch>();
    raw->context = context;
    raw->origin = "/var/log/access.log";
    raw->received_at = 77;
    raw->add("GET /", 5);
    batch.raw = raw;
    batch.dictionary = names;
    ev.type = &type;
    ev.raw = batch.raw->record(0);
    ev.time = 1000;
    ev.mapped = true;
  }
  void set(const std::string& path, model::value v) {
    model::slot s;
    s.id = names->intern(path);
    const auto name = names->name(s.id);
    s.name_data = name.data();
    s.name_size = static_cast<std::uint32_t>(name.size());
    s.data = v;
    ocsf.push_back(s);
    ev.ocsf = ocsf;
  }
};

detection::rule_header web_rule() {
  detection::rule_header rule;
  rule.id = "rule-1";
  rule.title = "Web shell";
  rule.level = model::severity::high;
  rule.tags = {"attack.t1190"};
  rule.stage = "webshell_upload";
  return rule;
}

} // namespace

BOOST_AUTO_TEST_SUITE(alert_building)

BOOST_AUTO_TEST_CASE(a_match_keeps_who_where_and_the_record) {
  alert_bench b;
  b.set("src_endpoint.ip", model::value::of_string("203.0.113.7"));
  b.set("device.hostname", model::value::of_string("WEB-1"));
  const auto a = detection::alert_builder(b.names).build(b.batch, b.ev, web_rule(), 99);
  BOOST_TEST(a->tenant == "acme");
  BOOST_TEST(a->account == "42");
  BOOST_TEST(a->host == "web-1");
  BOOST_TEST(a->vendor == "nginx");
  BOOST_TEST(a->stage == "webshell_upload");
  BOOST_TEST(a->time == 1000);
  BOOST_TEST(a->ingested_at == 77);
  BOOST_TEST(a->detected_at == 99);
  BOOST_TEST(a->entities.size() == 2u);
  BOOST_TEST(a->techniques.size() == 1u);
  BOOST_TEST(a->records.front().raw == "GET /");
  BOOST_TEST(a->records.front().source == "nginx/nginx/access");
  BOOST_TEST(a->records.front().origin == "/var/log/access.log");
}

BOOST_AUTO_TEST_CASE(the_id_depends_on_the_event_and_the_rule_only) {
  alert_bench b;
  const detection::alert_builder builder(b.names);
  const auto one = builder.build(b.batch, b.ev, web_rule(), 1), again = builder.build(b.batch, b.ev, web_rule(), 2);
  auto other_rule = web_rule();
  other_rule.id = "rule-2";
  BOOST_TEST(one->id == again->id);
  BOOST_TEST(one->id.size() == 32u);
  BOOST_TEST(one->id != builder.build(b.batch, b.ev, other_rule, 1)->id);
}

BOOST_AUTO_TEST_CASE(evidence_is_cut_between_characters) {
  alert_bench b;
  std::string text(model::max_evidence_bytes - 1, 'x');
  text += "\xc3\xa9";
  b.ev.raw = text;
  const auto a = detection::alert_builder(b.names).build(b.batch, b.ev, web_rule(), 1);
  BOOST_TEST(a->records.front().raw.size() == model::max_evidence_bytes - 1);
}

BOOST_AUTO_TEST_CASE(a_finding_of_another_product_becomes_an_alert_as_it_is) {
  alert_bench b;
  b.ev.class_uid = detection::detection_finding_class;
  b.set("finding_info.title", model::value::of_string("Mining pool contacted"));
  b.set("finding_info.attacks[0].technique.uid", model::value::of_string("T1496"));
  b.set("severity_id", model::value::of_int(5));
  const auto a = detection::alert_builder(b.names).native(b.batch, b.ev, 1);
  BOOST_REQUIRE(a);
  BOOST_TEST((a->origin == model::alert_origin::native));
  BOOST_TEST(a->title == "Mining pool contacted");
  BOOST_TEST((a->level == model::severity::critical));
  BOOST_TEST(a->techniques.front().technique == "T1496");
  BOOST_TEST(a->rule_id == "nginx/nginx/Mining pool contacted");
}

BOOST_AUTO_TEST_CASE(an_event_of_another_class_is_no_native_alert) {
  alert_bench b;
  b.ev.class_uid = 4002;
  BOOST_TEST(!detection::alert_builder(b.names).native(b.batch, b.ev, 1));
}

BOOST_AUTO_TEST_SUITE_END()
