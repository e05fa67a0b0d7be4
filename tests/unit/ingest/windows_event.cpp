// The shapes of a Windows event, all into the same flat record.
#include "ingest/core/windows_event.hpp"

#include "ingest/core/json_decoder.hpp"

#include <boost/test/unit_test.hpp>

#include <map>

using namespace soc;

namespace {

struct windows_reader {
  std::shared_ptr<model::field_dictionary> names = std::make_shared<model::field_dictionary>();
  arena memory;
  std::vector<model::slot> slots;
  std::string kept;

  std::map<std::string, std::string> fields() const {
    std::map<std::string, std::string> out;
    for (const auto& s : slots)
      out[std::string(s.name())] = s.data.to_text();
    return out;
  }
  std::map<std::string, std::string> json(std::string text) {
    text.reserve(text.size() + ingest::json_decoder::padding);
    kept = std::move(text);
    BOOST_REQUIRE(!ingest::json_decoder(names).decode(kept, memory, slots));
    BOOST_REQUIRE(ingest::flatten_windows_event(slots, *names, memory));
    return fields();
  }
};

const char* nested_windows_json =
    R"({"Event":{"#attributes":{"xmlns":"x"},"System":{"Provider":{"#attributes":{"Name":"P","Guid":"G"}},"EventID":1119,
  "TimeCreated":{"#attributes":{"SystemTime":"2026-01-02T03:04:05Z"}},"Channel":"C","Computer":"host","Security":{"#attributes":{"UserID":"S-1"}}},
  "EventData":{"Threat Name":"EICAR","Path":"c:\\x"}}})";

} // namespace

BOOST_AUTO_TEST_SUITE(windows_events)

BOOST_AUTO_TEST_CASE(nested_system_and_event_data_become_flat) {
  auto f = windows_reader().json(nested_windows_json);
  BOOST_TEST(f["Channel"] == "C");
  BOOST_TEST(f["EventID"] == "1119");
  BOOST_TEST(f["Provider_Name"] == "P");
  BOOST_TEST(f["Security_UserID"] == "S-1");
  BOOST_TEST(f["TimeCreated"] == "2026-01-02T03:04:05Z");
  BOOST_TEST(f["ThreatName"] == "EICAR");
  BOOST_TEST(f["Path"] == "c:\\x");
}

BOOST_AUTO_TEST_CASE(xml_gives_the_same_record_as_json) {
  windows_reader r;
  const auto failed = ingest::decode_windows_xml(
      R"(<?xml version="1.0"?><Event xmlns="x"><System><Provider Name="P" Guid="G"/><EventID>1119</EventID>
         <TimeCreated SystemTime="2026-01-02T03:04:05Z"/><Channel>C</Channel><Computer>host</Computer><Security UserID="S-1"/></System>
         <EventData><Data Name="Threat Name">EICAR</Data><Data Name="Path">c:\x</Data></EventData></Event>)",
      *r.names, r.memory, r.slots);
  BOOST_REQUIRE(!failed);
  BOOST_TEST((r.fields() == windows_reader().json(nested_windows_json)));
}

BOOST_AUTO_TEST_CASE(winlogbeat_gives_the_same_names) {
  auto f = windows_reader().json(
      R"({"winlog":{"channel":"C","event_id":"1","provider_name":"P","event_data":{"Image":"a.exe"}},"host":{"name":"h"}})");
  BOOST_TEST(f["Channel"] == "C");
  BOOST_TEST(f["EventID"] == "1");
  BOOST_TEST(f["Provider_Name"] == "P");
  BOOST_TEST(f["Image"] == "a.exe");
  BOOST_TEST(f["host.name"] == "h");
}

BOOST_AUTO_TEST_CASE(entities_are_decoded_and_document_types_refused) {
  windows_reader r;
  BOOST_REQUIRE(!ingest::decode_windows_xml(
      R"(<Event><System><Channel>C</Channel></System><EventData><Data Name="D">a&amp;b &lt;&#x41;&#233;</Data></EventData></Event>)",
      *r.names, r.memory, r.slots));
  BOOST_TEST(r.fields()["D"] == "a&b <A\xc3\xa9");
  BOOST_TEST(
      ingest::decode_windows_xml("<!DOCTYPE x [<!ENTITY a \"b\">]><Event/>", *r.names, r.memory, r.slots).has_value());
  BOOST_TEST(ingest::decode_windows_xml("<Event><System>", *r.names, r.memory, r.slots).has_value());
}

BOOST_AUTO_TEST_CASE(text_between_comments_and_sections_is_one_value_that_is_copied_once) {
  windows_reader r;
  std::string pieces;
  for (int i = 0; i < 5000; ++i)
    pieces += "abc<!-- x --><![CDATA[<d>]]>&amp;";
  const auto xml = "<Event><System><Channel>C</Channel></System><EventData><Data Name=\"D\">" + pieces +
                   "</Data><Data Name=\"E\">e</Data></EventData></Event>";
  BOOST_REQUIRE(!ingest::decode_windows_xml(xml, *r.names, r.memory, r.slots));
  const auto text = r.fields()["D"];
  BOOST_TEST(text.size() == 5000 * 7U);
  BOOST_TEST(text.substr(0, 14) == "abc<d>&abc<d>&");
  BOOST_TEST(r.fields()["E"] == "e");
  BOOST_TEST(r.memory.reserved_bytes() < 4 * xml.size());
}

BOOST_AUTO_TEST_CASE(two_receipts_of_one_record_tell_the_zone_of_its_local_time) {
  const auto zone_of = [](const std::string& received, const std::string& stamped) {
    auto f = windows_reader().json(R"({"Channel":"Security","EventID":4624,"EventTime":"2020-10-09 18:27:49",)"
                                   R"("EventReceivedTime":")" +
                                   received + R"(","@timestamp":")" + stamped + "\"}");
    return f["EventTimeZone"];
  };
  BOOST_TEST(zone_of("2020-10-09 18:30:01", "2020-10-09T22:30:01.952Z") == "-04:00");
  BOOST_TEST(zone_of("2020-10-10 04:00:01", "2020-10-09T22:30:04Z") == "+05:30");
  BOOST_TEST(zone_of("2020-10-09 22:30:01", "2020-10-09T22:30:01Z") == "+00:00");
  BOOST_TEST(zone_of("2020-10-09 18:30:01", "2020-10-09T22:37:01Z") == "");  // no quarter of an hour: a delay
  BOOST_TEST(zone_of("2020-10-07 18:30:01", "2020-10-09T22:30:01Z") == "");  // no zone is that far
  BOOST_TEST(zone_of("2020-10-09T18:30:01Z", "2020-10-09T22:30:01Z") == ""); // has one
}

BOOST_AUTO_TEST_CASE(other_json_is_no_windows_event) {
  windows_reader r;
  r.kept = R"({"Event":{"name":"x"},"EventID":1})";
  r.kept.reserve(128);
  BOOST_REQUIRE(!ingest::json_decoder(r.names).decode(r.kept, r.memory, r.slots));
  BOOST_TEST(!ingest::flatten_windows_event(r.slots, *r.names, r.memory));
}

BOOST_AUTO_TEST_SUITE_END()
