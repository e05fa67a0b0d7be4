#include "model/alert.hpp"
#include "model/entity.hpp"
#include "model/field.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <rapidcheck.h>

using namespace soc::model;

BOOST_AUTO_TEST_SUITE(model)

BOOST_AUTO_TEST_CASE(the_same_address_has_one_key_however_it_is_spelled) {
  BOOST_TEST(canonical_key(entity_type::ip, "::ffff:203.0.113.7") == "203.0.113.7");
  BOOST_TEST(canonical_key(entity_type::ip, "2001:DB8:0:0:0:0:0:1") == "2001:db8::1");
  BOOST_TEST(canonical_key(entity_type::ip, "[2001:db8::1]") == "2001:db8::1");
  BOOST_TEST(canonical_key(entity_type::ip, "999.1.1.1").empty());
  BOOST_TEST(canonical_key(entity_type::ip, "-").empty());
}

BOOST_AUTO_TEST_CASE(private_addresses_are_scoped_and_public_ones_are_not) {
  BOOST_TEST(canonical_key(entity_type::ip, "10.0.0.1", "vpc-1") == "10.0.0.1@vpc-1");
  BOOST_TEST(canonical_key(entity_type::ip, "203.0.113.7", "vpc-1") == "203.0.113.7");
  BOOST_TEST(is_private_ip("172.31.0.1"));
  BOOST_TEST(!is_private_ip("172.32.0.1"));
  BOOST_TEST(is_private_ip("100.64.0.1"));
  BOOST_TEST(is_private_ip("fe80::1"));
}

BOOST_AUTO_TEST_CASE(canonical_keys_are_stable_when_taken_again) {
  BOOST_TEST(rc::check([](const std::string& text) {
    for (const auto type : {entity_type::ip, entity_type::domain, entity_type::host, entity_type::file_hash,
                            entity_type::url, entity_type::email}) {
      const auto once = canonical_key(type, text);
      RC_ASSERT(canonical_key(type, once) == once);
    }
  }));
}

BOOST_AUTO_TEST_CASE(users_are_scoped_by_host_unless_they_carry_a_domain) {
  BOOST_TEST(canonical_key(entity_type::user, "root", "web-01") == "web-01\\root");
  BOOST_TEST(canonical_key(entity_type::user, "CORP\\Alice", "web-01") == "corp\\alice");
  BOOST_TEST(canonical_key(entity_type::user, "alice@corp.example", "web-01") == "alice@corp.example");
}

namespace {

/// Entities of an event with these OCSF slots.
std::vector<entity> entities_with(const std::vector<std::pair<std::string, std::string>>& texts,
                                  std::uint32_t class_uid = 0, std::int64_t activity = 0) {
  const auto names = std::make_shared<field_dictionary>();
  std::vector<slot> slots;
  const auto add = [&](const std::string& path, value data) {
    slot s;
    s.id = names->intern(path);
    s.data = data;
    slots.push_back(s);
  };
  for (const auto& [path, text] : texts)
    add(path, value::of_string(text));
  add("activity_id", value::of_int(activity));
  event_batch batch;
  batch.dictionary = names;
  event ev;
  ev.class_uid = class_uid;
  ev.ocsf = slots;
  return entities_of(batch, ev);
}

std::string key_with(const std::string& name, const std::string& domain) {
  for (const auto& e : entities_with(
           {{"device.hostname", "ws-1.corp.example"}, {"actor.user.name", name}, {"actor.user.domain", domain}}))
    if (e.type == entity_type::user)
      return e.key;
  return {};
}

} // namespace

BOOST_AUTO_TEST_CASE(an_account_of_a_domain_is_one_account_on_all_machines) {
  BOOST_TEST(key_with("alice", "CORP") == "corp\\alice");
  BOOST_TEST(key_with("Alice", "corp.example") == "corp\\alice");
  BOOST_TEST(key_with("alice@CORP.EXAMPLE", "CORP.EXAMPLE") == "corp\\alice");
  BOOST_TEST(key_with("alice", "") == "ws-1.corp.example\\alice");
  BOOST_TEST(key_with("alice", "WS-1") == "ws-1.corp.example\\alice");
  BOOST_TEST(key_with("S-1-5-18", "") == "ws-1.corp.example\\system");
  BOOST_TEST(key_with("SYSTEM", "NT AUTHORITY") == "ws-1.corp.example\\system");
}

BOOST_AUTO_TEST_CASE(nobody_and_an_unknown_process_are_no_entities) {
  BOOST_TEST(key_with("S-1-0-0", "").empty());
  for (const auto& e :
       entities_with({{"device.hostname", "ws-1"}, {"process.pid", "44"}, {"process.file.path", "<unknown process>"}}))
    BOOST_TEST((e.type == entity_type::host));
}

BOOST_AUTO_TEST_CASE(a_machine_is_no_domain_its_own_record_speaks_of) {
  for (const auto& e :
       entities_with({{"device.hostname", "DC.corp.example"}, {"dst_endpoint.hostname", "dc.Corp.example"}}))
    BOOST_TEST((e.type == entity_type::host));
}

BOOST_AUTO_TEST_CASE(a_process_that_is_opened_is_related_one_that_is_launched_a_target) {
  const auto role_with = [](std::int64_t activity) {
    for (const auto& e : entities_with({{"device.hostname", "ws-1"}, {"process.pid", "44"}}, 1007, activity))
      if (e.type == entity_type::process)
        return e.role;
    return entity_role::unknown;
  };
  BOOST_TEST((role_with(1) == entity_role::target));
  BOOST_TEST((role_with(3) == entity_role::related));
  BOOST_TEST((role_with(4) == entity_role::related));
}

BOOST_AUTO_TEST_CASE(a_hash_of_zeros_or_of_odd_length_is_no_entity) {
  BOOST_TEST(canonical_key(entity_type::file_hash, std::string(64, '0')).empty());
  BOOST_TEST(canonical_key(entity_type::file_hash, "abc").empty());
  BOOST_TEST(canonical_key(entity_type::file_hash, "D41D8CD98F00B204E9800998ECF8427E") ==
             "d41d8cd98f00b204e9800998ecf8427e");
}

BOOST_AUTO_TEST_CASE(interned_names_keep_their_ids_as_the_dictionary_grows) {
  field_dictionary fields;
  const auto first = fields.intern("CommandLine");
  std::vector<field_id> ids;
  for (int i = 0; i < 5000; ++i)
    ids.push_back(fields.intern("field." + std::to_string(i)));
  BOOST_TEST(fields.find("CommandLine") == first);
  BOOST_TEST(fields.name(first) == "CommandLine");
  for (int i = 0; i < 5000; ++i)
    BOOST_REQUIRE(fields.find("field." + std::to_string(i)) == ids[static_cast<std::size_t>(i)]);
  BOOST_TEST(fields.find("nobody") == no_field);
}

BOOST_AUTO_TEST_CASE(sigma_tags_give_techniques_and_tactics) {
  const auto one = techniques_of({"attack.persistence", "attack.t1505.003", "cve.2021-1"});
  BOOST_REQUIRE(one.size() == 1u);
  BOOST_TEST(one[0].tactic == "TA0003");
  BOOST_TEST(one[0].technique == "T1505.003");
  const auto two = techniques_of({"attack.defense-evasion", "attack.initial_access", "attack.t1190"});
  BOOST_TEST(two.size() == 3u);
  BOOST_TEST(tactic_order("TA0001") < tactic_order("TA0040"));
}

BOOST_AUTO_TEST_CASE(a_finding_is_valid_json_whatever_the_record_said) {
  alert a;
  a.id = "x";
  a.title = "bad \xFF \" title";
  a.entities.push_back({entity_type::ip, entity_role::source, "203.0.113.7", "203.0.113.7"});
  a.techniques = techniques_of({"attack.execution", "attack.t1059"});
  const auto parsed = nlohmann::json::parse(to_ocsf_json(a));
  BOOST_TEST(parsed["class_uid"] == 2004);
  BOOST_TEST(parsed["observables"][0]["type_id"] == 2);
  BOOST_TEST(parsed["finding_info"]["attacks"][0]["tactic"]["name"] == "Execution");
}

BOOST_AUTO_TEST_SUITE_END()
