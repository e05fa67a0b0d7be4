#include "lake/core/entity_filter.hpp"

#include "base/hash.hpp"

#include <algorithm>

namespace soc::lake {

namespace {

std::string fold_text(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return out;
}

entity_term term_of(model::entity_type type, std::string_view folded) {
  return static_cast<entity_term>(hash64(folded, static_cast<std::uint64_t>(type) + 1));
}

/// The bit of hash number `i`: double hashing.
std::uint64_t bit_of(entity_term term, unsigned i, std::uint64_t bits) {
  const auto spread = term * 0x9E3779B97F4A7C15ULL;
  return (spread + i * ((spread >> 32) | 1)) % bits;
}

} // namespace

std::string make_filter(std::span<const entity_term> terms) {
  const auto bytes = (terms.size() * filter_bits_per_term + 63) / 64 * 8;
  std::string out(bytes, '\0');
  for (const auto term : terms)
    for (unsigned i = 0; i < filter_hashes; ++i) {
      const auto bit = bit_of(term, i, bytes * 8);
      out[bit / 8] = static_cast<char>(out[bit / 8] | (1 << (bit % 8)));
    }
  return out;
}

bool may_hold(std::string_view filter, entity_term term) {
  if (filter.empty())
    return false;
  for (unsigned i = 0; i < filter_hashes; ++i) {
    const auto bit = bit_of(term, i, filter.size() * 8);
    if ((filter[bit / 8] & (1 << (bit % 8))) == 0)
      return false;
  }
  return true;
}

void add_terms(const std::vector<model::entity>& entities, std::vector<entity_term>& terms) {
  const auto first = terms.size();
  for (const auto& e : entities) {
    const auto key = fold_text(e.key), label = fold_text(e.label);
    terms.push_back(term_of(e.type, key));
    if (label != key)
      terms.push_back(term_of(e.type, label));
  }
  std::sort(terms.begin() + static_cast<std::ptrdiff_t>(first), terms.end());
  terms.erase(std::unique(terms.begin() + static_cast<std::ptrdiff_t>(first), terms.end()), terms.end());
}

entity_query entity_query::of(std::string_view asked) {
  entity_query out;
  const auto colon = asked.find(':');
  if (colon != std::string_view::npos)
    out.type = model::entity_type_from(asked.substr(0, colon));
  const auto text = out.type == model::entity_type::unknown ? asked : asked.substr(colon + 1);
  // As the key would be spelled: ::ffff:10.0.0.1 is 10.0.0.1.
  const auto ip = model::canonical_ip(text);
  out.text = fold_text(ip ? std::string_view(*ip) : text);
  const auto last = static_cast<int>(model::entity_type::registry_key);
  for (int t = 1; t <= last; ++t)
    if (out.type == model::entity_type::unknown || out.type == static_cast<model::entity_type>(t))
      out.terms.push_back(term_of(static_cast<model::entity_type>(t), out.text));
  return out;
}

bool entity_query::fits(const model::entity& e) const {
  return (type == model::entity_type::unknown || type == e.type) &&
         (fold_text(e.key) == text || fold_text(e.label) == text);
}

} // namespace soc::lake
