#include "lake/core/chunk.hpp"

#include "base/hash.hpp"

#include <zstd.h>

namespace soc::lake {

chunk_writer::chunk_writer(int level) : context_(ZSTD_createCCtx()), level_(level) {}
chunk_writer::~chunk_writer() {
  ZSTD_freeCCtx(static_cast<ZSTD_CCtx*>(context_));
}

void chunk_writer::clear() {
  places_.clear();
  bytes_.clear();
}

void chunk_writer::add(std::string_view raw) {
  const auto at = bytes_.size();
  const auto bound = ZSTD_compressBound(raw.size());
  bytes_.resize(at + bound);
  auto size =
      ZSTD_compressCCtx(static_cast<ZSTD_CCtx*>(context_), bytes_.data() + at, bound, raw.data(), raw.size(), level_);
  if (ZSTD_isError(size) != 0 || size >= raw.size()) { // no gain: as it is
    size = raw.size();
    raw.copy(bytes_.data() + at, raw.size());
  }
  bytes_.resize(at + size);
  places_.push_back({raw.size(), size, hash64(std::string_view(bytes_).substr(at))});
}

result<std::string_view> read_chunk(std::string_view stored, const chunk_place& place, arena& memory) {
  if (hash64(stored) != place.checksum)
    return failure{ec::corrupt, "a chunk does not match its checksum"};
  if (place.stored_bytes == place.raw_bytes)
    return stored;
  if (place.raw_bytes > max_chunk_bytes || ZSTD_getFrameContentSize(stored.data(), stored.size()) != place.raw_bytes)
    return failure{ec::corrupt, "a chunk has another size than stated"};
  auto* at = memory.make_array<char>(place.raw_bytes);
  const auto size = ZSTD_decompress(at, place.raw_bytes, stored.data(), stored.size());
  if (ZSTD_isError(size) != 0 || size != place.raw_bytes)
    return failure{ec::corrupt, std::string("a chunk can't be decompressed: ") + ZSTD_getErrorName(size)};
  return std::string_view(at, size);
}

} // namespace soc::lake
