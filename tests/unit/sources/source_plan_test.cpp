#include "connectors/sources/source.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace soc;
using namespace soc::sources;

namespace {

struct planned {
  diagnostics found;
  bool good = false;
  source_plan plan;

  planned(const std::string& kind, const std::string& text) {
    const auto yaml = parse_yaml("soc.yaml", text, "CFG001", found);
    yaml_map_reader reader("soc.yaml", yaml.documents.front(), "connector 'x'", "CFG001", found);
    if (auto made = plan_source(kind, reader, "/etc/soc", found)) {
      good = true;
      plan = *made;
    }
    reader.reject_unknown();
  }
  std::string codes() const {
    std::string out;
    for (const auto& item : found.all())
      out += item.code + "@" + std::to_string(item.place.line) + " ";
    return out;
  }
  bool says(const std::string& text) const {
    return std::any_of(found.all().begin(), found.all().end(), [&](const diagnostic& item) {
      return (item.message + item.hint).find(text) != std::string::npos;
    });
  }
};

} // namespace

BOOST_AUTO_TEST_SUITE(source_plans)

BOOST_AUTO_TEST_CASE(every_kind_can_be_planned_from_its_options) {
  BOOST_TEST(
      planned("file", "{name: x, kind: file, paths: [logs/*.log], start: end, multiline: audit_serial}").codes() == "");
  BOOST_TEST(planned("syslog", "{name: x, kind: syslog, udp_port: 514, tcp_port: 514, host: 0.0.0.0}").codes() == "");
  const planned http("http", "{name: x, kind: http, host: 0.0.0.0, tokens: [env:TOKEN]}");
  BOOST_TEST(http.codes() == "");
  BOOST_TEST(http.plan.publishes_raw);
  BOOST_TEST(planned("otlp", "{name: x, kind: otlp, body_only: true}").codes() == "");
  BOOST_TEST(planned("kafka", "{name: x, kind: kafka, brokers: 'a:9092', topics: [logs]}").codes() == "");
  BOOST_TEST(planned("forward", "{name: x, kind: forward, port: 24224, message_key: log}").codes() == "");
  BOOST_TEST(planned("nats", "{name: x, kind: nats, url: 'nats://a', stream: LOGS}").codes() == "");
  BOOST_TEST(planned("s3", "{name: x, kind: s3, bucket: b, prefixes: ['a/%Y/%m/']}").codes() == "");
  BOOST_TEST(
      planned("api", "{name: x, kind: api, url: 'https://h/a', auth: {type: bearer, secret: 'env:T'}}").codes() == "");
}

BOOST_AUTO_TEST_CASE(a_kind_that_is_not_there_gets_a_hint) {
  const planned p("flie", "{name: x, kind: flie}");
  BOOST_TEST(!p.good);
  BOOST_TEST(p.says("did you mean 'file'?"));
}

BOOST_AUTO_TEST_CASE(what_is_missing_or_out_of_range_is_said_with_its_place) {
  BOOST_TEST(planned("file", "name: x\nkind: file\n").codes().find("CFG021") != std::string::npos);
  BOOST_TEST(planned("file", "name: x\npaths: a\npoll_ms: 1\n").codes() == "CFG020@3 ");
  BOOST_TEST(planned("file", "name: x\npaths: a\nmultiline: starts_with\nmultiline_pattern: '('\n").codes() ==
             "CFG020@4 ");
  BOOST_TEST(planned("syslog", "{name: x}").says("listens on no port"));
  BOOST_TEST(planned("syslog", "{name: x, tls_port: 6514}").says("needs a certificate"));
  BOOST_TEST(planned("kafka", "{name: x, brokers: a, topics: b, security: sasl_ssl}").says("SASL needs"));
}

BOOST_AUTO_TEST_CASE(an_open_endpoint_without_tokens_is_refused) {
  BOOST_TEST(!planned("http", "{name: x, host: 0.0.0.0}").good);
  BOOST_TEST(planned("http", "{name: x, host: 127.0.0.1}").good);
}

BOOST_AUTO_TEST_CASE(a_secret_in_plain_text_is_refused_and_not_repeated) {
  for (const auto* text : {"{name: x, tokens: [hunter2]}", "{name: x, tokens: hunter2}"}) {
    const planned p("http", text);
    BOOST_TEST(!p.good);
    BOOST_TEST(!p.says("hunter2"));
  }
  const planned kafka("kafka", "{name: x, brokers: a, topics: b, password: hunter2}");
  BOOST_TEST(!kafka.good);
  BOOST_TEST(!kafka.says("hunter2"));
}

BOOST_AUTO_TEST_CASE(an_unknown_key_is_told_once_with_the_nearest_one) {
  const planned p("file", "{name: x, paths: a, exclud: b}");
  BOOST_TEST(p.found.errors() == 1U);
  BOOST_TEST(p.says("did you mean 'exclude'?"));
}

BOOST_AUTO_TEST_CASE(what_would_let_anybody_in_or_lead_nowhere_is_refused) {
  BOOST_TEST(planned("forward", "{name: x, kind: forward, host: 0.0.0.0}").says("shared_key"));
  BOOST_TEST(planned("forward", "{name: x, kind: forward, host: 0.0.0.0, shared_key: 'env:K'}").codes() == "");
  BOOST_TEST(planned("s3", "{name: x, kind: s3}").says("bucket"));
  BOOST_TEST(planned("s3", "{name: x, kind: s3, bucket: b, access_key: 'env:A'}").says("go together"));
  BOOST_TEST(planned("s3", "{name: x, kind: s3, bucket: b, prefixes: ['%q']}").says("% directive"));
  BOOST_TEST(planned("s3", "{name: x, kind: s3, bucket: b, endpoint: 'ftp://h'}").says("no endpoint"));
  BOOST_TEST(planned("nats", "{name: x, kind: nats, url: 'nats://a'}").says("neither"));
  BOOST_TEST(planned("nats", "{name: x, kind: nats, url: 'nats://a', stream: 'a.b'}").says("no name of a stream"));
}

BOOST_AUTO_TEST_SUITE_END()
