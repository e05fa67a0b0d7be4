#include "connectors/sources/file/plain_reader.hpp"

#include "connectors/sources/common/batch_builder.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace soc::sources {

namespace {

/// Up to `size` bytes at `offset` into `to`; what was read.
std::size_t read_fully(int fd, char* to, std::size_t size, std::uint64_t offset) {
  std::size_t got = 0;
  while (got < size) {
    const auto n = ::pread(fd, to + got, size - got, static_cast<off_t>(offset + got));
    if (n > 0)
      got += static_cast<std::size_t>(n);
    else if (n == 0 || errno != EINTR)
      break;
  }
  return got;
}

/// Changes whenever the file's size or time of change does; never 0.
std::uint64_t appearance_of(const struct stat& status) {
  const auto changed =
      static_cast<std::uint64_t>(status.st_mtim.tv_sec) * ns_per_s + static_cast<std::uint64_t>(status.st_mtim.tv_nsec);
  return (static_cast<std::uint64_t>(status.st_size) * 0x9e3779b97f4a7c15ULL ^ changed) | 1U;
}

} // namespace

read_at_function bytes_of(int fd) {
  return [fd](std::uint64_t offset, std::size_t size) {
    std::string out(size, '\0');
    out.resize(read_fully(fd, out.data(), size, offset));
    return out;
  };
}

std::uint64_t size_of(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

plain_reader::plain_reader(descriptor file, reader_settings settings)
    : file_(std::move(file)), settings_(std::move(settings)), framing_(settings_.max_line_bytes, *settings_.grouping),
      window_(target_batch_bytes) {}

bool plain_reader::resume(const content_mark& mark) {
  const auto read_at = bytes_of(file_.get());
  if (!holds_mark(mark, read_at))
    return false;
  keeper_ = {};
  keeper_.resume(mark, read_at);
  framing_.resume(mark.skipping);
  looked_at_ = 0;
  return true;
}

read_step plain_reader::read(const std::string& path, unix_ns now, bool complete) {
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0)
    return {read_status::broken, nullptr, {}, std::strerror(errno)};
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const auto look = appearance_of(status);
  const auto offset = keeper_.mark().offset;
  if (size < offset)
    return {read_status::rewritten};
  if (std::exchange(last_look_, look) != look)
    changed_at_ = now;
  const bool quiet = settings_.grouping->active() && now - changed_at_ >= settings_.group_timeout.count();
  if (look == looked_at_ && (size == offset || !(complete || quiet)))
    return {read_status::idle};
  const auto end = complete ? window_end::complete : quiet ? window_end::quiet : window_end::open;
  auto step = read_window(path, now, size - offset, end);
  while (step.status == read_status::idle && window_ < size - offset && window_ < settings_.max_line_bytes * 2) {
    window_ *= 2;
    step = read_window(path, now, size - offset, end);
  }
  looked_at_ = step.status == read_status::idle ? look : 0;
  return step;
}

// The bytes before the mark are read along with the new ones: they tell a file that was written anew while nobody
// looked.
read_step plain_reader::read_window(const std::string& path, unix_ns now, std::uint64_t available, window_end end) {
  const auto before = keeper_.tail().size();
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(available, window_));
  auto batch = std::make_shared<model::raw_batch>();
  batch->bytes.reserve(before + wanted + batch_padding_bytes);
  batch->bytes.resize(before + wanted);
  const auto got = read_fully(file_.get(), batch->bytes.data(), before + wanted, keeper_.mark().offset - before);
  batch->bytes.resize(got);
  if (got < before || batch->bytes.compare(0, before, keeper_.tail()) != 0)
    return {read_status::rewritten};
  const bool window_is_all = got == before + available;
  const bool can_grow = window_ < settings_.max_line_bytes * 2;
  const auto framed = framing_.frame(*batch, before, keeper_.mark().offset,
                                     window_is_all ? end
                                     : can_grow    ? window_end::open
                                                   : window_end::full);
  if (framed.consumed == 0)
    return {read_status::idle};
  count(settings_.counts->truncated_records, framed.truncated_lines);
  keeper_.advance(std::string_view(batch->bytes).substr(before, framed.consumed));
  batch->bytes.reserve(batch->bytes.size() + batch_padding_bytes);
  batch->context = settings_.context;
  batch->origin = path;
  batch->received_at = now;
  auto after = keeper_.mark();
  after.skipping = framing_.skipping();
  return {read_status::batch, std::move(batch), after, {}};
}

} // namespace soc::sources
