// ingest/core/field_condition.hpp - the `when` and `where` of mappings: Sigma-like tests over the fields of one record
// (docs/mapping.md, "Conditions"). Compiled once, then read-only and shared.
#pragma once
#include "base/diagnostic.hpp"
#include "ingest/core/field_source.hpp"
#include "ingest/core/text_pattern.hpp"

#include <yaml-cpp/yaml.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace soc::ingest {

class field_condition {
public:
  /// Reports what is wrong in `found` (MAP04x) and gives null then.
  static std::shared_ptr<const field_condition> compile(const YAML::Node& node, const std::string& file,
                                                        model::field_dictionary& names, diagnostics& found);

  bool holds(record_context& record) const;

  /// Fields it reads.
  void collect_sources(std::vector<const field_source*>& out) const;

  /// When it can only hold if `field` equals one of some texts: those (lower case). For choosing a type by a table.
  struct equality {
    model::field_id field;
    std::vector<std::string> values;
  };
  std::vector<equality> equalities() const;

private:
  enum class node_kind : std::uint8_t { all, any, negation, test };
  enum class test_kind : std::uint8_t {
    equal,
    wildcard,
    contains,
    starts,
    ends,
    regex,
    exists,
    absent,
    cidr,
    gt,
    gte,
    lt,
    lte
  };
  struct test_value {
    test_kind kind = test_kind::equal;
    std::string text; ///< lower case unless cased
    double number = 0;
    bool is_number = false;
    std::shared_ptr<const text_pattern> pattern;
    std::uint8_t network[16] = {}; ///< cidr, IPv4 mapped
    int prefix_bits = 0;
  };

  bool holds_test(const model::value& v, record_context& record) const;
  bool matches(const test_value& want, const model::value& v, record_context& record) const;
  bool compile_test(const std::string& key, const YAML::Node& node, const std::string& file,
                    model::field_dictionary& names, diagnostics& found);
  bool compile_value(const std::string& text, const std::string& modifier, const std::string& file,
                     const YAML::Node& node, diagnostics& found);

  node_kind kind_ = node_kind::all;
  std::vector<std::shared_ptr<field_condition>> children_;
  field_source source_;
  std::vector<test_value> values_;
  bool need_all_ = false, cased_ = false;
};

} // namespace soc::ingest
