// ingest/core/json_splitter.hpp - finds the JSON documents in a stream of bytes: one a line, pretty-printed one after
// the other, or the elements of a top-level array. Belongs to one reader; what is cut at a chunk's end is carried over
// to the next.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace soc::ingest {

/// Text that is no JSON is handed on line by line, so that nothing is lost and a broken document doesn't swallow its
/// neighbours.
class json_splitter {
public:
  /// `document` lives until the call returns; `position` is its offset in the stream.
  using sink = std::function<void(std::string_view document, std::uint64_t position)>;

  explicit json_splitter(std::size_t max_document_bytes = 16U << 20) : max_bytes_(max_document_bytes) {}

  void feed(std::string_view chunk, const sink& out);
  /// The stream ended: what is left is handed on as it is.
  void finish(const sink& out);

private:
  /// Hands on what is complete in `bytes`; the number of bytes done with. `last`: nothing follows.
  std::size_t split(std::string_view bytes, bool last, const sink& out);
  std::size_t whole_line(std::string_view bytes, std::size_t start, bool last) const;
  std::size_t bracketed(std::string_view bytes, std::size_t start, bool last) const;
  std::size_t skip_between(std::string_view bytes, std::size_t at);

  std::size_t max_bytes_;
  std::string carried_;
  std::uint64_t position_ = 0; ///< of the first byte not done with
  bool started_ = false, in_array_ = false;
};

} // namespace soc::ingest
