// detection/core/log_router.hpp - which logsources an event belongs to: Windows by Channel, EventID and provider,
// others by their log type and OCSF class. Read from rules/fields/logsources.yaml, immutable once loaded.
#pragma once
#include "base/yaml_text.hpp"
#include "detection/core/sigma_rule.hpp"
#include "model/event.hpp"

#include <map>
#include <unordered_map>

namespace soc::detection {

/// The Sigma products, categories and services of an event; sorted, without repetition.
struct event_class {
  std::vector<std::string> products, categories, services;
  auto operator<=>(const event_class&) const = default;
  /// Each component the logsource names must be one of the event's.
  bool admits(const logsource& source) const;
  void normalize();
};

class log_router {
public:
  /// Interns the names routing looks at.
  explicit log_router(model::field_dictionary& names);
  /// Adds the `windows:`, `classes:` and `types:` sections of one file. Errors are RTEnnn.
  void read(const yaml_text& file, diagnostics& found);

  event_class classify(const model::event& ev) const;
  /// What events of a mapped type and OCSF class may belong to, whatever their activity is.
  event_class class_of(const model::log_type& type, std::uint32_t class_uid) const;
  /// Equal keys mean equal classes; cheap enough for every event.
  std::uint64_t key_of(const model::event& ev) const;
  /// Every class the tables can name: routes that can be made ready in advance.
  std::vector<event_class> known_classes() const;

private:
  struct windows_rule {
    std::string channel, provider;    ///< folded; empty = any
    std::vector<std::int64_t> events; ///< empty = all
    std::vector<std::string> categories, services;
  };
  struct class_rule {
    std::uint32_t class_uid = 0;
    std::int64_t activity = -1;
    std::vector<std::string> categories;
  };
  struct windows_facts {
    std::string_view channel, provider;
    std::int64_t event_id = -1;
    bool present = false;
  };
  windows_facts windows_facts_of(const model::event& ev) const;
  void read_windows(const std::string& file, const YAML::Node& node, diagnostics& found);
  event_class windows_class(const std::string& channel, const std::string& provider, std::int64_t event_id) const;

  model::field_id channel_, event_id_, provider_, source_name_, ocsf_activity_;
  std::vector<windows_rule> windows_;
  std::vector<class_rule> classes_;
  std::map<std::string, event_class, std::less<>> types_; ///< "vendor/product" or "vendor/product/name"
};

} // namespace soc::detection
