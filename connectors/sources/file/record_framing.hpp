// sources/file/record_framing.hpp - finds the records in a window of a file's content: lines, and lines joined to
// records. Holds nothing but whether the content before the window ended inside an overlong line. Owned by a reader;
// pure.
#pragma once
#include "connectors/sources/common/line_splitter.hpp"
#include "connectors/sources/file/line_grouping.hpp"

namespace soc::sources {

struct framed_window {
  std::size_t consumed = 0; ///< bytes of the window that are dealt with
  std::uint64_t truncated_lines = 0;
};

/// What is known of the end of a window.
enum class window_end {
  open,    ///< more may follow: what is unfinished waits
  quiet,   ///< nothing followed for a while: whole lines make whole records
  full,    ///< a larger window can't be had: an unfinished record that fills it is taken as it is
  complete ///< nothing will follow: an unfinished line is a record too
};

class record_framing {
public:
  record_framing(std::size_t max_line_bytes, const line_grouping& grouping)
      : splitter_(max_line_bytes), grouping_(grouping) {}

  /// The records of batch.bytes from `at` on, which is `position` in the content.
  framed_window frame(model::raw_batch& batch, std::size_t at, std::uint64_t position, window_end end);

  bool skipping() const { return skipping_; }
  void resume(bool skipping) { skipping_ = skipping; }

private:
  std::size_t join(model::raw_batch& batch, const std::vector<model::raw_record>& lines, std::uint64_t position,
                   std::size_t consumed, bool complete);

  line_splitter splitter_;
  const line_grouping& grouping_;
  bool skipping_ = false;
};

} // namespace soc::sources
