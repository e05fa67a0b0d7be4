// tools/soc/detect_run.hpp - one offline detection run: rules loaded once, files read record by record, matches written
// as JSON lines in the order of the input, with any number of threads. Lives as long as the command.
#pragma once
#include "detection/rule_files.hpp"
#include "tools/soc/batch_detector.hpp"

#include <iosfwd>
#include <string>
#include <vector>

namespace soc::cli {

struct run_times {
  double wall = 0, cpu = 0;
};

class detect_run {
public:
  /// False when no rule can be used at all.
  bool load(const detection::rule_sources& from, diagnostics& found);
  /// False when a file can't be read (to its end).
  bool detect(const std::vector<std::string>& files, unsigned threads, std::ostream& out);
  bool explain(const std::string& rule, const std::vector<std::string>& files, std::ostream& out);
  /// For comparison: only walks the JSON of the files with simdjson, every key and string.
  void walk(const std::vector<std::string>& files);

  std::string stats_json() const;
  std::size_t failed_rules() const { return loaded_.failed; }
  std::uint64_t unreadable_records() const { return totals_.quarantined; }

private:
  bool each_batch(const std::string& file, const std::function<void(numbered_batch)>& out);
  void take(const detected_batch& done, std::ostream& out);
  void end_windows(const std::string& file, std::ostream& out);
  bool detect_threaded(const std::vector<std::string>& files, unsigned threads, std::ostream& out);

  model::dictionary_ptr names_;
  std::shared_ptr<const ingest::mapping_set> mappings_;
  detection::loaded_rules loaded_;
  std::unique_ptr<detection::correlator> correlator_;
  run_totals totals_, walked_;
  run_times reading_, compiling_, running_, walking_;
};

} // namespace soc::cli
