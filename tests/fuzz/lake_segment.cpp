// Any bytes as a segment, sealed or torn, and as the chunks of a block whose checksums are right: a value or a failure,
// and what was read can be written again.
#include "base/hash.hpp"
#include "lake/core/block_format.hpp"
#include "lake/core/byte_stream.hpp"
#include "lake/core/segment.hpp"

#include <cstddef>
#include <cstdint>
#include <numeric>

namespace {

void read_block(std::string_view bytes) {
  auto block = soc::lake::block_reader::open(bytes);
  if (!block || block->entry().rows > 4096)
    return;
  std::vector<std::uint32_t> rows(block->entry().rows);
  std::iota(rows.begin(), rows.end(), 0U);
  (void)block->verify();
  (void)block->filter();
  (void)block->terms();
  const soc::model::field_dictionary names;
  soc::lake::projection all;
  all.all = true;
  (void)block->matching(rows, all, names, [](const soc::model::event& ev) { return !ev.raw.empty(); });
  auto batches = block->events(rows, nullptr, nullptr);
  if (!batches)
    return;
  soc::lake::block_builder again(1);
  for (const auto& b : *batches)
    for (const auto& ev : b.batch->events)
      again.add(*b.batch, ev, {});
  if (again.rows() > 0 && !soc::lake::block_reader::open(again.finish().frame))
    __builtin_trap();
}

/// A frame that checks out, of these rows and chunks: the first byte of `bytes` is the number of rows, then each chunk
/// has its size in two bytes.
std::string sound_frame(std::string_view bytes) {
  soc::lake::byte_reader in(bytes);
  std::string header, chunks;
  soc::lake::byte_writer to(header);
  to.varint(in.fixed<std::uint8_t>());
  to.fixed(std::int64_t{0});
  to.fixed(std::int64_t{0});
  to.varint(0);
  std::vector<std::string_view> all;
  while (in.left() > 1 && all.size() < 16) {
    const auto size = in.fixed<std::uint16_t>();
    all.push_back(in.bytes(std::min<std::uint64_t>(size, in.left())));
  }
  to.varint(all.size());
  for (const auto chunk : all) {
    to.varint(chunk.size());
    to.varint(chunk.size());
    to.fixed(soc::hash64(chunk));
    chunks += chunk;
  }
  std::string out;
  soc::lake::byte_writer frame(out);
  frame.fixed(soc::lake::block_magic);
  frame.fixed(static_cast<std::uint32_t>(header.size()));
  frame.fixed(soc::hash64(header));
  return out + header + chunks;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)soc::lake::read_index(bytes);
  const auto scan = soc::lake::scan_tail(bytes);
  for (const auto& b : scan.index.blocks)
    read_block(bytes.substr(b.offset, b.length));
  read_block(bytes);
  read_block(sound_frame(bytes));
  return 0;
}
