// tests/unit/ingest - a mapping written in the test, loaded as the product's own are, and what it makes of records.
#pragma once
#include "ingest/core/mapping.hpp"
#include "ingest/core/normalizer.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

namespace soc::test {

constexpr unix_ns january_2026 = 1'767'225'600 * ns_per_s;

class mapping_lab {
public:
  explicit mapping_lab(const std::string& yaml) {
    static int number = 0;
    folder_ = std::filesystem::temp_directory_path() /
              ("soc_mapping_" + std::to_string(::getpid()) + "_" + std::to_string(number++));
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / "mapping.yaml") << yaml;
    auto from = ingest::mapping_sources::below(SOC_SOURCE_DIR);
    from.folders = {folder_.string()};
    set = ingest::mapping_set::load(from, *names, found);
    normalizer.emplace(set, names, ingest::normalizer_options{.keep_unknown = true, .eager = true});
  }
  ~mapping_lab() { std::filesystem::remove_all(folder_); }

  /// The only record of a text, as OCSF.
  nlohmann::json read(std::string_view record) {
    const auto all = read_all({record});
    return all.empty() ? nlohmann::json{} : all.front();
  }
  std::vector<nlohmann::json> read_all(const std::vector<std::string_view>& records) {
    auto raw = std::make_shared<model::raw_batch>();
    raw->context = context;
    raw->received_at = january_2026;
    for (const auto record : records)
      raw->add(record);
    raw->bytes.reserve(raw->bytes.size() + 64);
    batch = normalizer->normalize(raw);
    std::vector<nlohmann::json> out;
    for (const auto& ev : batch->events)
      out.push_back(nlohmann::json::parse(ingest::to_ocsf_json(*batch, ev)));
    return out;
  }
  /// "unknown field x 2; …" since it was asked last.
  std::string drift() {
    std::string out;
    for (const auto& d : normalizer->take_drift())
      out += std::string(ingest::name_of(d.kind)) + " " + d.name + " " + std::to_string(d.records) + ";";
    return out;
  }
  /// The codes of what loading had to say.
  std::string problems() const {
    std::string out;
    for (const auto& d : found.all())
      out += d.code + " ";
    return out;
  }

  std::shared_ptr<model::field_dictionary> names = std::make_shared<model::field_dictionary>();
  std::shared_ptr<model::connector_context> context = [] {
    auto c = std::make_shared<model::connector_context>();
    c->connector = "test";
    return c;
  }();
  diagnostics found;
  std::shared_ptr<const ingest::mapping_set> set;
  std::optional<ingest::normalizer> normalizer;
  std::shared_ptr<model::event_batch> batch;

private:
  std::filesystem::path folder_;
};

/// A mapping of JSON records with `fields` as its rules; `head` goes before the inputs.
inline std::string json_mapping(const std::string& fields, const std::string& head = {},
                                const std::string& decode = {}) {
  return "vendor: acme\nproduct: box\nconfidence: assumed\nsource: test\n" + head +
         "inputs:\n  - name: all\n    format: json\n" + decode +
         "types:\n  - name: any\n    class: http_activity\n    fields:\n" + fields;
}

} // namespace soc::test
