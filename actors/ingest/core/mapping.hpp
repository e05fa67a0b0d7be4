// ingest/core/mapping.hpp - one mapping.yaml, compiled (docs/mapping.md). Built by the loader, owned by a mapping_set,
// read-only afterwards.
#pragma once
#include "base/diagnostic.hpp"
#include "ingest/core/enrichment.hpp"
#include "ingest/core/mapping_rule.hpp"
#include "ingest/core/normalizer.hpp"

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace soc::ingest {

enum class record_format : std::uint8_t { json, xml, cef, leef, text };

enum class decoder_kind : std::uint8_t { json, xml, cef, leef, kv, csv, regex, dissect, clf, auditd, windows };

struct decode_step {
  decoder_kind decoder = decoder_kind::json;
  std::optional<field_source> field; ///< none: the payload
  bool optional = false;
  std::shared_ptr<const field_condition> when;
  std::string prefix;
  kv_options kv;
  csv_options csv;
  std::vector<regex_option> patterns;
  std::vector<dissect_pattern> dissects;
};

struct input_detection {
  int priority = 50;
  std::vector<model::field_id> keys, any_keys;
  std::shared_ptr<const field_condition> where;
  std::vector<std::string> vendors, products; ///< lower case
  std::vector<std::string> programs, prefixes, contains, any_contains;
  std::shared_ptr<const text_pattern> regex;
};

struct mapping_input {
  std::string name;
  record_format format = record_format::text;
  input_detection detect;
  std::vector<decode_step> steps;
  std::vector<std::string> unwrap;
  mapping* owner = nullptr;
};

struct mapping_type {
  model::log_type log;
  mapping* owner = nullptr;
  const ocsf_class* ocsf = nullptr;
  std::shared_ptr<const field_condition> when;
  bool lazy = false;
  std::vector<mapping_rule> rules, ecs;
  std::vector<std::string> ecs_removed;
  std::vector<bool> consumed;                ///< by native id: read by some rule or test of this type
  std::vector<bool> known;                   ///< consumed, or expected and not mapped
  std::vector<std::string> missing_required; ///< attributes of the class no rule gives
  /// Slots whose text must be one of the schema's words.
  std::vector<std::pair<model::field_id, const ocsf_attribute*>> text_enums;
  source_place place;
};

struct mapping {
  std::string vendor, product, title, vendor_name, confidence, source, cloud;
  std::string file;
  rule_settings settings;
  std::vector<mapping_input> inputs;
  std::vector<std::unique_ptr<mapping_type>> types;

  /// Types by the value of the field most of them test, to look at few of many. Filled by index_types.
  model::field_id switch_field = model::no_field;
  std::unordered_map<std::string, std::vector<std::uint32_t>, transparent_hash, std::equal_to<>> switch_types;
  std::vector<std::uint32_t> other_types;
  void index_types();
  /// The first type whose condition holds; null when none does.
  const mapping_type* choose(record_context& record) const;
};

/// Reads one mapping.yaml; null when it has errors (all are in `found`).
std::unique_ptr<mapping> load_mapping(const std::string& file, const ocsf_schema& schema,
                                      model::field_dictionary& names, diagnostics& found);

/// Where an OCSF path or a native name goes in the ECS view.
struct ecs_table {
  struct entry {
    std::string path, ecs;
    model::field_id id = model::no_field;
    std::uint32_t class_uid = 0; ///< 0 = every class
  };
  std::vector<entry> entries;
  static ecs_table load(const std::string& file, const ocsf_schema& schema, model::field_dictionary& names,
                        diagnostics& found);
};

/// A path of slots taken apart, for writing nested JSON; one an OCSF id.
struct path_shape {
  struct segment {
    std::string name;
    int index = -1;
  };
  std::vector<segment> segments;
  std::uint32_t rank = 0; ///< order among all paths, so that objects are contiguous
};

struct mapping_set::parts {
  std::unique_ptr<const ocsf_schema> schema;
  std::vector<std::unique_ptr<mapping>> mappings;
  std::vector<const mapping_input*> by_format[5]; ///< by falling priority
  std::vector<std::string> unwrap_names;
  std::unordered_map<const model::log_type*, const mapping_type*> types;
  ecs_table ecs;
  std::shared_ptr<const enrichment> extra; ///< null: nothing is added to events
  std::unordered_map<model::field_id, path_shape> paths;
  std::vector<const path_shape*> shapes; ///< the same by id, null for others
  /// Of what the engine itself says of every event.
  struct {
    const path_shape *class_name, *category_name, *type_name, *version, *uid, *product_name, *vendor_name, *logged_time,
        *profiles, *tenant_uid;
  } own{};
  struct {
    model::field_id class_uid, category_uid, type_uid, activity_id, severity_id, time, cloud_provider, cloud_account,
        cloud_region;
  } ids{};
};

} // namespace soc::ingest
