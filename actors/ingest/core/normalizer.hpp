// ingest/core/normalizer.hpp - raw batches to event batches: recognize, decode, map. A mapping_set is loaded once and
// shared read-only; a normalizer belongs to one thread and is reused, it owns the scratch memory of the decoders.
#pragma once
#include "base/diagnostic.hpp"
#include "ingest/core/inventory.hpp"
#include "model/event.hpp"
#include "model/raw.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace soc::ingest {

struct mapping;      // one mapping.yaml, compiled: mapping.hpp
struct mapping_type; // one of its types

/// Where the data of the mappings lives.
struct mapping_sources {
  std::vector<std::string> folders; ///< each searched for <vendor>/<product>/mapping.yaml, or mapping.yaml itself
  std::string ocsf_table;           ///< config/ocsf/ocsf-1.8.0.json
  std::string ecs_table;            ///< config/ecs.yaml; empty: no ECS view
  enrichment_sources enrichment;    ///< may be empty
  /// The three below `root` (connectors/vendors, config/…).
  static mapping_sources below(const std::string& root);
};

/// All mappings, compiled. Immutable; alive as long as an event made with it (event_batch::types).
class mapping_set {
public:
  /// Reads every mapping; a broken one is reported in `found` and left out, the others are loaded. Field names are
  /// interned into `names`, which is frozen afterwards. Null only when the OCSF table itself can't be read.
  static std::shared_ptr<const mapping_set> load(const mapping_sources& from, model::field_dictionary& names,
                                                 diagnostics& found);
  ~mapping_set();

  const std::vector<std::unique_ptr<mapping>>& mappings() const;
  /// "nginx/nginx"; null when there is none.
  const mapping* find(std::string_view vendor, std::string_view product) const;
  /// The compiled type an event was made with; null for a foreign log_type.
  const mapping_type* type_of(const model::log_type* type) const;
  /// Every log type, for routing rules.
  std::vector<const model::log_type*> log_types() const;

  struct parts;
  const parts& inside() const { return *parts_; }

private:
  mapping_set();
  std::unique_ptr<parts> parts_;
};

struct normalizer_options {
  /// Keep native fields nobody interned (for `unmapped`); a pure detection run leaves them out.
  bool keep_unknown = true;
  /// Map types marked lazy at once too (exports).
  bool eager = false;
};

/// Something records showed that their mapping does not expect.
enum class drift_kind : std::uint8_t {
  unknown_field,  ///< a native field no rule reads and the mapping does not list as known
  unknown_zone,   ///< a time zone without a meaning; the time was read in the mapping's or connector's zone
  unreadable_time ///< a time in no form the mapping reads; the time of receipt was taken
};
std::string_view name_of(drift_kind kind);

struct drift_count {
  const model::log_type* type = nullptr; ///< alive as long as the mapping set
  drift_kind kind = drift_kind::unknown_field;
  std::string name; ///< of the field or zone; "…" stands for those beyond what is counted apart
  std::uint64_t records = 0;
};

/// Native fields of headers and envelopes: there whatever the product is, so no drift.
constexpr std::array<std::string_view, 4> engine_field_prefixes{"syslog.", "hec.", "cef.", "leef."};

class normalizer {
public:
  normalizer(std::shared_ptr<const mapping_set> mappings, model::dictionary_ptr names, normalizer_options options = {});
  ~normalizer();
  normalizer(normalizer&&) noexcept;

  /// Every record becomes one event, several (an envelope) or one quarantined record. Order is kept. Bad input never
  /// throws. The batch may be read by others once it is handed on.
  std::shared_ptr<model::event_batch> normalize(model::raw_batch_ptr raw);

  /// Makes the OCSF slots of a lazily mapped event, in the batch's arena. Nothing to do for a mapped one.
  void complete(model::event_batch& batch, model::event& ev);

  /// What was counted since it was asked last.
  std::vector<drift_count> take_drift();

private:
  struct state;
  std::unique_ptr<state> state_;
};

/// The event as OCSF 1.8.0 JSON, one line, with metadata, captions, raw_data and unmapped. The event must be mapped.
std::string to_ocsf_json(const model::event_batch& batch, const model::event& ev);
/// The event as one ECS object, one line, with log.file.path = the batch's origin. The event must be mapped.
std::string to_ecs_json(const model::event_batch& batch, const model::event& ev);

} // namespace soc::ingest
