#include "model/field.hpp"

#include "base/hash.hpp"

namespace soc::model {

field_dictionary::field_dictionary() {
  names_.push_back(std::make_shared<const std::string>());
  buckets_.resize(1024);
}

std::uint64_t field_dictionary::hash_name(std::string_view name) {
  return hash64(name);
}

field_id field_dictionary::find_hashed(std::string_view name, std::uint64_t hash) const {
  const std::size_t mask = buckets_.size() - 1;
  for (std::size_t at = hash & mask; buckets_[at].id != no_field; at = (at + 1) & mask)
    if (buckets_[at].hash == hash && *names_[buckets_[at].id] == name)
      return buckets_[at].id;
  return no_field;
}

field_id field_dictionary::intern(std::string_view name) {
  const auto hash = hash_name(name);
  if (const auto known = find_hashed(name, hash); known != no_field || name.empty())
    return known;
  if (names_.size() * 2 > buckets_.size())
    rehash(buckets_.size() * 2);
  const auto id = static_cast<field_id>(names_.size());
  names_.push_back(std::make_shared<const std::string>(name));
  const std::size_t mask = buckets_.size() - 1;
  std::size_t at = hash & mask;
  while (buckets_[at].id != no_field)
    at = (at + 1) & mask;
  buckets_[at] = {hash, id};
  return id;
}

void field_dictionary::rehash(std::size_t buckets) {
  std::vector<bucket> old(buckets);
  old.swap(buckets_);
  const std::size_t mask = buckets - 1;
  for (const auto& b : old) {
    if (b.id == no_field)
      continue;
    std::size_t at = b.hash & mask;
    while (buckets_[at].id != no_field)
      at = (at + 1) & mask;
    buckets_[at] = b;
  }
}

} // namespace soc::model
