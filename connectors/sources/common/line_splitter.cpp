#include "connectors/sources/common/line_splitter.hpp"

#include <cstring>

namespace soc::sources {

std::size_t line_splitter::split(std::string_view bytes, std::uint64_t position,
                                 std::vector<model::raw_record>& records) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const auto rest = bytes.size() - at;
    const auto* newline = static_cast<const char*>(std::memchr(bytes.data() + at, '\n', rest));
    if (newline) {
      const auto end = static_cast<std::size_t>(newline - bytes.data());
      if (skipping_)
        counts_.skipped_bytes += end - at;
      else
        add_line(bytes.substr(at, end - at), at, position + at, records);
      skipping_ = false;
      at = end + 1;
      continue;
    }
    // max + 1: the last byte may be the \r of a line that is exactly as long as allowed.
    if (!skipping_ && rest > max_line_bytes_ + 1) {
      add_line(bytes.substr(at), at, position + at, records);
      skipping_ = true;
      return bytes.size();
    }
    if (skipping_) {
      counts_.skipped_bytes += rest;
      return bytes.size();
    }
    break;
  }
  return at;
}

bool line_splitter::finish(std::string_view bytes, std::uint64_t position, std::vector<model::raw_record>& records) {
  const auto before = records.size();
  if (!skipping_ && !bytes.empty())
    add_line(bytes, 0, position, records);
  skipping_ = false;
  return records.size() > before;
}

void line_splitter::add_line(std::string_view line, std::size_t at, std::uint64_t position,
                             std::vector<model::raw_record>& records) {
  if (!line.empty() && line.back() == '\r' && line.size() <= max_line_bytes_ + 1)
    line.remove_suffix(1);
  if (line.size() > max_line_bytes_) {
    ++counts_.truncated_lines;
    counts_.skipped_bytes += line.size() - max_line_bytes_;
    line = line.substr(0, max_line_bytes_);
  }
  if (!line.empty())
    records.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(line.size()), position});
}

} // namespace soc::sources
