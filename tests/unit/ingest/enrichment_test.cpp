#include "ingest/core/enrichment.hpp"
#include "ingest/core/ocsf_validation.hpp"
#include "mapping_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <netinet/in.h>

using namespace soc;
using ingest::address_range;
using ingest::ip_bytes_of;

namespace {

/// One mapping with lists beside it.
class enriched_lab {
public:
  enriched_lab(const std::string& assets, const std::string& identities,
               std::vector<ingest::named_network> networks = {}) {
    static int number = 0;
    folder_ = std::filesystem::temp_directory_path() /
              ("soc_enrichment_" + std::to_string(::getpid()) + "_" + std::to_string(number++));
    std::filesystem::create_directories(folder_ / "m");
    std::ofstream(folder_ / "m" / "mapping.yaml")
        << "vendor: acme\nproduct: box\nconfidence: assumed\nsource: test\ninputs: [{name: all, format: json}]\n"
           "types: [{name: any, class: network_activity, fields: {src_endpoint.ip: s, src_endpoint.hostname: h, "
           "src_endpoint.vpc_uid: v, dst_endpoint.ip: d, actor.user.name: u, activity_id: {value: Traffic}}}]\n";
    auto from = ingest::mapping_sources::below(SOC_SOURCE_DIR);
    from.folders = {(folder_ / "m").string()};
    from.enrichment.networks = std::move(networks);
    from.enrichment.assets = file("assets.csv", assets);
    from.enrichment.identities = file("identities.json", identities);
    set = ingest::mapping_set::load(from, *names_, found);
    normalizer_.emplace(set, names_, ingest::normalizer_options{.keep_unknown = true, .eager = true});
  }
  ~enriched_lab() { std::filesystem::remove_all(folder_); }

  nlohmann::json read(std::string_view record, const std::string& tenant = "default", const std::string& account = {}) {
    auto context = std::make_shared<model::connector_context>();
    context->tenant = tenant;
    context->account = account;
    auto raw = std::make_shared<model::raw_batch>();
    raw->context = context;
    raw->received_at = test::january_2026;
    raw->add(record);
    raw->bytes.reserve(raw->bytes.size() + 64);
    const auto batch = normalizer_->normalize(raw);
    return nlohmann::json::parse(ingest::to_ocsf_json(*batch, batch->events.at(0)));
  }

  diagnostics found;
  std::shared_ptr<const ingest::mapping_set> set;

private:
  std::vector<std::string> file(const std::string& name, const std::string& text) {
    if (text.empty())
      return {};
    std::ofstream(folder_ / name) << text;
    return {(folder_ / name).string()};
  }
  std::filesystem::path folder_;
  std::shared_ptr<model::field_dictionary> names_ = std::make_shared<model::field_dictionary>();
  std::optional<ingest::normalizer> normalizer_;
};

const std::string assets = "ip,cidr,hostname,owner,criticality,tenant,vpc_uid\n"
                           "10.0.0.5,,web01,Ann,high,,\n"
                           "10.0.0.6,,db01,Bob,low,other,\n"
                           "10.0.0.7,,a01,,low,,vpc-a\n"
                           "10.0.0.7,,b01,,high,,vpc-b\n"
                           ",10.0.0.0/8,,Net,medium,,\n";

} // namespace

BOOST_AUTO_TEST_SUITE(enriching)

BOOST_AUTO_TEST_CASE(networks_hold_what_is_in_them) {
  const auto range = address_range::parse("10.1.0.0/17");
  BOOST_TEST_REQUIRE(range.has_value());
  BOOST_TEST(range->holds(*ip_bytes_of("10.1.127.255")));
  BOOST_TEST(!range->holds(*ip_bytes_of("10.1.128.0")));
  BOOST_TEST(address_range::parse("2001:db8::/33")->holds(*ip_bytes_of("2001:db8:7fff::1")));
  BOOST_TEST(address_range::parse("0.0.0.0/0")->holds(*ip_bytes_of("192.0.2.1")));
  BOOST_TEST(!address_range::parse("0.0.0.0/0")->holds(*ip_bytes_of("2001:db8::1")));
  for (const auto* bad : {"", "10.0.0.0/33", "10.0.0/8", "x", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x"})
    BOOST_TEST(!address_range::parse(bad), bad);
}

BOOST_AUTO_TEST_CASE(a_row_of_the_address_wins_over_one_of_its_network) {
  enriched_lab lab(assets, "");
  BOOST_TEST(lab.found.all().empty());
  const auto event = lab.read(R"({"s":"10.0.0.5","d":"10.9.9.9"})");
  BOOST_TEST(event["src_endpoint"]["hostname"] == "web01");
  BOOST_TEST(event["enrichments"][0]["name"] == "src_endpoint.ip");
  BOOST_TEST(event["enrichments"][0]["value"] == "10.0.0.5");
  BOOST_TEST(event["enrichments"][0]["provider"] == "assets.csv");
  BOOST_TEST(event["enrichments"][0]["data"]["owner"] == "Ann");
  BOOST_TEST(event["enrichments"][1]["data"]["owner"] == "Net");
  BOOST_TEST(!event["dst_endpoint"].contains("hostname"));
  const auto problems = ingest::validate_ocsf(*lab.set->inside().schema, event);
  BOOST_TEST(problems.empty(), (problems.empty() ? "" : problems.front()));
}

BOOST_AUTO_TEST_CASE(what_the_event_says_itself_is_kept) {
  enriched_lab lab(assets, "");
  BOOST_TEST(lab.read(R"({"s":"10.0.0.5","h":"other"})")["src_endpoint"]["hostname"] == "other");
}

BOOST_AUTO_TEST_CASE(a_row_of_another_tenant_is_not_seen) {
  enriched_lab lab(assets, "");
  BOOST_TEST(lab.read(R"({"s":"10.0.0.6"})")["enrichments"][0]["data"]["owner"] == "Net");
  BOOST_TEST(lab.read(R"({"s":"10.0.0.6"})", "other")["enrichments"][0]["data"]["owner"] == "Bob");
}

BOOST_AUTO_TEST_CASE(a_private_address_belongs_to_the_network_of_its_account) {
  enriched_lab lab(assets, "",
                   {{*address_range::parse("10.0.0.0/24"), "1", "vpc-a"},
                    {*address_range::parse("10.0.0.0/24"), "2", "vpc-b"},
                    {*address_range::parse("10.0.0.0/8"), "", "rest"}});
  const auto a = lab.read(R"({"s":"10.0.0.7"})", "default", "1"), b = lab.read(R"({"s":"10.0.0.7"})", "default", "2");
  BOOST_TEST(a["src_endpoint"]["vpc_uid"] == "vpc-a");
  BOOST_TEST(a["src_endpoint"]["hostname"] == "a01");
  BOOST_TEST(b["src_endpoint"]["vpc_uid"] == "vpc-b");
  BOOST_TEST(b["src_endpoint"]["hostname"] == "b01");
  BOOST_TEST(lab.read(R"({"s":"10.0.0.7"})")["src_endpoint"]["vpc_uid"] == "rest");
  BOOST_TEST(!lab.read(R"({"s":"192.0.2.1"})")["src_endpoint"].contains("vpc_uid"));
  BOOST_TEST(lab.read(R"({"s":"10.0.0.7","v":"own"})")["src_endpoint"]["vpc_uid"] == "own");
}

BOOST_AUTO_TEST_CASE(users_are_found_without_regard_to_case) {
  enriched_lab lab("", R"([{"user":"Ann","department":"finance","tags":["vip","admin"]}])");
  const auto event = lab.read(R"({"s":"192.0.2.1","u":"ann"})");
  BOOST_TEST(event["enrichments"][0]["name"] == "actor.user.name");
  BOOST_TEST(event["enrichments"][0]["data"]["department"] == "finance");
  BOOST_TEST(event["enrichments"][0]["data"]["tags"] == "vip,admin");
}

BOOST_AUTO_TEST_CASE(lists_with_mistakes_are_named_with_their_lines) {
  enriched_lab lab("ip,owner\nnowhere,Ann\n,Bob\n10.0.0.1,Cid\n", "");
  BOOST_TEST_REQUIRE(lab.found.all().size() == 2U);
  BOOST_TEST(lab.found.all()[0].code == "MAP062");
  BOOST_TEST(lab.found.all()[0].place.line == 2);
  BOOST_TEST(lab.found.all()[1].code == "MAP063");
  BOOST_TEST(lab.read(R"({"s":"10.0.0.1"})")["enrichments"][0]["data"]["owner"] == "Cid");
}

BOOST_AUTO_TEST_CASE(an_address_database_in_either_layout_gives_place_and_system) {
  // tests/data/geo: written by tests/data/geo/make, addresses and numbers of the documentation ranges.
  for (const auto* layout : {"nested", "flat"}) {
    const auto database =
        ingest::geo_database::open(std::string(SOC_SOURCE_DIR) + "/tests/data/geo/" + layout + ".mmdb");
    BOOST_TEST_REQUIRE(static_cast<bool>(database), layout);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    const auto bytes = *ip_bytes_of("192.0.2.7");
    std::copy(bytes.begin() + 12, bytes.end(), reinterpret_cast<std::uint8_t*>(&address.sin_addr));
    ingest::geo_facts facts;
    (*database)->look_up(reinterpret_cast<const sockaddr*>(&address), facts);
    BOOST_TEST(facts.country == "DE");
    BOOST_TEST(facts.city == "Bonn");
    BOOST_TEST(facts.system_number == 64500);
    BOOST_TEST(facts.organization == "Example Net");
    BOOST_TEST(facts.has_place);
  }
  BOOST_TEST(!ingest::geo_database::open("/dev/null"));
}

BOOST_AUTO_TEST_SUITE_END()
