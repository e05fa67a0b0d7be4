#include "connectors/sources/file/record_framing.hpp"

namespace soc::sources {

framed_window record_framing::frame(model::raw_batch& batch, std::size_t at, std::uint64_t position, window_end end) {
  const auto window = std::string_view(batch.bytes).substr(at);
  const auto window_size = window.size();
  const auto truncated_before = splitter_.counts().truncated_lines;
  std::vector<model::raw_record> lines;
  splitter_.resume(skipping_);
  auto consumed = splitter_.split(window, position, lines);
  if (end == window_end::complete && consumed < window_size) {
    if (splitter_.finish(window.substr(consumed), position + consumed, lines))
      lines.back().offset += static_cast<std::uint32_t>(consumed);
    consumed = window_size;
  }
  for (auto& line : lines)
    line.offset += static_cast<std::uint32_t>(at);
  const bool whole = end == window_end::complete || end == window_end::quiet;
  auto joined = join(batch, lines, position, consumed, whole);
  if (joined == 0 && end == window_end::full)
    joined = join(batch, lines, position, consumed, true);
  // What is not dealt with is split again with what follows it; it begins at a line's begin.
  skipping_ = joined == consumed ? splitter_.skipping() : skipping_ && joined == 0;
  return {joined, joined == consumed ? splitter_.counts().truncated_lines - truncated_before : 0};
}

std::size_t record_framing::join(model::raw_batch& batch, const std::vector<model::raw_record>& lines,
                                 std::uint64_t position, std::size_t consumed, bool complete) {
  if (!grouping_.active()) {
    batch.records = lines;
    return consumed;
  }
  const auto joined = grouping_.group(batch.bytes, lines, complete, batch.records);
  return joined == lines.size() ? consumed : static_cast<std::size_t>(lines[joined].position - position);
}

} // namespace soc::sources
