// Rules cut down to a shape must make what all rules make: every shipped sample, before and after its shape is known.
#include "ingest/core/record_assembler.hpp"
#include "ingest/core/record_shape.hpp"
#include "mapping_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <iterator>

using namespace soc;

namespace {

class repeated_reading {
public:
  repeated_reading() {
    set_ = ingest::mapping_set::load(ingest::mapping_sources::below(SOC_SOURCE_DIR), *names_, found_);
    normalizer_.emplace(set_, names_, ingest::normalizer_options{.keep_unknown = true, .eager = true});
  }

  /// All events of a file, as JSON lines.
  std::string read(const std::filesystem::path& file, const std::string& vendor, const std::string& product) {
    std::ifstream in(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    auto raw = std::make_shared<model::raw_batch>();
    auto context = std::make_shared<model::connector_context>();
    context->vendor = vendor;
    context->product = product;
    raw->context = context;
    raw->origin = file.string();
    raw->received_at = test::january_2026;
    const auto add = [&](std::string_view record, std::uint64_t position) { raw->add(record, position); };
    ingest::record_assembler assembler;
    assembler.feed(text, add);
    assembler.flush(add);
    raw->bytes.reserve(raw->bytes.size() + 64);
    const auto batch = normalizer_->normalize(raw);
    std::string out;
    for (const auto& ev : batch->events)
      out += ingest::to_ocsf_json(*batch, ev) + "\n";
    return out;
  }

private:
  std::shared_ptr<model::field_dictionary> names_ = std::make_shared<model::field_dictionary>();
  diagnostics found_;
  std::shared_ptr<const ingest::mapping_set> set_;
  std::optional<ingest::normalizer> normalizer_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(record_shapes)

BOOST_AUTO_TEST_CASE(a_sample_gives_the_same_events_when_its_shapes_are_known) {
  repeated_reading reading;
  std::size_t files = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(SOC_SOURCE_DIR "/connectors/vendors")) {
    const auto& path = file.path();
    if (path.parent_path().filename() != "samples")
      continue;
    const auto product = path.parent_path().parent_path();
    const auto vendor = product.parent_path().filename().string();
    const auto first = reading.read(path, vendor, product.filename().string());
    const auto second = reading.read(path, vendor, product.filename().string());
    const auto third = reading.read(path, vendor, product.filename().string());
    ++files;
    BOOST_TEST(first == second, path.string());
    BOOST_TEST(first == third, path.string());
  }
  BOOST_TEST(files > 60U);
}

BOOST_AUTO_TEST_CASE(fields_in_another_order_are_another_shape) {
  test::mapping_lab lab(R"(
vendor: acme
product: firewall
confidence: documented
source: test
inputs:
  - {name: kv, format: text, detect: {contains: ["dev=acme"]}, decode: kv}
types:
  - name: all
    class: network_activity
    fields:
      src_endpoint.ip: [src, source]
      dst_endpoint.ip: dst
      message: {format: "{src} to {dst}"}
)");
  for (int i = 0; i < 3; ++i) {
    const auto one = lab.read("dev=acme src=192.0.2.1 dst=192.0.2.2");
    const auto other = lab.read("dev=acme dst=192.0.2.2 source=192.0.2.3");
    BOOST_TEST(one["src_endpoint"]["ip"] == "192.0.2.1");
    BOOST_TEST(one["message"] == "192.0.2.1 to 192.0.2.2");
    BOOST_TEST(other["src_endpoint"]["ip"] == "192.0.2.3");
    BOOST_TEST(!other.contains("message"));
  }
}

BOOST_AUTO_TEST_SUITE_END()
