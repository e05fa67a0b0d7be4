// The audit: one chain a tenant, whatever it is told.
#include "fixture.hpp"

namespace {

using namespace soc;
using namespace soc::response;
using namespace soc::response::test;

void check_chain(const std::vector<std::string>& lines) {
  const auto report = verify_audit(lines, {}, {}, [](auto&, auto&, auto&) { return true; });
  BOOST_TEST(report.faults.empty(), (report.faults.empty() ? "" : report.faults[0]));
  for (const auto& [name, chain] : report.chains)
    BOOST_TEST(chain.first == 1u);
}

} // namespace

BOOST_AUTO_TEST_SUITE(audit_suite)

BOOST_AUTO_TEST_CASE(the_audit_is_a_chain) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto"));
  site.hear("203.0.113.9");
  site.command(command_kind::undo);
  BOOST_REQUIRE(w.audit.size() > 2u);
  check_chain(w.audit);
  BOOST_TEST(w.audit.back().find("alice") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_audit_goes_on_after_an_entry_that_is_too_large_and_keeps_it_shortened) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto"));
  w.longest_message = 4000;
  const auto note = [&](const std::string& what) {
    caf::anon_send(site.shared->audit.actor(), audit_note{"default", "ana", what, "id", "", "asked"});
  };
  note("before");
  note("comment ab12 " + std::string(1 << 20, '\x01'));
  for (int i = 0; i < 40; ++i)
    note("after " + std::to_string(i));
  site.run();
  for (int i = 0; i < 20; ++i)
    site.pass(std::chrono::seconds(1));
  BOOST_REQUIRE_EQUAL(w.audit.size(), 42u);
  check_chain(w.audit);
  const auto entry = nlohmann::json::parse(w.audit[1]);
  BOOST_TEST(entry["what"].get<std::string>().starts_with("comment ab12 "));
  BOOST_TEST(entry["what"].get<std::string>().find("bytes more") != std::string::npos);
  BOOST_TEST(w.audit[41].find("after 39") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_note_of_a_tenant_that_can_be_no_part_of_a_subject_is_kept_with_the_default_tenants) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto"));
  caf::anon_send(site.shared->audit.actor(), audit_note{"Acme Corp", "ana", "undo", "abcd", "because", "obeyed"});
  site.run();
  BOOST_TEST((w.audited == std::set<std::string>{"soc.default.audit"}));
  BOOST_REQUIRE_EQUAL(w.audit.size(), 1u);
  BOOST_TEST(w.audit[0].find("Acme Corp") != std::string::npos);
  check_chain(w.audit);
}

BOOST_AUTO_TEST_SUITE_END()
