// model/field.hpp - interned field names. A dictionary is filled while rules, mappings and OCSF names are loaded, then
// shared read-only; ids are dense and stable: a reload copies it and only adds. Names of events nobody asks for are
// never interned.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace soc::model {

/// Dense id of a field name; 0 means "not in the dictionary".
using field_id = std::uint32_t;
constexpr field_id no_field = 0;

/// One namespace for OCSF paths ("src_endpoint.ip", lists indexed "answers[0].rdata") and vendors' own names
/// ("CommandLine", "userIdentity.type"): an event keeps the two in separate slot lists, so equal names do not clash.
/// Case-sensitive.
class field_dictionary {
public:
  field_dictionary();
  /// The id of `name`, made when new.
  field_id intern(std::string_view name);
  /// The id of `name`, no_field when unknown. Lock-free once shared.
  field_id find(std::string_view name) const { return find_hashed(name, hash_name(name)); }
  std::string_view name(field_id id) const { return *names_[id]; }
  /// One more than the largest id.
  std::size_t size() const { return names_.size(); }

private:
  static std::uint64_t hash_name(std::string_view name);
  field_id find_hashed(std::string_view name, std::uint64_t hash) const;
  void rehash(std::size_t buckets);

  struct bucket {
    std::uint64_t hash = 0;
    field_id id = no_field;
  };
  std::vector<std::shared_ptr<const std::string>> names_; // [0] is ""
  std::vector<bucket> buckets_;                           // open addressing, power of two
};

using dictionary_ptr = std::shared_ptr<const field_dictionary>;

} // namespace soc::model
