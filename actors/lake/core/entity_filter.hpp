// lake/core/entity_filter.hpp - which entities a block may hold: a Bloom filter over terms, a term being 32 bits of
// the hash of an entity's type with its key or with its label. Built when a block is written, asked before it is read.
// Pure.
#pragma once
#include "model/entity.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace soc::lake {

/// Two entities may share one: what is found by a term is compared in full.
using entity_term = std::uint32_t;

/// About 1 % of the blocks that do not have a term are read in vain.
constexpr std::size_t filter_bits_per_term = 10;
constexpr unsigned filter_hashes = 7;

std::string make_filter(std::span<const entity_term> terms);
bool may_hold(std::string_view filter, entity_term term);

/// Terms of an event's entities, each once: of the key, and of the label where it is another text (a path without its
/// host, a user without the scope).
void add_terms(const std::vector<model::entity>& entities, std::vector<entity_term>& terms);

/// What is asked for: "ip:203.0.113.9", "user:acme\bob", "file:/tmp/x", or text of any type. Key or label, without
/// regard to case.
struct entity_query {
  model::entity_type type = model::entity_type::unknown; ///< unknown = any
  std::string text;                                      ///< folded
  std::vector<entity_term> terms;                        ///< an entity that fits has one of these

  static entity_query of(std::string_view asked);
  bool fits(const model::entity& e) const;
};

} // namespace soc::lake
