// Every record the shipped mappings make of every product's samples is valid OCSF 1.8.0: attributes, types, enums,
// class and type numbers. The schema is the repository's own table (config/ocsf).
#include "ingest/core/mapping.hpp"
#include "ingest/core/ocsf_validation.hpp"
#include "ingest/core/record_assembler.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>

using namespace soc;
namespace fs = std::filesystem;

namespace {

struct shipped {
  std::shared_ptr<model::field_dictionary> names = std::make_shared<model::field_dictionary>();
  diagnostics found;
  std::shared_ptr<const ingest::mapping_set> set =
      ingest::mapping_set::load(ingest::mapping_sources::below(SOC_SOURCE_DIR), *names, found);
};

shipped& all_mappings() {
  static shipped all;
  return all;
}

std::shared_ptr<model::raw_batch> raw_records(const std::string& text, const std::string& origin) {
  auto raw = std::make_shared<model::raw_batch>();
  raw->context = std::make_shared<model::connector_context>();
  raw->origin = origin;
  raw->received_at = 1'767'225'600 * ns_per_s;
  const auto add = [&](std::string_view record, std::uint64_t position) { raw->add(record, position); };
  ingest::record_assembler assembler;
  assembler.feed(text, add);
  assembler.flush(add);
  raw->bytes.reserve(raw->bytes.size() + 64);
  return raw;
}

std::shared_ptr<model::raw_batch> read_sample(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return raw_records({std::istreambuf_iterator<char>(in), {}}, file.filename().string());
}

/// What is wrong with the records of one product's samples, one line each.
std::vector<std::string> problems_of(const ingest::mapping& m, std::size_t& events) {
  auto& all = all_mappings();
  ingest::normalizer normalizer(all.set, all.names, {.keep_unknown = true, .eager = true});
  std::vector<std::string> wrong;
  for (const auto& file : fs::directory_iterator(fs::path(m.file).parent_path() / "samples")) {
    const auto batch = normalizer.normalize(read_sample(file.path()));
    for (const auto& q : batch->quarantined)
      wrong.push_back(file.path().string() + ": " + q.reason);
    for (const auto& ev : batch->events) {
      ++events;
      const auto event = nlohmann::json::parse(ingest::to_ocsf_json(*batch, ev));
      for (const auto& problem : ingest::validate_ocsf(*all.set->inside().schema, event))
        wrong.push_back(file.path().string() + " (" + ev.type->name + "): " + problem);
    }
  }
  return wrong;
}

} // namespace

BOOST_AUTO_TEST_SUITE(samples)

BOOST_AUTO_TEST_CASE(the_shipped_mappings_load_without_a_complaint) {
  for (const auto& d : all_mappings().found.all())
    BOOST_ERROR(render(d, ""));
  BOOST_TEST_REQUIRE(all_mappings().set);
  BOOST_TEST(all_mappings().set->mappings().size() >= 59U);
}

BOOST_AUTO_TEST_CASE(an_object_of_which_only_its_kind_is_known_is_said_to_be_unknown) {
  auto& all = all_mappings();
  ingest::normalizer normalizer(all.set, all.names, {.keep_unknown = true, .eager = true});
  const auto batch = normalizer.normalize(
      raw_records(R"({"product":"polaris","log_type":"data_audit","bytes":4096,"policy":"dev-to-db"})", "test"));
  BOOST_REQUIRE_EQUAL(batch->events.size(), 1U);
  const auto event = nlohmann::json::parse(ingest::to_ocsf_json(*batch, batch->events.front()));
  BOOST_TEST(event["database"].dump() == R"({"type":"Unknown","type_id":0,"uid":"unknown"})");
  for (const auto& problem : ingest::validate_ocsf(*all.set->inside().schema, event))
    BOOST_ERROR(problem);
}

BOOST_AUTO_TEST_CASE(every_record_of_every_sample_is_valid_ocsf) {
  std::size_t events = 0;
  for (const auto& m : all_mappings().set->mappings()) {
    const auto before = events;
    for (const auto& problem : problems_of(*m, events))
      BOOST_ERROR(problem);
    BOOST_TEST(events > before, m->vendor << "/" << m->product << " has no sample that gives an event");
  }
  BOOST_TEST_MESSAGE(events << " events");
}

BOOST_AUTO_TEST_CASE(the_validator_sees_what_is_wrong) {
  const auto& schema = *all_mappings().set->inside().schema;
  auto event = nlohmann::json::parse(R"({"class_uid":4002,"category_uid":4,"activity_id":1,"type_uid":400201,
    "severity_id":1,"time":1,"metadata":{"version":"1.8.0","product":{"name":"x","vendor_name":"y"}},
    "http_request":{"http_method":"GET"},"src_endpoint":{"ip":"192.0.2.1"}})");
  const auto first = [&](auto change) {
    auto changed = event;
    change(changed);
    const auto found = ingest::validate_ocsf(schema, changed);
    return found.empty() ? std::string() : found.front();
  };
  using json = nlohmann::json;
  BOOST_TEST(first([](json&) {}) == "");
  BOOST_TEST(first([](json& e) { e["severity_id"] = 42; }) == "severity_id: '42' is not in the enum");
  BOOST_TEST(first([](json& e) { e["time"] = "now"; }) == "time: must be a whole number");
  BOOST_TEST(first([](json& e) { e.erase("metadata"); }) == "metadata: required and missing");
  BOOST_TEST(first([](json& e) { e["type_uid"] = 400202; }) == "type_uid: is not class_uid * 100 + activity_id");
  BOOST_TEST(first([](json& e) { e["src_endpoint"]["ip"] = "nowhere"; }) == "src_endpoint.ip: is no address");
  BOOST_TEST(first([](json& e) { e["src_endpoint"]["color"] = 1; }) ==
             "src_endpoint.color: unknown attribute of network_endpoint");
  BOOST_TEST(first([](json& e) { e["class_uid"] = 4999; }) == "class_uid: no such class");
}

BOOST_AUTO_TEST_SUITE_END()
