// wire/raw_wire.hpp - raw batches to and from schemas/raw.capnp: what a connector that answers its clients puts into
// the RAW stream before it says "stored". Pure.
#pragma once
#include "base/result.hpp"
#include "model/raw.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace soc::wire {

std::string to_bytes(const model::raw_batch& batch);

/// ec::corrupt for bytes that are no such message.
result<std::shared_ptr<model::raw_batch>> read_raw_batch(std::string_view bytes);

/// Bytes a record of `size` takes in the message, its place in the list included.
constexpr std::size_t raw_record_cost(std::size_t size) {
  return 8 + (size + 7) / 8 * 8;
}

} // namespace soc::wire
