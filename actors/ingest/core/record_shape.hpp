// ingest/core/record_shape.hpp - the rules of a type, cut down to records that bring just these native fields in this
// order: what none of them can feed is left out, places of fields and names of slots are known, constants are made.
// Records of a product come in few shapes. Built by a normalizer when it sees a shape again, owned and used by it
// alone.
#pragma once
#include "ingest/core/mapping.hpp"

#include <array>
#include <memory>
#include <span>
#include <vector>

namespace soc::ingest {

/// A source whose place among the native slots is known, or -1: to be read as it is written.
struct bound_source {
  const field_source* source = nullptr;
  std::int32_t place = -1;
};

struct bound_recipe {
  const value_recipe* recipe = nullptr;
  std::span<const bound_source> from;
};

struct bound_rule {
  enum class way : std::uint8_t {
    text,     ///< the first source that has a value, as text
    constant, ///< always the same
    general
  };
  way how = way::general;
  const mapping_rule* rule = nullptr;
  std::span<const bound_recipe> alternatives;
  model::value constant;
  model::slot target;   ///< id and name
  std::size_t skip = 0; ///< each: so many of these rules are passed over when the element is not there: its own, and
                        ///< those of the elements after it
};

class record_shape {
public:
  record_shape(const mapping_type& type, const slot_list& native, const model::field_dictionary& names,
               record_context& record);

  bool fits(const mapping_type& type, const std::vector<model::slot>& native) const;
  /// As run_rules does with all rules of the type.
  void run(const model::field_dictionary& names, record_context& record, unix_ns& time) const;
  /// Places of fields the mapping does not expect.
  const std::vector<std::uint32_t>& unexpected() const { return unexpected_; }

private:
  bool may_give(const value_recipe& recipe) const;
  bool is_there(const field_source& source) const;
  void join_elements();
  void bind(const mapping_rule& rule, const model::field_dictionary& names, record_context& record);

  const mapping_type* type_;
  std::vector<model::field_id> ids_;
  std::vector<std::int32_t> places_; ///< by id, while it is built
  std::vector<bound_rule> rules_;
  std::vector<std::unique_ptr<bound_recipe[]>> recipes_;
  std::vector<std::unique_ptr<bound_source[]>> sources_;
  std::vector<std::uint32_t> unexpected_;
};

/// Shapes seen before; a bounded number.
class shape_cache {
public:
  /// Null for one that is new or changes too much.
  const record_shape* find(const mapping_type& type, const model::field_dictionary& names, record_context& record);

private:
  static constexpr std::size_t most = 256;
  struct last_shape {
    const mapping_type* type = nullptr;
    const record_shape* shape = nullptr;
  };
  last_shape& last_of(const mapping_type& type);

  std::array<std::unique_ptr<record_shape>, most> shapes_;
  std::array<std::uint64_t, 4 * most> seen_{};
  std::array<last_shape, 64> last_;
};

} // namespace soc::ingest
