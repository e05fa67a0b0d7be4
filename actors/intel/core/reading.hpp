// intel/core/reading.hpp - what the readers of the formats share: where indicators go to, and how what is wrong with
// them is counted and named. Lives while one file is read; of the core only.
#pragma once
#include "intel/core/indicator_reader.hpp"

#include <map>

namespace soc::intel {

class indicator_sink {
public:
  indicator_sink(const indicator_text& from, indicator_builder& to, diagnostics& found)
      : from_(from), to_(to), found_(found) {}

  /// With the source's lifetime when the indicator has no end of its own.
  void add(const std::vector<indicator_term>& terms, indicator_facts facts, const source_place& place);
  /// Something that can't be understood.
  void warn(const char* code, source_place place, std::string message);
  void skip() { ++counts_.not_for_detection; }
  /// Says how many more there were of what is only named a few times.
  void finish();
  const read_counts& counts() const { return counts_; }
  unix_ns written() const { return from_.written; }
  const indicator_source& source() const { return to_.source(); }

private:
  void name(const char* code, source_place place, std::string message);

  const indicator_text& from_;
  indicator_builder& to_;
  diagnostics& found_;
  read_counts counts_;
  std::map<std::string, std::uint64_t> seen_;
};

void read_stix(const indicator_text& from, indicator_sink& sink, diagnostics& found);
void read_misp(const indicator_text& from, indicator_sink& sink, diagnostics& found);

} // namespace soc::intel
