// tools/soc/input_reader.hpp - a file or standard input as decompressed chunks: plain, gzip and zstd are told by their
// first bytes. Constant memory. One a file.
#pragma once
#include "base/result.hpp"
#include "connectors/sources/common/inflater.hpp"

#include <memory>
#include <optional>
#include <string>

namespace soc::cli {

class input_reader {
public:
  /// "-" is standard input.
  static result<input_reader> open(const std::string& path);
  ~input_reader();
  input_reader(input_reader&&) noexcept;
  input_reader& operator=(input_reader&&) = delete;

  /// The next bytes (at most about 1 MiB) in `chunk`; false at the end. A truncated or broken stream fails after what
  /// could be read was handed out.
  result<bool> next(std::string& chunk);

private:
  explicit input_reader(int descriptor) : descriptor_(descriptor) {}
  result<bool> read_raw();
  result<bool> next_inflated(std::string& chunk);

  int descriptor_ = -1;
  bool started_ = false, ended_ = false;
  std::string raw_; ///< read, not handed out yet
  std::optional<sources::inflater> inflater_;
};

} // namespace soc::cli
