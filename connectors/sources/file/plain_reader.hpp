// sources/file/plain_reader.hpp - a text file that grows. See file_reader.hpp.
#pragma once
#include "connectors/sources/file/file_reader.hpp"
#include "connectors/sources/file/record_framing.hpp"

namespace soc::sources {

class plain_reader final : public file_reader {
public:
  plain_reader(descriptor file, reader_settings settings);

  read_step read(const std::string& path, unix_ns now, bool complete) override;
  bool resume(const content_mark& mark) override;
  const content_mark& mark() const override { return keeper_.mark(); }
  int fd() const override { return file_.get(); }
  bool compressed() const override { return false; }

private:
  read_step read_window(const std::string& path, unix_ns now, std::uint64_t available, window_end end);

  descriptor file_;
  reader_settings settings_;
  record_framing framing_;
  mark_keeper keeper_;
  std::size_t window_;          ///< bytes looked at in one read
  std::uint64_t last_look_ = 0; ///< what the file looked like when it was last read
  unix_ns changed_at_ = 0;      ///< when that changed
  std::uint64_t looked_at_ = 0; ///< what the file looked like when nothing complete was found in it
};

} // namespace soc::sources
