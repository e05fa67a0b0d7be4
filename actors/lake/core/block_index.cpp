// The entity index of a block: from terms to rows.
#include "lake/core/block_state.hpp"

#include <algorithm>

namespace soc::lake {

namespace {

/// The index, taken apart.
struct index_view {
  std::uint32_t count = 0;
  std::string_view heads, starts, rows;

  static result<index_view> of(std::string_view bytes) {
    byte_reader in(bytes);
    index_view out;
    out.count = in.fixed<std::uint32_t>();
    out.heads = in.bytes(std::uint64_t{4} * out.count);
    out.starts = in.bytes(std::uint64_t{4} * out.count);
    if (in.failed())
      return corrupt_block("its entity index ends early");
    out.rows = in.bytes(in.left());
    return out;
  }
  entity_term term(std::uint32_t i) const { return number(heads, i); }
  /// Rows of term number `i` to `each`.
  template <class Each>
  void rows_of(std::uint32_t i, std::uint64_t limit, Each each) const {
    const auto begin = number(starts, i);
    const auto end = i + 1 < count ? number(starts, i + 1) : static_cast<std::uint32_t>(rows.size());
    if (begin > end || end > rows.size())
      return;
    byte_reader in(rows.substr(begin, end - begin));
    std::uint64_t row = 0;
    while (in.left() > 0) {
      row += in.varint();
      if (in.failed() || row >= limit)
        return;
      each(static_cast<std::uint32_t>(row));
    }
  }
  /// The number of `wanted`, `count` when it is not there.
  std::uint32_t find(entity_term wanted) const {
    std::uint32_t low = 0, high = count;
    while (low < high) {
      const auto middle = low + (high - low) / 2;
      if (term(middle) < wanted)
        low = middle + 1;
      else
        high = middle;
    }
    return low < count && term(low) == wanted ? low : count;
  }

private:
  static std::uint32_t number(std::string_view bytes, std::uint32_t i) {
    std::uint32_t n = 0;
    std::memcpy(&n, bytes.data() + std::size_t{4} * i, sizeof n);
    return n;
  }
};

result<index_view> index_of(block_state& s) {
  const auto bytes = s.chunk(index_chunk);
  if (!bytes)
    return bytes.error();
  return index_view::of(*bytes);
}

} // namespace

result<std::vector<std::vector<entity_term>>> block_reader::terms() {
  const auto index = index_of(*state_);
  if (!index)
    return index.error();
  std::vector<std::vector<entity_term>> out(state_->entry.rows);
  for (std::uint32_t i = 0; i < index->count; ++i)
    index->rows_of(i, state_->entry.rows, [&](std::uint32_t row) { out[row].push_back(index->term(i)); });
  return out;
}

result<std::string> block_reader::filter() {
  const auto index = index_of(*state_);
  if (!index)
    return index.error();
  std::vector<entity_term> all;
  all.reserve(index->count);
  for (std::uint32_t i = 0; i < index->count; ++i)
    all.push_back(index->term(i));
  return make_filter(all);
}

result<std::vector<std::uint32_t>> block_reader::rows_with(std::span<const entity_term> terms) {
  const auto index = index_of(*state_);
  if (!index)
    return index.error();
  std::vector<std::uint32_t> out;
  for (const auto wanted : terms)
    if (const auto i = index->find(wanted); i < index->count)
      index->rows_of(i, state_->entry.rows, [&](std::uint32_t row) { out.push_back(row); });
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

} // namespace soc::lake
