// sources/common/inflater.hpp - streaming gzip and zstd: bytes in, at most so many bytes out at a time, so that a bomb
// costs nothing. Concatenated members and frames are one stream. Owned by one reader; not thread-safe.
#pragma once
#include "base/result.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace soc::sources {

enum class compression { none, gzip, zstd };

/// By the magic number of the first bytes.
compression detect_compression(std::string_view head);

class inflater {
public:
  explicit inflater(compression kind);
  ~inflater();
  inflater(inflater&&) noexcept;
  inflater& operator=(inflater&&) noexcept;

  /// Takes from the front of `input` and appends at most `max_bytes` to `out`. Nothing produced and nothing consumed =
  /// more input is needed. Fails with ec::corrupt on bytes that are no such stream.
  outcome pull(std::string_view& input, std::string& out, std::size_t max_bytes);

  /// The input so far ends a member or frame: an end here is a proper end.
  bool at_end() const;

private:
  struct implementation;
  std::unique_ptr<implementation> implementation_;
};

/// Inflates a whole text; ec::too_large past `max_bytes`, ec::corrupt when it is cut or not what it says.
result<std::string> inflate(compression kind, std::string_view input, std::size_t max_bytes);

} // namespace soc::sources
