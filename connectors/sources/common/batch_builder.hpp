// sources/common/batch_builder.hpp - collects records of one origin into a raw batch of about a mebibyte. Owned by one
// reader.
#pragma once
#include "model/raw.hpp"

#include <memory>
#include <string>
#include <utility>

namespace soc::sources {

constexpr std::size_t target_batch_bytes = 1U << 20;
constexpr std::size_t target_batch_records = 16'384;
/// Parsers read past the end of a record (simdjson).
constexpr std::size_t batch_padding_bytes = 64;

class batch_builder {
public:
  batch_builder(std::shared_ptr<const model::connector_context> context, std::string origin)
      : context_(std::move(context)), origin_(std::move(origin)) {}

  void add(std::string_view record, std::uint64_t position, unix_ns now) {
    if (!batch_)
      begin(now);
    batch_->add(record, position);
  }
  bool empty() const { return !batch_; }
  std::size_t bytes() const { return batch_ ? batch_->bytes.size() : 0; }
  bool full() const {
    return batch_ && (bytes() >= target_batch_bytes || batch_->records.size() >= target_batch_records);
  }
  unix_ns begun_at() const { return batch_ ? batch_->received_at : 0; }

  /// The batch so far, null when empty; nothing may be added to what somebody else has got.
  model::raw_batch_ptr peek() {
    if (batch_)
      batch_->bytes.reserve(batch_->bytes.size() + batch_padding_bytes);
    return batch_;
  }
  model::raw_batch_ptr take() {
    auto batch = peek();
    batch_ = nullptr;
    return batch;
  }

private:
  void begin(unix_ns now) {
    batch_ = std::make_shared<model::raw_batch>();
    batch_->context = context_;
    batch_->origin = origin_;
    batch_->received_at = now;
  }

  std::shared_ptr<const model::connector_context> context_;
  std::string origin_;
  std::shared_ptr<model::raw_batch> batch_;
};

} // namespace soc::sources
