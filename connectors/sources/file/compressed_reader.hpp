// sources/file/compressed_reader.hpp - a .gz or .zst file, read once from its beginning to its end; positions count
// decompressed bytes. One that is still being written is waited for. See file_reader.hpp.
#pragma once
#include "connectors/sources/file/file_reader.hpp"
#include "connectors/sources/file/record_framing.hpp"

namespace soc::sources {

class compressed_reader final : public file_reader {
public:
  compressed_reader(descriptor file, compression kind, reader_settings settings);

  read_step read(const std::string& path, unix_ns now, bool complete) override;
  /// Decompresses up to the mark; a content without it leaves the reader at the beginning.
  bool resume(const content_mark& mark) override;
  bool is_archive_of(const content_mark& mark) override;
  const content_mark& mark() const override { return keeper_.mark(); }
  int fd() const override { return file_.get(); }
  bool compressed() const override { return true; }

private:
  void rewind();
  /// Decompresses until `pending_` has `enough` bytes or there is no more input; a failure is kept in `broken_`.
  void fill(std::size_t enough);
  bool refill_input();
  read_step at_the_end(bool whole) const;

  descriptor file_;
  compression kind_;
  reader_settings settings_;
  inflater inflater_;
  record_framing framing_;
  mark_keeper keeper_;
  std::string input_, pending_, broken_;
  std::size_t input_at_ = 0;
  std::uint64_t file_at_ = 0;
  bool ended_ = false;
};

} // namespace soc::sources
