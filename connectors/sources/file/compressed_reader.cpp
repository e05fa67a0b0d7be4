#include "connectors/sources/file/compressed_reader.hpp"

#include "base/hash.hpp"
#include "connectors/sources/common/batch_builder.hpp"
#include "connectors/sources/file/plain_reader.hpp"

#include <algorithm>
#include <unistd.h>

namespace soc::sources {

namespace {

constexpr std::size_t input_bytes = 256 * 1024;
constexpr std::size_t output_step_bytes = 256 * 1024;

} // namespace

std::unique_ptr<file_reader> make_reader(descriptor file, reader_settings settings) {
  const auto kind = detect_compression(bytes_of(file.get())(0, 4));
  if (kind == compression::none)
    return std::make_unique<plain_reader>(std::move(file), std::move(settings));
  return std::make_unique<compressed_reader>(std::move(file), kind, std::move(settings));
}

compressed_reader::compressed_reader(descriptor file, compression kind, reader_settings settings)
    : file_(std::move(file)), kind_(kind), settings_(std::move(settings)), inflater_(kind),
      framing_(settings_.max_line_bytes, *settings_.grouping) {}

void compressed_reader::rewind() {
  inflater_ = inflater(kind_);
  keeper_ = {};
  framing_.resume(false);
  input_.clear();
  pending_.clear();
  broken_.clear();
  input_at_ = 0;
  file_at_ = 0;
}

bool compressed_reader::refill_input() {
  if (input_at_ < input_.size())
    return true;
  input_.resize(input_bytes);
  const auto got = ::pread(file_.get(), input_.data(), input_.size(), static_cast<off_t>(file_at_));
  input_.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  input_at_ = 0;
  file_at_ += input_.size();
  return !input_.empty();
}

void compressed_reader::fill(std::size_t enough) {
  while (pending_.size() < enough && broken_.empty() && refill_input()) {
    auto rest = std::string_view(input_).substr(input_at_);
    const auto before = pending_.size();
    if (const auto pulled = inflater_.pull(rest, pending_, output_step_bytes); !pulled)
      broken_ = pulled.error().what;
    const auto taken = input_.size() - input_at_ - rest.size();
    input_at_ += taken;
    if (taken == 0 && pending_.size() == before && broken_.empty())
      broken_ = "the decompressor makes no progress";
  }
}

bool compressed_reader::resume(const content_mark& mark) {
  rewind();
  while (keeper_.mark().offset < mark.offset) {
    fill(1);
    const auto left = mark.offset - keeper_.mark().offset;
    const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(left, pending_.size()));
    if (piece == 0)
      break;
    keeper_.advance(std::string_view(pending_).substr(0, piece));
    pending_.erase(0, piece);
  }
  const auto& here = keeper_.mark();
  // A head hash taken when less was known covers fewer bytes than ours; the tail and the offset decide then.
  const bool same_head = here.head_size != mark.head_size || here.head_hash == mark.head_hash;
  if (here.offset == mark.offset && here.tail_hash == mark.tail_hash && same_head) {
    framing_.resume(mark.skipping);
    return true;
  }
  rewind();
  return false;
}

bool compressed_reader::is_archive_of(const content_mark& mark) {
  rewind();
  fill(mark.head_size);
  const auto head = std::string_view(pending_).substr(0, mark.head_size);
  const bool alike = mark.head_size == 0 || (head.size() == mark.head_size && hash64(head) == mark.head_hash);
  rewind();
  return alike;
}

read_step compressed_reader::read(const std::string& path, unix_ns now, bool complete) {
  if (ended_)
    return {read_status::finished};
  auto window = target_batch_bytes;
  for (;;) {
    fill(window);
    const bool input_is_out = pending_.size() < window && broken_.empty();
    const bool whole = input_is_out && inflater_.at_end() && file_at_ > 0;
    const bool last = whole || !broken_.empty() || (input_is_out && complete);
    const bool can_wait = !last && window < settings_.max_line_bytes * 2;
    auto batch = std::make_shared<model::raw_batch>();
    batch->bytes.reserve(pending_.size() + batch_padding_bytes);
    batch->bytes = pending_;
    const auto end = last ? window_end::complete : can_wait || input_is_out ? window_end::open : window_end::full;
    const auto framed = framing_.frame(*batch, 0, keeper_.mark().offset, end);
    if (framed.consumed == 0 && can_wait && !input_is_out) {
      window *= 2;
      continue;
    }
    if (framed.consumed == 0) {
      ended_ = last;
      return last ? at_the_end(whole) : read_step{read_status::idle};
    }
    count(settings_.counts->truncated_records, framed.truncated_lines);
    keeper_.advance(std::string_view(pending_).substr(0, framed.consumed));
    pending_.erase(0, framed.consumed);
    batch->bytes.reserve(batch->bytes.size() + batch_padding_bytes);
    batch->context = settings_.context;
    batch->origin = path;
    batch->received_at = now;
    auto after = keeper_.mark();
    after.skipping = framing_.skipping();
    return {read_status::batch, std::move(batch), after, {}};
  }
}

read_step compressed_reader::at_the_end(bool whole) const {
  if (whole)
    return {read_status::finished};
  return {read_status::broken, nullptr, {}, broken_.empty() ? "the compressed file is cut short" : broken_};
}

} // namespace soc::sources
