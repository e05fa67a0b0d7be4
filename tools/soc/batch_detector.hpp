// tools/soc/batch_detector.hpp - detects on batches of records offline: Windows events straight from their JSON,
// everything else through the mappings. One a thread; owns a decoder, a normalizer and a matcher.
#pragma once
#include "detection/core/alert_builder.hpp"
#include "detection/core/matcher.hpp"
#include "detection/correlator.hpp"
#include "ingest/core/json_decoder.hpp"
#include "ingest/core/normalizer.hpp"
#include "intel/core/indicator_matcher.hpp"

#include <functional>
#include <memory>
#include <string>

namespace soc::cli {

struct run_totals {
  std::uint64_t records = 0, quarantined = 0, matches = 0, indicator_matches = 0, native_alerts = 0, bytes = 0;
  void add(const run_totals& more);
};

/// Records of one file, in order.
struct numbered_batch {
  std::shared_ptr<model::raw_batch> raw;
  std::uint32_t first_record = 0; ///< number of its first record in the file
};

/// What one record contributes to the output.
struct detected_record {
  std::uint32_t record = 0;
  unix_ns time = 0;
  std::string lines;
  std::vector<correlation::observation> observations;
};
struct detected_batch {
  std::string file;
  std::vector<detected_record> records; ///< only those with a match, in order
  run_totals totals;
};

/// What all batches are detected with.
struct detection_content {
  std::shared_ptr<const detection::program> rules;
  std::shared_ptr<const ingest::mapping_set> mappings;
  model::dictionary_ptr names;
  intel::intelligence_ptr intelligence; ///< null: no indicators are looked for
};

/// A match as the command prints it.
struct match_details {
  std::vector<std::pair<std::string, std::string>> texts;
  std::uint8_t confidence = 0; ///< 0 = not stated
};
void write_match(std::string& out, const detection::rule_header& rule, const std::string& file, std::uint32_t record,
                 unix_ns time, const match_details& details = {});

/// Names that must be in the dictionary for the times of matches to be read.
void intern_time_names(model::field_dictionary& names);

class batch_detector {
public:
  explicit batch_detector(detection_content content);

  /// Calls `each(event, record number in the file)` for the events of a batch, in order of records.
  using event_function = std::function<void(const model::event& ev, std::uint32_t record)>;
  void each_event(const numbered_batch& batch, run_totals& totals, const event_function& each);
  /// One JSON line a match, and what the matches are counted for by correlations.
  detected_batch detect(const numbered_batch& batch, const detection::correlator& correlations);

  detection::matcher& matching() { return matcher_; }
  const detection::matcher& matching() const { return matcher_; }

private:
  bool windows_event(std::string_view record);
  bool needed_fields(std::string_view record);
  void write_rules(std::span<const std::uint32_t> matched, const model::event& ev, detected_record& one,
                   detected_batch& out);
  void detect_event(const model::event& seen, std::uint32_t record, std::uint64_t file_hash,
                    const detection::correlator& correlations, detected_batch& out);
  void write_indicators(const model::event& ev, detected_record& one, detected_batch& out);
  void normalize_rest(const numbered_batch& batch, run_totals& totals, const event_function& each);

  std::shared_ptr<const detection::program> rules_;
  model::dictionary_ptr names_;
  ingest::json_decoder decoder_;
  ingest::json_decoder needed_decoder_; ///< only what rules and indicators look at
  std::optional<ingest::normalizer> normalizer_;
  detection::matcher matcher_;
  std::optional<intel::indicator_matcher> indicators_;
  detection::alert_builder alerts_;
  arena memory_{1 << 18};
  std::vector<model::slot> slots_;
  std::shared_ptr<model::raw_batch> rest_;
  std::vector<std::uint32_t> rest_records_;
  bool last_was_windows_ = false, last_was_flat_ = true;
};

} // namespace soc::cli
