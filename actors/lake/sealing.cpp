#include "lake/sealing.hpp"

#include <algorithm>
#include <numeric>

namespace soc::lake {

namespace {

/// Adds all events of a block to `builder`; they live in `kept`.
outcome add_again(std::string_view frame, block_builder& builder, std::vector<restored_batch>& kept) {
  auto block = block_reader::open(frame);
  if (!block)
    return block.error();
  std::vector<std::uint32_t> rows(block->entry().rows);
  std::iota(rows.begin(), rows.end(), 0U);
  auto batches = block->events(rows, nullptr, nullptr);
  const auto terms = block->terms();
  if (!batches || !terms)
    return batches ? terms.error() : batches.error();
  std::vector<std::pair<const model::event_batch*, const model::event*>> in_order(rows.size());
  for (const auto& b : *batches)
    for (std::size_t i = 0; i < b.rows.size(); ++i)
      in_order[b.rows[i]] = {b.batch.get(), &b.batch->events[i]};
  for (std::size_t row = 0; row < in_order.size(); ++row)
    builder.add(*in_order[row].first, *in_order[row].second, (*terms)[row]);
  std::move(batches->begin(), batches->end(), std::back_inserter(kept));
  return done{};
}

/// The blocks of a step as they are, or put together: into several when one would have too many columns.
result<std::vector<encoded_block>> sealed_blocks(std::string_view file, const segment_index& index,
                                                 const seal_step& step, int level) {
  std::vector<encoded_block> out;
  if (step.as_is) {
    const auto& b = index.blocks[step.first];
    out.push_back({std::string(file.substr(b.offset, b.length)), b});
    return out;
  }
  block_builder builder(level); // it knows types by their address: until finish() those must live
  std::vector<restored_batch> kept;
  for (auto i = step.first; i < step.last; ++i) {
    const auto& b = index.blocks[i];
    if (auto added = add_again(file.substr(b.offset, b.length), builder, kept); !added)
      return added.error();
    if (builder.columns() < max_block_columns && i + 1 < step.last)
      continue;
    out.push_back(builder.finish());
    kept.clear();
  }
  return out;
}

outcome write_blocks(append_file& to, std::string_view file, const segment_index& from, const block_sizes& sizes,
                     segment_index& index) {
  for (const auto& step : plan_seal(from, sizes.small_bytes, sizes.target_bytes, sizes.target_rows)) {
    auto blocks = sealed_blocks(file, from, step, sizes.level);
    if (!blocks)
      return blocks.error();
    for (auto& block : *blocks) {
      block.entry.offset = to.size();
      if (auto wrote = to.append(block.frame); !wrote)
        return wrote;
      index.blocks.push_back(std::move(block.entry));
    }
  }
  return done{};
}

} // namespace

result<segment_info> seal(const std::filesystem::path& directory, const segment_info& open, const block_sizes& sizes) {
  const auto file = mapped_file::open(path_of(directory, open.name, false), open.bytes);
  if (!file)
    return file.error();
  const auto final_path = path_of(directory, open.name, true);
  const auto temporary = final_path.string() + ".tmp";
  std::error_code ignored;
  std::filesystem::remove(temporary, ignored);
  auto to = append_file::create(temporary);
  if (!to)
    return to.error();
  segment_info out{open.name, true, {}, 0, nullptr};
  auto wrote = (*to)->append(segment_head);
  if (wrote)
    wrote = write_blocks(**to, (*file)->bytes(), open.index, sizes, out.index);
  if (wrote)
    wrote = (*to)->append(encode_index(out.index));
  if (wrote)
    wrote = (*to)->sync();
  if (!wrote) {
    std::filesystem::remove(temporary, ignored);
    return wrote.error();
  }
  out.bytes = (*to)->size();
  std::error_code failed;
  std::filesystem::rename(temporary, final_path, failed);
  if (failed)
    return failure{ec::io_error, temporary + " can't be renamed: " + failed.message()};
  if (auto durable = sync_directory(directory); !durable)
    return durable.error();
  return out;
}

} // namespace soc::lake
