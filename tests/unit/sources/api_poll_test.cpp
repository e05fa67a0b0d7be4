#include "connectors/sources/api/api_driver.hpp"
#include "connectors/sources/api/api_poll.hpp"
#include "connectors/sources/http/json_values.hpp"

#include <boost/test/unit_test.hpp>

using namespace soc;
using namespace soc::sources;

namespace {

const unix_ns now = 1'748'779'200 * ns_per_s; // 2025-06-01T12:00:00Z

struct api_lab {
  diagnostics found;
  api_options options;
  api_memory memory;

  explicit api_lab(const std::string& text) {
    const auto yaml = parse_yaml("soc.yaml", text, "CFG001", found);
    yaml_map_reader reader("soc.yaml", yaml.documents.front(), "connector 'x'", "CFG001", found);
    if (auto made = parse_api_options(reader, found, SOC_SOURCE_DIR))
      options = std::move(made).take();
  }
  std::string problems() const {
    std::string out;
    for (const auto& d : found.all())
      out += d.message + "; ";
    return out;
  }
  static std::string joined(const std::vector<std::string_view>& records) {
    std::string out;
    for (const auto record : records)
      out += std::string(record) + "|";
    return out;
  }
};

} // namespace

BOOST_AUTO_TEST_SUITE(api_source)

BOOST_AUTO_TEST_CASE(places_in_a_json_text_are_found_by_names_with_dots) {
  const std::string text = R"({"a":{"b.c":{"d":[1,2]}},"@odata.nextLink":"x","a.b":7})";
  BOOST_TEST(json_at(text, "a.b.c.d") == "[1,2]");
  BOOST_TEST(json_at(text, "@odata.nextLink") == "\"x\"");
  BOOST_TEST(json_at(text, "a.b") == "7");
  BOOST_TEST(json_at(text, "a.z") == "");
  BOOST_TEST(json_at("[1]", "a") == "");
}

BOOST_AUTO_TEST_CASE(links_are_followed_to_the_last_page_and_the_cursor_moves_then) {
  api_lab lab("{name: x, kind: api, url: 'https://h/a', records: value, id: id, pagination: {type: link, path: "
              "'@odata.nextLink'}, cursor: {field: t, overlap_s: 60, lookback_h: 1}}");
  BOOST_TEST(lab.problems() == "");
  api_poll first(lab.options, lab.memory, now);
  BOOST_TEST(first.values().at("cursor") == "2025-06-01T11:00:00.000Z");
  auto page = first.take(R"({"value":[{"id":1,"t":"2025-06-01T11:30:00Z"},{"id":2,"t":"2025-06-01T11:20:00Z"}],)"
                         R"("@odata.nextLink":"https://h/a?s=2"})",
                         "");
  BOOST_TEST(page->fresh.size() == 2U);
  BOOST_TEST(!first.last());
  BOOST_TEST(first.next_link() == "https://h/a?s=2");
  page = first.take(R"({"value":[{"id":2,"t":"2025-06-01T11:20:00Z"},{"id":3,"t":"x"}]})", "");
  BOOST_TEST(api_lab::joined(page->fresh) == R"({"id":3,"t":"x"}|)");
  BOOST_TEST(first.last());
  first.finish();
  auto kept = api_memory::read(lab.memory.text());
  api_poll second(lab.options, kept, now);
  BOOST_TEST(second.values().at("cursor") == "2025-06-01T11:29:00.000Z");
  BOOST_TEST(second.take(R"({"value":[{"id":1,"t":"2025-06-01T11:30:00Z"}]})", "")->fresh.empty());
}

BOOST_AUTO_TEST_CASE(tokens_pages_and_offsets_end_where_the_answers_say) {
  api_lab token("{name: x, kind: api, url: 'https://h/a', records: l, pagination: {type: token, path: n, param: t}}");
  api_poll by_token(token.options, token.memory, now);
  (void)by_token.take(R"({"l":[1],"n":"abc"})", "");
  BOOST_TEST(by_token.values().at("token") == "abc");
  (void)by_token.take(R"({"l":[2],"n":null})", "");
  BOOST_TEST(by_token.last());

  api_lab offset("{name: x, kind: api, url: 'https://h/a', pagination: {type: offset, param: o, size: 2}}");
  api_poll by_offset(offset.options, offset.memory, now);
  (void)by_offset.take("[1,2]", "");
  BOOST_TEST(by_offset.values().at("offset") == "2");
  BOOST_TEST(!by_offset.last());
  (void)by_offset.take("[3]", "");
  BOOST_TEST(by_offset.last());

  api_lab header("{name: x, kind: api, url: 'https://h/a', pagination: {type: link_header}}");
  api_poll by_header(header.options, header.memory, now);
  (void)by_header.take("[1]", "<https://h/a?p=1>; rel=\"prev\", <https://h/a?p=3>; rel=\"next\"");
  BOOST_TEST(by_header.next_link() == "https://h/a?p=3");
}

BOOST_AUTO_TEST_CASE(a_list_of_names_leads_to_details_and_only_new_ones_count) {
  api_lab lab("{name: x, kind: api, url: 'https://h/list', records: ids, detail: {url: 'https://h/get', method: POST, "
              "body: '{\"ids\":${ids}}', records: findings}, cursor: {field: u, format: unix_ms}}");
  BOOST_TEST(lab.problems() == "");
  api_poll poll(lab.options, lab.memory, now);
  const auto names = poll.take(R"({"ids":["a","b"]})", "");
  BOOST_TEST(poll.ids_of(names->fresh) == R"(["a","b"])");
  BOOST_TEST(poll.take_detail(R"({"findings":[{"i":"a","u":1748779100000},{"i":"b"}]})")->fresh.size() == 2U);
  BOOST_TEST(poll.take_detail(R"({"findings":[{"i":"a","u":1748779100000},{"i":"b","n":2}]})")->fresh.size() == 1U);
  poll.finish();
  BOOST_TEST(*lab.memory.cursor == 1748779100000 * ns_per_ms);
}

BOOST_AUTO_TEST_CASE(answers_that_are_no_json_are_refused_and_change_nothing) {
  api_lab lab("{name: x, kind: api, url: 'https://h/a', records: l}");
  api_poll poll(lab.options, lab.memory, now);
  BOOST_TEST(!poll.take(R"({"l":[{"a":)", ""));
  BOOST_TEST(!poll.take(R"({"l":[{"a":1},}]})", ""));
}

BOOST_AUTO_TEST_CASE(a_place_is_stored_when_the_whole_page_is_durable) {
  const std::vector<std::string_view> records(target_batch_records + 1, "{}");
  fetching_driver driver(
      1 << 20, [] { return outcome(done{}); },
      [&](fetch_session& session, const std::string&) {
        hand_on_page(session, batch_builder(std::make_shared<model::connector_context>(), "x"), records, "place", now);
        session.sleep(std::chrono::hours(1));
      },
      [] {});
  BOOST_REQUIRE(static_cast<bool>(driver.start({}, [] {})));
  for (std::uint64_t ticket = 1; ticket <= 2;)
    if (driver.next(ticket))
      ++ticket;
    else
      std::this_thread::yield();
  BOOST_TEST(driver.settled(1).empty());
  const auto stored = driver.settled(2);
  BOOST_TEST_REQUIRE(stored.size() == 1U);
  BOOST_TEST(stored.front().second == "place");
}

BOOST_AUTO_TEST_CASE(values_are_filled_in_where_their_places_are) {
  BOOST_TEST(filled("a${x}b${y}${z", {{"x", "1"}, {"y", "2"}}) == "a1b2${z");
  BOOST_TEST(retry_after_s("17") == 17);
  BOOST_TEST(retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0);
  BOOST_TEST(retry_after_s("999999") == 3600);
}

BOOST_AUTO_TEST_CASE(options_that_can_not_work_are_named) {
  BOOST_TEST(api_lab("{name: x, kind: api, url: 'https://h/${tenant}'}").problems() ==
             "nothing says what ${tenant} is; ");
  BOOST_TEST(api_lab("{name: x, kind: api, url: 'https://h/${tenant}', variables: {tenant: t}}").problems() == "");
  BOOST_TEST(api_lab("{name: x, kind: api, url: 'ftp://h'}").problems() != "");
  BOOST_TEST(api_lab("{name: x, kind: api, url: 'https://h?a=b'}").problems() == "an address with a query; ");
  BOOST_TEST(api_lab("{name: x, kind: api, url: 'https://h', auth: {type: bearer, secret: plain}}").problems() != "");
  BOOST_TEST(
      api_lab("{name: x, kind: api, url: 'https://h', auth: {type: oauth2, secret: 'env:S', id: i}}").problems() ==
      "auth of type oauth2 needs 'token_url'; ");
  BOOST_TEST(api_lab("{name: x, kind: api, preset: ../../etc/passwd, url: 'https://h'}").problems() != "");
}

BOOST_AUTO_TEST_CASE(every_preset_loads_with_what_it_asks_for) {
  const auto with = [](const std::string& more) { return api_lab("{name: x, kind: api, " + more + "}").problems(); };
  const std::string secret = "auth: {id: 'env:I', secret: 'env:S'}";
  BOOST_TEST(with("preset: microsoft_graph_alerts, variables: {tenant_id: t}, " + secret) == "");
  BOOST_TEST(with("preset: microsoft_graph_signins, variables: {tenant_id: t}, " + secret) == "");
  BOOST_TEST(with("preset: aws_guardduty, variables: {region: eu-west-1, detector: d}, " + secret) == "");
  BOOST_TEST(with("preset: alibaba_sls, variables: {project: p, region: cn-hangzhou, logstore: l, query: '*'}, " +
                  secret) == "");
  BOOST_TEST(with("preset: cortex_xdr, variables: {host: api-x.xdr.example}, " + secret) == "");
  BOOST_TEST(with("preset: threatbook_onesec, variables: {host: onesec.example}, " + secret) == "");
}

BOOST_AUTO_TEST_SUITE_END()
