// What an attacker or a broken disk writes into logs: nothing of it may crash, hang, or be lost.
#include "ingest/core/record_assembler.hpp"
#include "ingest/core/text_decoders.hpp"
#include "ingest/core/windows_event.hpp"
#include "mapping_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <ctime>
#include <random>
#include <rapidcheck.h>

using namespace soc;

namespace {

/// The shipped mappings, without a hint of the product.
class shipped_normalizer {
public:
  shipped_normalizer() {
    set_ = ingest::mapping_set::load(ingest::mapping_sources::below(SOC_SOURCE_DIR), *names_, found_);
    normalizer_.emplace(set_, names_, ingest::normalizer_options{.keep_unknown = true, .eager = true});
  }

  std::shared_ptr<model::event_batch> read(const std::vector<std::string>& records) {
    auto raw = std::make_shared<model::raw_batch>();
    raw->context = std::make_shared<model::connector_context>();
    raw->received_at = test::january_2026;
    for (const auto& record : records)
      raw->add(record);
    raw->bytes.reserve(raw->bytes.size() + 64);
    return normalizer_->normalize(raw);
  }
  /// "event" or "quarantined"; the bytes are kept either way and the event is JSON.
  std::string fate(const std::string& record) {
    const auto batch = read({record});
    if (batch->events.empty())
      return batch->quarantined.empty() ? "nothing" : "quarantined";
    const auto event = nlohmann::json::parse(ingest::to_ocsf_json(*batch, batch->events.front()));
    BOOST_TEST(event.contains("raw_data"));
    return "event";
  }

private:
  std::shared_ptr<model::field_dictionary> names_ = std::make_shared<model::field_dictionary>();
  diagnostics found_;
  std::shared_ptr<const ingest::mapping_set> set_;
  std::optional<ingest::normalizer> normalizer_;
};

shipped_normalizer& shipped_mappings() {
  static shipped_normalizer all;
  return all;
}

/// Whatever else the machine does.
double processor_s() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

std::string repeated(std::string_view part, std::size_t times) {
  std::string out;
  out.reserve(part.size() * times);
  for (std::size_t i = 0; i < times; ++i)
    out += part;
  return out;
}

const std::string nginx_line = R"(192.0.2.7 - - [10/Oct/2025:13:55:36 +0000] "GET /%s HTTP/1.1" 200 12 "-" "curl/8")";

} // namespace

BOOST_AUTO_TEST_SUITE(hostile_input)

BOOST_AUTO_TEST_CASE(a_time_far_ahead_of_the_receipt_is_no_time_of_an_event) {
  const auto time_of = [](const std::string& date) {
    const auto batch =
        shipped_mappings().read({"192.0.2.7 - - [" + date + " +0000] \"GET / HTTP/1.1\" 200 12 \"-\" \"curl/8\""});
    BOOST_REQUIRE_EQUAL(batch->events.size(), 1U);
    return batch->events.front().time;
  };
  const auto day = 86'400 * ns_per_s;
  BOOST_TEST(time_of("01/Jan/2099:00:00:00") == test::january_2026);
  BOOST_TEST(time_of("02/Jan/2026:00:00:00") == test::january_2026 + day, "clocks run ahead");
}

BOOST_AUTO_TEST_CASE(binary_junk_is_quarantined_with_a_reason) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::string junk(1 + random() % 4096, '\0');
    for (auto& c : junk)
      c = static_cast<char>(random());
    junk.front() = static_cast<char>(0x80 | junk.front());
    const auto batch = shipped_mappings().read({junk});
    BOOST_TEST_REQUIRE(batch->events.size() + batch->quarantined.size() == 1U);
    for (const auto& q : batch->quarantined)
      BOOST_TEST(!q.reason.empty());
  }
}

BOOST_AUTO_TEST_CASE(a_line_of_ten_megabytes_costs_no_more_than_its_length) {
  const auto begun = processor_s();
  for (const auto& line : {repeated("A", 10U << 20), "{\"a\":\"" + repeated("B", 10U << 20) + "\"}",
                           "CEF:0|a|b|1|2|3|4|x=" + repeated("C=", 5U << 20), repeated("k=v ", 10U << 18),
                           "<Event xmlns='x'>" + repeated("<a>", 3U << 20), repeated("a,\"", 3U << 20),
                           "date=2025-01-01 devid=\"FG\" " + repeated("\\\"", 5U << 20)})
    BOOST_TEST(shipped_mappings().fate(line) != "nothing");
  BOOST_TEST(processor_s() - begun < 180); // hours if it grew with the square
}

BOOST_AUTO_TEST_CASE(long_runs_of_blanks_or_ampersands_are_looked_through_once) {
  const auto begun = processor_s();
  const auto names = std::make_shared<model::field_dictionary>();
  arena memory;
  std::vector<model::slot> slots;
  ingest::field_sink sink(names);
  sink.begin(memory, slots);
  for (const auto* pairs : {"", ";", " "}) {
    const auto line = "a=1" + repeated(" ", 400'000) + "no key; " + repeated(" ", 400'000) + "here;b=2 c=3";
    ingest::kv_options options;
    options.pairs = pairs;
    slots.clear();
    BOOST_TEST(!ingest::decode_kv(line, options, sink).has_value());
    BOOST_TEST(slots.front().data.to_text().substr(0, 2) == "1 ");
    BOOST_TEST(slots.back().data.to_text() == (*pairs == ';' ? "2 c=3" : "3"));
  }
  const auto xml = "<Event><System><Channel>C</Channel></System><EventData><Data Name=\"D\">" +
                   repeated("&", 2U << 20) + "</Data></EventData></Event>";
  slots.clear();
  BOOST_TEST(!ingest::decode_windows_xml(xml, *names, memory, slots).has_value());
  BOOST_TEST(slots.back().data.to_text().size() == 2U << 20);
  BOOST_TEST(processor_s() - begun < 30);
}

BOOST_AUTO_TEST_CASE(broken_utf8_is_read_and_what_is_shown_is_valid) {
  for (const auto* bad : {"\xff\xfe", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
    auto line = nginx_line;
    line.replace(line.find("%s"), 2, bad);
    BOOST_TEST(shipped_mappings().fate(line) == "event");
    BOOST_TEST(shipped_mappings().fate(std::string(R"({"eventVersion":"1.08","eventSource":"s3.amazonaws.com",)") +
                                       R"("eventName":"GetObject)" + bad +
                                       R"(","eventTime":"2025-01-01T00:00:00Z","awsRegion":"x","eventID":"1"})") !=
               "nothing");
  }
}

BOOST_AUTO_TEST_CASE(deep_nesting_ends_at_a_limit) {
  for (const auto& [open, close] : {std::pair<std::string, std::string>{"{\"a\":", "}"}, {"[", "]"}}) {
    const auto deep = repeated(open, 100'000) + "1" + repeated(close, 100'000);
    BOOST_TEST(shipped_mappings().fate("{\"x\":" + deep + "}") != "nothing");
    BOOST_TEST(shipped_mappings().fate("{\"Records\":[{\"x\":" + deep + "}]}") != "nothing");
    BOOST_TEST(shipped_mappings().fate("{\"host\":\"a\",\"time\":1,\"event\":" + deep + "}") != "nothing");
  }
  BOOST_TEST(shipped_mappings().fate(repeated("{\"a\":", 100'000)) == "quarantined");
}

BOOST_AUTO_TEST_CASE(many_fields_and_many_equal_names_are_bounded) {
  std::string many = "{", same = "{";
  for (int i = 0; i < 200'000; ++i) {
    many += "\"k" + std::to_string(i) + "\":1,";
    same += "\"k\":1,";
  }
  BOOST_TEST(shipped_mappings().fate(many + "\"z\":1}") == "quarantined");
  BOOST_TEST(shipped_mappings().fate(same + "\"z\":1}") == "quarantined");
}

BOOST_AUTO_TEST_CASE(every_prefix_of_every_kind_of_record_has_a_fate) {
  const std::vector<std::string> whole{
      R"(<13>1 2025-01-01T00:00:00Z h app 1 id [a@1 b="c\"]"] CEF:0|v|p|1|s|n|5|src=192.0.2.1 msg=a\=b\\c cs1Label=x cs1=y)",
      R"(LEEF:2.0|v|p|1|e|^|src=192.0.2.1^dst=192.0.2.2^usrName=u)",
      R"(<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><EventID>4624</EventID><Channel>Security</Channel></System><EventData><Data Name="A">&lt;b&gt;&#x41;</Data></EventData></Event>)",
      R"({"a":{"b":["\u00e9\ud83d\ude00",1e5,-0.5,null,true]},"event":"x"})",
      "type=SYSCALL msg=audit(1690000000.123:456): arch=c000003e exe=\"/bin/sh\" a0=2F62696E",
      "date=2025-01-01 time=00:00:00 devname=\"a\" devid=\"FG1\" logid=\"0000000013\" type=\"traffic\" srcip=192.0.2.1",
      "1,2025/01/01 00:00:00,001,TRAFFIC,end,1,2025/01/01 00:00:00,192.0.2.1,192.0.2.2,\"a \"\"b\"\"\",c"};
  for (const auto& record : whole)
    for (std::size_t n = 1; n <= record.size(); ++n)
      BOOST_TEST_REQUIRE(shipped_mappings().fate(record.substr(0, n)) != "nothing", record.substr(0, n));
}

BOOST_AUTO_TEST_CASE(a_framed_stream_loses_no_byte_however_it_is_cut) {
  BOOST_TEST(rc::check([] {
    const auto text =
        *rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab{}[]\"\\\n\r\t <>/,=\0x", 17)));
    const auto pieces = [&](std::size_t chunk) {
      std::vector<std::string> out;
      const auto take = [&](std::string_view record, std::uint64_t) { out.emplace_back(record); };
      ingest::record_assembler assembler({.kind = ingest::framing::lines});
      for (std::size_t at = 0; at < text.size(); at += chunk)
        assembler.feed(std::string_view(text).substr(at, chunk), take);
      assembler.flush(take);
      return out;
    };
    RC_ASSERT(pieces(1) == pieces(text.size() + 1));
    RC_ASSERT(pieces(7) == pieces(text.size() + 1));
  }));
}

BOOST_AUTO_TEST_CASE(format_words_and_shell_words_in_a_record_are_only_text) {
  const auto line =
      std::string("192.0.2.7 - %s%n{}{0} [10/Oct/2025:13:55:36 +0000] \"GET /$(id)`id`?a=<script> HTTP/1.1\"") +
      " 200 12 \"{fmt}\" \"%x%x\"";
  BOOST_TEST(shipped_mappings().fate(line) == "event");
}

BOOST_AUTO_TEST_SUITE_END()
