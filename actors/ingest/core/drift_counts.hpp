// ingest/core/drift_counts.hpp - fields, zones and times that mappings do not expect, counted by type and name. Names
// come from logs: so many are told apart, the rest is counted together. Owned by one normalizer.
#pragma once
#include "ingest/core/normalizer.hpp"
#include "ingest/core/record_context.hpp"

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace soc::ingest {

class drift_counts {
public:
  explicit drift_counts(model::dictionary_ptr names) : names_(std::move(names)) {}

  /// `unexpected`: places of the fields the mapping does not list, where they are known.
  void add_fields(const mapping_type& type, const slot_list& native, const std::vector<std::uint32_t>* unexpected);
  void add_times(const mapping_type& type, const time_findings& times);
  /// Moves the counts out.
  std::vector<drift_count> take();

private:
  struct name_counts {
    std::map<std::string, std::uint64_t, std::less<>> each;
    /// In front of `each`: where a name was found last.
    std::array<std::map<std::string, std::uint64_t, std::less<>>::iterator, 256> recent;
    std::uint64_t more = 0;
    name_counts() { recent.fill(each.end()); }
    void add(std::string_view name);
  };
  struct of_type {
    std::vector<std::uint64_t> by_id; ///< fields whose names are interned
    name_counts fields, zones;
    std::uint64_t unreadable = 0;
  };
  void add_field(of_type& counts, const model::slot& s);
  of_type& counts_of(const mapping_type& type);

  model::dictionary_ptr names_;
  std::map<const mapping_type*, of_type> types_;
  const mapping_type* last_type_ = nullptr;
  of_type* last_ = nullptr;
};

} // namespace soc::ingest
