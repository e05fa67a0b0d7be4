// model/event.hpp - a normalized event: a flat record of slots, native (the vendor's own names) and OCSF side by side,
// over the raw bytes. Made by a normalizer inside an event_batch, then read-only and shared by detectors, store and
// alerts.
#pragma once
#include "base/arena.hpp"
#include "base/time.hpp"
#include "model/field.hpp"
#include "model/raw.hpp"
#include "model/value.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace soc::model {

/// A field of an event. `id` is no_field for a native name nobody interned; `name` is always there.
struct slot {
  field_id id = no_field;
  std::uint32_t name_size = 0;
  const char* name_data = nullptr;
  value data;

  std::string_view name() const { return {name_data, name_size}; }
};
static_assert(sizeof(slot) == 32);

/// What kind of log an event is; one object a mapping, shared by its events, alive as long as the mapping set.
struct log_type {
  std::string vendor;  ///< "aws"
  std::string product; ///< "cloudtrail"
  std::string name;    ///< sub-type within the product ("traffic"), may be empty
  // Sigma's logsource where the mapping knows it; routers refine it (Windows by Channel and EventID).
  std::string sigma_product, sigma_service, sigma_category;
};

struct event {
  const log_type* type = nullptr; ///< never null after decoding
  std::string_view raw;           ///< the record's bytes, unchanged
  std::span<const slot> native;   ///< as decoded; nested names joined by '.', in the order of the record
  std::span<const slot> ocsf;     ///< mapped; empty while `mapped` is false
  unix_ns time = 0;               ///< event time; the batch's received_at when the record has none
  std::uint32_t class_uid = 0;    ///< OCSF class, 0 = Base Event
  std::uint32_t record_index = 0; ///< in the raw batch
  bool mapped = false;            ///< lazily mapped types get their OCSF slots when an alert needs them

  /// First native or OCSF slot with this id; null value when absent. Linear: for cold paths.
  value native_value(field_id id) const;
  value ocsf_value(field_id id) const;
};

/// A record that could not be decoded or mapped. Kept, with the reason and the place in it.
struct quarantined_record {
  std::uint32_t record_index = 0;
  std::string reason;            ///< what is wrong and how to mend it
  std::uint32_t byte_offset = 0; ///< in the record
  std::string mapping;           ///< "vendor/product" tried, empty if none fitted
};

/// Events of one raw batch. Owns every byte they point at.
struct event_batch {
  raw_batch_ptr raw;
  dictionary_ptr dictionary;
  std::shared_ptr<const void> types; ///< keeps the log_type objects alive (the mapping set)
  arena memory;
  std::vector<event> events;
  std::vector<quarantined_record> quarantined;
};

using event_batch_ptr = std::shared_ptr<const event_batch>;

/// Deterministic: the same bytes from the same connector at the same place give the same id (32 hex digits).
std::string event_id(const event_batch& batch, const event& ev);

} // namespace soc::model
