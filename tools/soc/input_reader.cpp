#include "tools/soc/input_reader.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace soc::cli {

namespace {
constexpr std::size_t chunk_bytes = 256 * 1024;
constexpr std::size_t most_inflated_bytes = 1024 * 1024;
} // namespace

result<input_reader> input_reader::open(const std::string& path) {
  const int descriptor = path == "-" ? dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return failure{ec::io_error, path + ": " + std::strerror(errno)};
  return input_reader(descriptor);
}

input_reader::~input_reader() {
  if (descriptor_ >= 0)
    close(descriptor_);
}

input_reader::input_reader(input_reader&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), started_(other.started_), ended_(other.ended_),
      raw_(std::move(other.raw_)), inflater_(std::move(other.inflater_)) {}

result<bool> input_reader::read_raw() {
  const auto before = raw_.size();
  raw_.resize(before + chunk_bytes);
  ssize_t n = 0;
  do
    n = read(descriptor_, raw_.data() + before, chunk_bytes);
  while (n < 0 && errno == EINTR);
  raw_.resize(before + static_cast<std::size_t>(n > 0 ? n : 0));
  if (n < 0)
    return failure{ec::io_error, std::strerror(errno)};
  ended_ = n == 0;
  return n > 0;
}

result<bool> input_reader::next(std::string& chunk) {
  chunk.clear();
  if (!started_) {
    started_ = true;
    while (raw_.size() < 8 && !ended_)
      if (const auto more = read_raw(); !more)
        return more.error();
    if (const auto kind = sources::detect_compression(raw_); kind != sources::compression::none)
      inflater_.emplace(kind);
  }
  if (inflater_)
    return next_inflated(chunk);
  if (raw_.empty() && !ended_)
    if (const auto more = read_raw(); !more)
      return more.error();
  chunk.swap(raw_);
  return !chunk.empty();
}

result<bool> input_reader::next_inflated(std::string& chunk) {
  while (true) {
    auto input = std::string_view(raw_);
    const auto before = input.size();
    const auto pulled = inflater_->pull(input, chunk, most_inflated_bytes);
    const bool consumed = input.size() != before;
    raw_.erase(0, before - input.size());
    if (!chunk.empty())
      return true;
    if (!pulled)
      return pulled.error();
    if (consumed)
      continue;
    if (ended_) {
      if (inflater_->at_end() && raw_.empty())
        return false;
      return failure{ec::corrupt, "the compressed stream is cut off"};
    }
    if (const auto more = read_raw(); !more)
      return more.error();
  }
}

} // namespace soc::cli
