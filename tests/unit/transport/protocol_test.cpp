#include "transport/nats_options.hpp"
#include "transport/protocol.hpp"
#include "transport/streams.hpp"
#include "transport/subjects.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <rapidcheck.h>
#include <sstream>

using namespace soc;
using namespace soc::transport;
using nlohmann::json;

namespace {

int code_of(const failure& f) {
  return static_cast<int>(f.code);
}

std::vector<std::string> split_subject(const std::string& subject) {
  std::vector<std::string> out;
  std::istringstream in(subject);
  for (std::string token; std::getline(in, token, '.');)
    out.push_back(token);
  return out;
}

/// As nats-server's SubjectsCollide, for subjects without ">".
bool collide(const std::string& a, const std::string& b) {
  const auto x = split_subject(a), y = split_subject(b);
  if (x.size() != y.size())
    return false;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (x[i] != y[i] && x[i] != "*" && y[i] != "*")
      return false;
  return true;
}

} // namespace

BOOST_AUTO_TEST_SUITE(jetstream_protocol)

BOOST_AUTO_TEST_CASE(an_acknowledgement_gives_its_sequence) {
  const auto ack = parse_publish_ack(R"({"stream":"JOURNAL", "seq":7})");
  BOOST_REQUIRE(ack);
  BOOST_TEST(ack->sequence == 7U);
  BOOST_TEST(!ack->duplicate);
}

BOOST_AUTO_TEST_CASE(a_duplicate_is_told_from_a_first) {
  BOOST_TEST(parse_publish_ack(R"({"stream":"J","seq":7,"duplicate":true})")->duplicate);
}

BOOST_AUTO_TEST_CASE(a_wrong_sequence_is_a_conflict) {
  const auto ack = parse_publish_ack(
      R"({"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 4"},"stream":"J","seq":0})");
  BOOST_TEST(code_of(ack.error()) == static_cast<int>(ec::conflict));
}

BOOST_AUTO_TEST_CASE(a_full_stream_passes_and_a_bad_message_does_not) {
  const auto full =
      parse_publish_ack(R"({"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}})");
  const auto bad = parse_publish_ack(R"({"error":{"code":400,"err_code":10054,"description":"message size exceeds"}})");
  BOOST_TEST(code_of(full.error()) == static_cast<int>(ec::unavailable));
  BOOST_TEST(code_of(bad.error()) == static_cast<int>(ec::invalid_input));
}

BOOST_AUTO_TEST_CASE(anything_else_is_no_acknowledgement) {
  BOOST_TEST(rc::check("any text", [](const std::string& text) {
    RC_ASSERT(!parse_publish_ack(text));
    (void)parse_delivery_subject(text);
    RC_ASSERT(!parse_consumer_created(text));
  }));
  for (const auto* text : {"{}", "[]", R"({"stream":7,"seq":"x"})", R"({"error":{}})", R"({"error":[]})"})
    BOOST_TEST(!parse_publish_ack(text));
}

BOOST_AUTO_TEST_CASE(a_delivery_subject_tells_place_and_backlog) {
  const auto place = parse_delivery_subject("$JS.ACK.ALERTS.graph-3.2.1045.77.1700000000000000001.12");
  BOOST_REQUIRE(place.has_value());
  BOOST_TEST(place->consumer == "graph-3");
  BOOST_TEST(place->deliveries == 2U);
  BOOST_TEST(place->stream_sequence == 1045U);
  BOOST_TEST(place->consumer_sequence == 77U);
  BOOST_TEST(place->stored_at == 1'700'000'000'000'000'001);
  BOOST_TEST(place->pending == 12U);
}

BOOST_AUTO_TEST_CASE(the_longer_delivery_subject_of_newer_servers_is_read) {
  const auto place = parse_delivery_subject("$JS.ACK.hub.acc.ALERTS.graph-3.2.1045.77.1700000000000000001.12.rnd");
  BOOST_REQUIRE(place.has_value());
  BOOST_TEST(place->consumer == "graph-3");
  BOOST_TEST(place->pending == 12U);
}

BOOST_AUTO_TEST_CASE(a_durable_and_an_ephemeral_consumer_are_asked_for_differently) {
  consumer_definition durable{.stream = "ALERTS", .durable = "graph-1", .filter = "soc.*.alert.1"};
  BOOST_TEST(consumer_create_subject(durable) == "$JS.API.CONSUMER.DURABLE.CREATE.ALERTS.graph-1");
  BOOST_TEST(json::parse(to_json(durable))["config"]["ack_policy"] == "explicit");
  consumer_definition once{.stream = "JOURNAL", .acknowledged = false, .from_sequence = 9};
  BOOST_TEST(consumer_create_subject(once) == "$JS.API.CONSUMER.CREATE.JOURNAL");
  const auto config = json::parse(to_json(once))["config"];
  BOOST_TEST(config["deliver_policy"] == "by_start_sequence");
  BOOST_TEST(config["opt_start_seq"] == 9);
  BOOST_TEST(!config.contains("durable_name"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(streams_and_subjects)

BOOST_AUTO_TEST_CASE(no_two_streams_share_a_subject) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& stream : streams_of({}))
    for (const auto& subject : stream.subjects)
      all.emplace_back(stream.name, subject);
  for (const auto& [name, subject] : all)
    for (const auto& [other_name, other] : all)
      if (name != other_name)
        BOOST_TEST(!collide(subject, other), subject << " and " << other);
}

BOOST_AUTO_TEST_CASE(every_subject_is_stored_by_the_stream_it_is_said_to_be) {
  const std::vector<std::string> subjects{alert_subject("acme", 7),
                                          finding_subject("acme"),
                                          incident_subject("acme", "i", "opened"),
                                          incident_json_subject("acme", "i", "opened"),
                                          journal_subject("acme", "incident", "i"),
                                          run_subject("acme", "r"),
                                          task_subject("acme", "t"),
                                          raw_subject("acme", "web"),
                                          audit_subject("acme")};
  for (const auto& subject : subjects) {
    std::string stored_by;
    for (const auto& stream : streams_of({}))
      for (const auto& pattern : stream.subjects)
        if (collide(pattern, subject))
          stored_by = stream.name;
    BOOST_TEST(stored_by == stream_of(subject), subject);
    BOOST_TEST(!stored_by.empty(), subject);
  }
}

BOOST_AUTO_TEST_CASE(requests_between_nodes_are_stored_by_no_stream) {
  for (const auto& subject : {control_subject("node-a"), aggregate_subject("node-a"), std::string(any_control_subject)})
    for (const auto& stream : streams_of({}))
      for (const auto& pattern : stream.subjects)
        BOOST_TEST(!collide(pattern, subject), subject << " and " << pattern);
}

BOOST_AUTO_TEST_CASE(a_word_of_the_subjects_is_no_name_of_a_node) {
  BOOST_TEST(is_node_name("node-1"));
  BOOST_TEST(!is_node_name("raw"));
  BOOST_TEST(!is_node_name("a.b"));
  BOOST_TEST(!is_node_name(""));
  BOOST_TEST(!is_node_name("*"));
}

BOOST_AUTO_TEST_CASE(alerts_of_a_tenant_stay_in_one_partition) {
  BOOST_TEST(rc::check("within the partitions, always the same", [](const std::string& tenant) {
    RC_ASSERT(alert_partition(tenant, 8) < 8);
    RC_ASSERT(alert_partition(tenant, 8) == alert_partition(tenant, 8));
  }));
}

BOOST_AUTO_TEST_CASE(journals_refuse_rather_than_forget) {
  for (const auto& stream : streams_of({}))
    if (stream.name == "JOURNAL" || stream.name == "RESPONSE" || stream.name == "RAW") {
      BOOST_TEST((stream.overflow == stream_overflow::refuse_new));
      BOOST_TEST(stream.max_age.count() == 0);
      BOOST_TEST(json::parse(to_json(stream))["discard"] == "new");
    }
}

BOOST_AUTO_TEST_CASE(duplicates_are_known_for_ten_minutes_and_more) {
  for (const auto& stream : streams_of({}))
    if (!stream.key_value)
      BOOST_TEST(json::parse(to_json(stream))["duplicate_window"].get<std::int64_t>() >= 600'000'000'000);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(options_of_the_connection)

BOOST_AUTO_TEST_CASE(what_cannot_work_is_refused) {
  const nats_options fine{.urls = {"nats://127.0.0.1:4222", "tls://b:4222", "c:4222"}};
  BOOST_TEST(static_cast<bool>(validate(fine)));
  auto broken = fine;
  broken.urls.clear();
  BOOST_TEST(!validate(broken));
  broken = fine;
  broken.urls.push_back("http://x");
  BOOST_TEST(!validate(broken));
  broken = fine;
  broken.user = "u";
  BOOST_TEST(!validate(broken));
  broken.password = "p";
  BOOST_TEST(static_cast<bool>(validate(broken)));
  broken.credentials_file = "c";
  BOOST_TEST(!validate(broken));
  broken = fine;
  broken.tls_key = "k";
  BOOST_TEST(!validate(broken));
}

BOOST_AUTO_TEST_CASE(a_failure_never_holds_the_password) {
  nats_options options{.urls = {"http://x"}, .user = "ana", .password = "hunter2"};
  BOOST_TEST(validate(options).error().what.find("hunter2") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(waits_between_attempts_grow_to_the_longest_with_jitter) {
  const nats_options options;
  BOOST_TEST(reconnect_wait(options, 1, 0.5).count() == options.reconnect_min.count());
  BOOST_TEST(reconnect_wait(options, 2, 0.5).count() == 2 * options.reconnect_min.count());
  BOOST_TEST(reconnect_wait(options, 1000, 0.0).count() == options.reconnect_max.count() * 3 / 4);
  BOOST_TEST(reconnect_wait(options, 1000, 0.999).count() <= options.reconnect_max.count() * 5 / 4);
}

// The pair is the example of github.com/nats-io/nkeys.
BOOST_AUTO_TEST_CASE(the_public_key_is_derived_from_a_seed) {
  const auto key = public_nkey_of_seed("# user\nSUAMK2FG4MI6UE3ACF3FK3OIQBCEIEZV7NSWFFEW63UXMRLFM2XLAXK4GY\n");
  BOOST_REQUIRE(key);
  BOOST_TEST(key->size() == 56U);
  BOOST_TEST(key->front() == 'U');
  BOOST_TEST(!public_nkey_of_seed("SUAMK2FG4MI6UE3ACF3FK3OIQBCEIEZV7NSWFFEW63UXMRLFM2XLAXK4GX"));
  BOOST_TEST(!public_nkey_of_seed("nothing here"));
}

BOOST_AUTO_TEST_CASE(what_a_consumer_has_left_is_read_and_anything_else_is_an_error) {
  const auto backlog =
      parse_consumer_backlog(R"({"ack_floor":{"consumer_seq":2,"stream_seq":7},"num_pending":3,"num_ack_pending":1})");
  BOOST_REQUIRE(backlog);
  BOOST_TEST(backlog->pending == 3U);
  BOOST_TEST(backlog->unacknowledged == 1U);
  BOOST_TEST(backlog->settled == 7U);
  BOOST_TEST(parse_consumer_backlog(R"({"num_pending":1,"ack_floor":5})")->settled == 0U);
  BOOST_TEST(!parse_consumer_backlog(R"({"error":{"code":404,"err_code":10014,"description":"consumer not found"}})"));
  BOOST_TEST(!parse_consumer_backlog("[]"));
}

BOOST_AUTO_TEST_SUITE_END()
