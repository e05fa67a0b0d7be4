// sources/file/file_reader.hpp - reads the records of one open file in order, from a mark on. Plain files are read
// again from the mark each time, so nothing is held between reads and a rewritten file is noticed; compressed ones are
// streamed once. Owned by the follower; one thread.
#pragma once
#include "connectors/sources/common/descriptor.hpp"
#include "connectors/sources/common/inflater.hpp"
#include "connectors/sources/common/line_splitter.hpp"
#include "connectors/sources/common/source_counts.hpp"
#include "connectors/sources/file/content_mark.hpp"
#include "connectors/sources/file/line_grouping.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace soc::sources {

enum class read_status {
  batch,     ///< there was something; there may be more
  idle,      ///< nothing new that is complete
  rewritten, ///< the content before the mark is not what was read: truncated, or written anew
  finished,  ///< a compressed file is at its end
  broken,    ///< can't be read on: `why`
};

struct read_step {
  read_status status = read_status::idle;
  std::shared_ptr<model::raw_batch> batch;
  content_mark after; ///< the place behind the batch
  std::string why;
};

/// Shared by the readers of a connector.
struct reader_settings {
  std::shared_ptr<const model::connector_context> context;
  const line_grouping* grouping = nullptr; ///< outlives the readers
  std::size_t max_line_bytes = 1U << 20;
  std::chrono::nanoseconds group_timeout{}; ///< lines that nothing follows for so long are a whole record
  source_counts_ptr counts;
};

class file_reader {
public:
  virtual ~file_reader() = default;
  /// The next records. `complete`: the unfinished end is all there will be, it is a record as well.
  virtual read_step read(const std::string& path, unix_ns now, bool complete) = 0;
  /// Goes on behind `mark`; false when the content does not hold it.
  virtual bool resume(const content_mark& mark) = 0;
  /// A compressed file whose content begins as the mark's does; what lies behind is not looked at. Leaves the reader at
  /// the beginning.
  virtual bool is_archive_of(const content_mark&) { return false; }
  virtual const content_mark& mark() const = 0;
  virtual int fd() const = 0;
  virtual bool compressed() const = 0;
};

/// By the first bytes of the file.
std::unique_ptr<file_reader> make_reader(descriptor file, reader_settings settings);

/// Bytes of an open file.
read_at_function bytes_of(int fd);
std::uint64_t size_of(int fd);

} // namespace soc::sources
