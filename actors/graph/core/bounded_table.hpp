// graph/core/bounded_table.hpp - a hash table of 64-bit keys that never holds more than its capacity: when it is full,
// the half not touched for longest is forgotten. Values have a member `last` (event time). Owned by the graph;
// deterministic: what is forgotten depends on the values only, never on memory addresses.
#pragma once
#include "base/time.hpp"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace soc::graph {

/// Keys are hashes already.
struct identity_hash {
  std::size_t operator()(std::uint64_t key) const noexcept { return key; }
};

/// One hash of two.
inline std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
  // Finalizer of MurmurHash3 over a sum that is not symmetric.
  std::uint64_t x = a ^ (b * 0x9e3779b97f4a7c15ULL + (a << 6) + (a >> 2));
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  return x;
}

template <class V>
class bounded_table {
public:
  using map = std::unordered_map<std::uint64_t, V, identity_hash>;

  explicit bounded_table(std::size_t capacity) : capacity_(capacity) {}

  V* find(std::uint64_t key) {
    const auto it = values_.find(key);
    return it == values_.end() ? nullptr : &it->second;
  }
  const V* find(std::uint64_t key) const {
    const auto it = values_.find(key);
    return it == values_.end() ? nullptr : &it->second;
  }
  /// The value at `key`, made when absent. May forget others: earlier pointers end here.
  V& at(std::uint64_t key) {
    if (values_.size() >= capacity_ && !values_.contains(key))
      forget_older_half();
    return values_[key];
  }
  void erase(std::uint64_t key) { values_.erase(key); }
  std::size_t size() const { return values_.size(); }
  std::size_t capacity() const { return capacity_; }
  std::uint64_t forgotten() const { return forgotten_; }
  const map& values() const { return values_; }
  void restore(std::uint64_t key, V value) { values_[key] = std::move(value); }

private:
  void forget_older_half() {
    std::vector<std::pair<unix_ns, std::uint64_t>> ages;
    ages.reserve(values_.size());
    for (const auto& [key, value] : values_)
      ages.emplace_back(value.last, key);
    const auto middle = ages.begin() + static_cast<std::ptrdiff_t>(ages.size() / 2);
    std::nth_element(ages.begin(), middle, ages.end());
    for (auto it = ages.begin(); it != middle; ++it)
      values_.erase(it->second);
    forgotten_ += ages.size() / 2;
  }

  map values_;
  std::size_t capacity_;
  std::uint64_t forgotten_ = 0;
};

/// Remembers which keys were seen lately, in at most two generations of `capacity` keys: 8 bytes a key, no times.
class recent_set {
public:
  explicit recent_set(std::size_t capacity) : capacity_(capacity) {}

  bool contains(std::uint64_t key) const { return young_.contains(key) || old_.contains(key); }
  /// True when it was not there.
  bool insert(std::uint64_t key) {
    if (contains(key))
      return false;
    if (young_.size() >= capacity_) {
      old_ = std::move(young_);
      young_ = {};
    }
    young_.insert(key);
    return true;
  }
  std::size_t size() const { return young_.size() + old_.size(); }

  /// Keys of one generation, sorted: for snapshots.
  std::vector<std::uint64_t> keys(bool young) const {
    std::vector<std::uint64_t> out;
    for (const auto key : (young ? young_ : old_).places)
      if (key != 0)
        out.push_back(key);
    std::sort(out.begin(), out.end());
    return out;
  }
  void restore(bool young, std::uint64_t key) { (young ? young_ : old_).insert(key); }

private:
  struct set_of_keys {
    // Open addressing, power of two, 0 marks an empty place (a key 0 is stored as 1).
    std::vector<std::uint64_t> places;
    std::size_t used = 0;

    static std::uint64_t stored(std::uint64_t key) { return key == 0 ? 1 : key; }
    std::size_t size() const { return used; }
    bool contains(std::uint64_t key) const {
      if (places.empty())
        return false;
      key = stored(key);
      for (std::size_t i = key & (places.size() - 1);; i = (i + 1) & (places.size() - 1)) {
        if (places[i] == key)
          return true;
        if (places[i] == 0)
          return false;
      }
    }
    void insert(std::uint64_t key) {
      if ((used + 1) * 2 > places.size())
        grow();
      key = stored(key);
      std::size_t i = key & (places.size() - 1);
      while (places[i] != 0 && places[i] != key)
        i = (i + 1) & (places.size() - 1);
      used += places[i] == 0;
      places[i] = key;
    }
    void grow() {
      auto before = std::move(places);
      places.assign(std::max<std::size_t>(64, before.size() * 2), 0);
      used = 0;
      for (const auto key : before)
        if (key != 0)
          insert(key);
    }
  };

  set_of_keys young_, old_;
  std::size_t capacity_;
};

} // namespace soc::graph
