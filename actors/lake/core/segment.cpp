#include "lake/core/segment.hpp"

#include "base/hash.hpp"
#include "lake/core/block_format.hpp"
#include "lake/core/byte_stream.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace soc::lake {

namespace {

constexpr std::string_view any_head = "SOCLAKE"; ///< then the format

} // namespace

std::uint64_t segment_index::rows() const {
  std::uint64_t n = 0;
  for (const auto& b : blocks)
    n += b.rows;
  return n;
}

std::uint64_t segment_index::raw_bytes() const {
  std::uint64_t n = 0;
  for (const auto& b : blocks)
    n += b.raw_bytes;
  return n;
}

unix_ns segment_index::first() const {
  unix_ns t = blocks.empty() ? 0 : blocks.front().first;
  for (const auto& b : blocks)
    t = std::min(t, b.first);
  return t;
}

unix_ns segment_index::last() const {
  unix_ns t = blocks.empty() ? 0 : blocks.front().last;
  for (const auto& b : blocks)
    t = std::max(t, b.last);
  return t;
}

std::string encode_index(const segment_index& index) {
  std::string out;
  byte_writer to(out);
  to.varint(index.blocks.size());
  for (const auto& b : index.blocks) {
    to.varint(b.offset);
    to.varint(b.length);
    to.varint(b.rows);
    to.varint(b.raw_bytes);
    to.fixed(b.first);
    to.fixed(b.last);
    to.text(b.filter);
  }
  const auto size = static_cast<std::uint64_t>(out.size());
  const auto checksum = hash64(out);
  to.fixed(size);
  to.fixed(checksum);
  out += segment_end;
  return out;
}

bool is_of_other_format(std::string_view file) {
  return file.size() >= segment_head.size() && file.starts_with(any_head) && !file.starts_with(segment_head);
}

result<segment_index> read_index(std::string_view file) {
  const auto wrong = [](const char* what) { return failure{ec::corrupt, std::string("a segment: ") + what}; };
  if (file.size() < segment_head.size() + segment_trailer_bytes || !file.starts_with(any_head))
    return wrong("it does not begin as one");
  if (is_of_other_format(file))
    return failure{ec::version_mismatch, "a segment of a newer format"};
  if (!file.ends_with(segment_end))
    return wrong("it is not sealed");
  byte_reader trailer(file.substr(file.size() - segment_trailer_bytes));
  const auto size = trailer.fixed<std::uint64_t>();
  const auto checksum = trailer.fixed<std::uint64_t>();
  const auto body = file.size() - segment_trailer_bytes;
  if (size > body - segment_head.size())
    return wrong("its index is larger than itself");
  const auto bytes = file.substr(body - size, size);
  if (hash64(bytes) != checksum)
    return wrong("its index does not match its checksum");
  byte_reader in(bytes);
  segment_index out;
  for (auto n = in.count(21); n > 0; --n) {
    block_entry b;
    for (auto* number : {&b.offset, &b.length, &b.rows, &b.raw_bytes})
      *number = in.varint();
    b.first = in.fixed<std::int64_t>();
    b.last = in.fixed<std::int64_t>();
    b.filter = in.text();
    if (in.failed() || b.offset > body - size || b.length > body - size - b.offset)
      return wrong("its index names blocks that are not there");
    out.blocks.push_back(std::move(b));
  }
  return in.failed() ? result<segment_index>(wrong("its index ends early")) : out;
}

namespace {

/// What the index says of a block, if all of it is undamaged.
result<block_entry> checked_entry(block_reader& block) {
  if (auto whole = block.verify(); !whole)
    return whole.error();
  auto filter = block.filter();
  if (!filter)
    return filter.error();
  auto entry = block.entry();
  entry.filter = std::move(*filter);
  return entry;
}

/// Does a block seem to begin behind the first byte? A crash tears off the end only.
bool goes_on(std::string_view bytes) {
  constexpr auto mark = std::bit_cast<std::array<char, sizeof block_magic>>(block_magic);
  return bytes.find(std::string_view(mark.data(), mark.size()), 1) != std::string_view::npos;
}

} // namespace

tail_scan scan_tail(std::string_view file) {
  tail_scan out;
  const bool begins = file.starts_with(segment_head);
  if (!begins && (file.size() < segment_head.size() || !block_reader::open(file.substr(segment_head.size())))) {
    out.damage = file.empty() ? "it is empty" : "it does not begin as a segment";
    out.damaged = goes_on(file);
    return out;
  }
  out.damaged = !begins;
  out.whole_bytes = segment_head.size();
  while (out.whole_bytes < file.size()) {
    const auto rest = file.substr(out.whole_bytes);
    auto block = block_reader::open(rest);
    if (!block) {
      out.damage = block.error().what;
      out.damaged = out.damaged || goes_on(rest);
      break;
    }
    auto entry = checked_entry(*block);
    out.damaged = out.damaged || !entry;
    if (entry) {
      entry->offset = out.whole_bytes;
      out.index.blocks.push_back(std::move(*entry));
    }
    out.whole_bytes += block->entry().length; // all there: its header is undamaged
  }
  return out;
}

std::vector<seal_step> plan_seal(const segment_index& index, std::uint64_t small_bytes, std::uint64_t target_bytes,
                                 std::uint64_t target_rows) {
  std::vector<seal_step> out;
  const auto& blocks = index.blocks;
  for (std::size_t i = 0; i < blocks.size();) {
    seal_step step{i, i + 1, true};
    auto bytes = blocks[i].raw_bytes, rows = blocks[i].rows;
    while (bytes < small_bytes + target_bytes && blocks[i].raw_bytes < small_bytes && step.last < blocks.size()) {
      const auto& next = blocks[step.last];
      if (next.raw_bytes >= small_bytes || bytes + next.raw_bytes > target_bytes || rows + next.rows > target_rows)
        break;
      bytes += next.raw_bytes;
      rows += next.rows;
      ++step.last;
      step.as_is = false;
    }
    out.push_back(step);
    i = step.last;
  }
  return out;
}

} // namespace soc::lake
