// detection/core/program.hpp - all rules compiled into one program: distinct tests, the rules' conditions over them,
// and a route for each class of events. Immutable to its users and shared by threads; a reload compiles another one and
// swaps the pointer.
#pragma once
#include "detection/core/compiled_test.hpp"
#include "detection/core/field_table.hpp"
#include "detection/core/log_router.hpp"

#include <mutex>
#include <span>

namespace soc::detection {

struct route;

enum class node_kind : std::uint8_t { all, any, negation, test, never };

/// A condition, flattened: the children of a node stand together in `program::children`.
struct program_node {
  node_kind kind = node_kind::never;
  std::uint32_t test = 0;  ///< of kind test
  std::uint32_t first = 0; ///< first child
  std::uint32_t count = 0;
};

/// The slots a field of rules may be found in.
struct program_field {
  std::string name; ///< as rules write it
  std::vector<model::field_id> native, ocsf;
};

/// One correlation that a matched rule feeds, directly or through those below it in the path.
struct correlation_step {
  std::uint32_t correlation = 0;                         ///< index in program::correlations
  std::uint16_t position = 0;                            ///< which of its rules
  std::vector<std::uint32_t> group_fields, value_fields; ///< of the program, as this rule's logsource names them
};
/// From the correlation a rule is named in to the last one of the chain.
using correlation_path = std::vector<correlation_step>;

class program {
public:
  /// Rules that can't be evaluated (a bad regular expression, a condition that can never hold) are reported and left
  /// out. Field names are interned into `names`, which must not change afterwards.
  static std::shared_ptr<const program> compile(rule_set rules, const field_tables& tables, log_router router,
                                                model::field_dictionary& names, diagnostics& found);
  ~program();

  const std::vector<sigma_rule>& rules() const { return rules_; }
  const std::vector<correlation_rule>& correlations() const { return correlations_; }
  /// What a match of the rule is counted for.
  const std::vector<correlation_path>& paths(std::uint32_t rule) const { return paths_[rule]; }
  const log_router& router() const { return router_; }
  const std::vector<program_field>& fields() const { return fields_; }
  const std::vector<compiled_test>& tests() const { return tests_; }
  std::span<const std::uint32_t> children(const program_node& node) const {
    return {children_.data() + node.first, node.count};
  }
  const program_node& node(std::uint32_t index) const { return nodes_[index]; }
  std::uint32_t root(std::uint32_t rule) const { return roots_[rule]; }
  /// The node of one detection item; for explanations.
  std::uint32_t node_of(const detection_item* item) const { return item_nodes_.at(item); }
  std::size_t dictionary_size() const { return dictionary_size_; }
  /// Index of the rule with this id, name or title.
  std::optional<std::uint32_t> find_rule(std::string_view name) const;

  /// The route of a class of events; built when it is new. Thread-safe.
  const route& route_for(const event_class& of) const;
  /// A route that only tries one rule, whatever the event is.
  std::shared_ptr<const route> route_of_rule(std::uint32_t rule) const;
  /// Builds the routes of all classes the tables know.
  void prepare_routes() const;
  std::size_t route_count() const;
  std::size_t scanner_bytes() const;

private:
  program(log_router router) : router_(std::move(router)) {}
  friend class program_builder;

  std::vector<sigma_rule> rules_;
  std::vector<correlation_rule> correlations_;
  std::vector<std::vector<correlation_path>> paths_; ///< by rule
  log_router router_;
  std::vector<program_field> fields_;
  std::vector<compiled_test> tests_;
  std::vector<program_node> nodes_;
  std::vector<std::uint32_t> children_, roots_;
  std::unordered_map<const detection_item*, std::uint32_t> item_nodes_;
  std::size_t dictionary_size_ = 0;
  mutable std::mutex routes_mutex_;
  mutable std::map<event_class, std::shared_ptr<const route>> routes_;
};

} // namespace soc::detection
