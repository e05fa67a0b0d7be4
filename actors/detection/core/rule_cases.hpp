// detection/core/rule_cases.hpp - the cases beside a rule: events that must hit and events that must miss
// (docs/rules.md). Read from YAML, run against a program. Pure: records as a vendor writes them are decoded by a
// function that is passed in.
#pragma once
#include "base/yaml_text.hpp"
#include "detection/core/matcher.hpp"

#include <functional>

namespace soc::detection {

struct rule_case {
  std::string name, rule; ///< rule: id, name or title; empty = the only one of its file
  bool expect_hit = true;
  std::vector<YAML::Node> events;
  std::vector<std::string> logs;
  std::string type; ///< "vendor/product" of the logs, empty = recognize it
  source_place place;
};

std::vector<rule_case> read_cases(const yaml_text& file, diagnostics& found);

/// An event of a YAML map: nested maps joined with '.', lists as list values, plain numbers and booleans typed. `time`
/// becomes the event time. Owns its memory.
class case_event {
public:
  case_event(const YAML::Node& map, const model::field_dictionary& names);
  const model::event& get() const { return event_; }

private:
  void add(const std::string& name, const YAML::Node& node, const model::field_dictionary& names);
  model::value value_of(const YAML::Node& node);
  arena memory_;
  std::vector<model::slot> slots_;
  model::event event_;
};

/// The events of records of one type; the batch keeps them alive. A record that can't be read is quarantined in it.
using record_decoder_function = std::function<std::shared_ptr<model::event_batch>(
    const std::vector<std::string>& records, const std::string& type)>;

struct case_outcome {
  bool passed = false;
  std::string why; ///< when it failed
};
/// Runs one case of rule `rule`. Without `decode` cases with logs fail.
case_outcome run_case(const rule_case& one, std::uint32_t rule, matcher& with, const model::field_dictionary& names,
                      const record_decoder_function& decode);

} // namespace soc::detection
