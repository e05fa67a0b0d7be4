// sources/common/line_splitter.hpp - newline framing of a byte stream: where the records are in a buffer, for any
// chunking of the stream the same records. Owned by whoever reads the stream; pure.
#pragma once
#include "model/raw.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace soc::sources {

struct line_counts {
  std::uint64_t truncated_lines = 0; ///< longer than the limit: the first `max_line_bytes` became the record
  std::uint64_t skipped_bytes = 0;   ///< the rest of those lines
};

/// Lines end with \n; a \r before it is not part of the record; empty lines are no records.
class line_splitter {
public:
  explicit line_splitter(std::size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

  /// Appends the records of `bytes` (whose first byte is at stream position `position`; spans are relative to `bytes`)
  /// and returns how many bytes are dealt with. The rest is an unfinished line of at most max_line_bytes + 1 bytes:
  /// present it again in front of what comes next.
  std::size_t split(std::string_view bytes, std::uint64_t position, std::vector<model::raw_record>& records);

  /// The unfinished line `bytes` is all there will be: a record too. Returns whether it was one.
  bool finish(std::string_view bytes, std::uint64_t position, std::vector<model::raw_record>& records);

  /// Inside a line whose head was already cut off as a record; part of a checkpoint.
  bool skipping() const { return skipping_; }
  void resume(bool skipping) { skipping_ = skipping; }
  const line_counts& counts() const { return counts_; }

private:
  void add_line(std::string_view line, std::size_t at, std::uint64_t position, std::vector<model::raw_record>& records);

  std::size_t max_line_bytes_;
  bool skipping_ = false;
  line_counts counts_;
};

} // namespace soc::sources
