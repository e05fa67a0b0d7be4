// tools/soc/detect_run.hpp - one offline detection run: rules loaded once, files read record by record, matches written
// as JSON lines. Lives as long as the command.
#pragma once
#include "detection/core/matcher.hpp"
#include "detection/rule_files.hpp"

#include <chrono>
#include <iosfwd>
#include <string>
#include <vector>

namespace soc::cli {

struct run_totals {
  std::uint64_t records = 0, quarantined = 0, matches = 0, bytes = 0;
  void add(const run_totals& more);
};

class detect_run {
public:
  /// False when no rule can be used at all.
  bool load(const detection::rule_sources& from, diagnostics& found);
  /// False when a file can't be read.
  bool detect(const std::vector<std::string>& files, unsigned threads, std::ostream& out);
  bool explain(const std::string& rule, const std::vector<std::string>& files, std::ostream& out);

  std::string stats_json() const;
  std::size_t failed_rules() const { return loaded_.failed; }
  std::uint64_t unreadable_records() const { return totals_.quarantined; }

private:
  model::dictionary_ptr names_;
  detection::loaded_rules loaded_;
  run_totals totals_;
  double load_seconds_ = 0, seconds_ = 0, prepare_seconds_ = 0;
};

} // namespace soc::cli
