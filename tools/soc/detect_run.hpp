// tools/soc/detect_run.hpp - one offline detection run: rules loaded once, files read record by record, matches written
// as JSON lines in the order of the input, with any number of threads. Lives as long as the command.
#pragma once
#include "detection/rule_files.hpp"
#include "intel/intel_files.hpp"
#include "tools/soc/batch_detector.hpp"

#include <iosfwd>
#include <string>
#include <vector>

namespace soc::cli {

struct run_times {
  double wall = 0, cpu = 0;
};

/// What a rule costs: estimated from every 64th event.
struct rule_cost {
  std::string id, title;
  double seconds = 0, share = 0; ///< share: of the time of all rules
  std::uint64_t hits = 0, tried = 0;
};

class detect_run {
public:
  /// False when there is neither a rule nor an indicator to use.
  bool load(const detection::rule_sources& from, const intel::intel_request& indicators, diagnostics& found);
  /// False when a file can't be read (to its end).
  bool detect(const std::vector<std::string>& files, unsigned threads, std::ostream& out);
  /// Detection Findings instead of matches, OCSF JSON lines in order of time, of indicators and other products'
  /// findings too. All of each event is read, and what matched is kept until the end.
  bool find(const std::vector<std::string>& files, std::ostream& out);
  bool explain(const std::string& rule, const std::vector<std::string>& files, std::ostream& out);
  /// For comparison: only walks the JSON of the files with simdjson, every key and string.
  void walk(const std::vector<std::string>& files);

  std::string stats_json() const;
  /// The most expensive rules, at most `count`.
  std::vector<rule_cost> costs(std::size_t count) const;
  const run_totals& totals() const { return totals_; }
  std::size_t loaded_rules() const { return loaded_.loaded; }
  detection_content content() const { return {loaded_.compiled, mappings_, names_, intelligence_.what}; }
  std::size_t failed_rules() const { return loaded_.failed; }
  std::uint64_t unreadable_records() const { return totals_.quarantined; }

private:
  bool each_batch(const std::string& file, const std::function<void(numbered_batch)>& out);
  void take(const detected_batch& done, std::ostream& out);
  void end_windows(const std::string& file, std::ostream& out);
  void add_counters(const batch_detector& detector);
  bool detect_threaded(const std::vector<std::string>& files, unsigned threads, std::ostream& out);

  model::dictionary_ptr names_;
  std::shared_ptr<const ingest::mapping_set> mappings_;
  detection::loaded_rules loaded_;
  intel::loaded_intelligence intelligence_;
  std::unique_ptr<detection::correlator> correlator_;
  std::vector<detection::rule_counters> counters_; ///< by rule, of all threads
  run_totals totals_, walked_;
  run_times reading_, compiling_, indicating_, running_, walking_;
};

} // namespace soc::cli
