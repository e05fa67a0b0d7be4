#include "tools/soc/lake_detect.hpp"

#include "detection/core/alert_builder.hpp"
#include "detection/core/matcher.hpp"
#include "detection/rule_files.hpp"
#include "ingest/core/normalizer.hpp"
#include "lake/event_export.hpp"
#include "node/event_conditions.hpp"
#include "tools/soc/data_root.hpp"
#include "tools/soc/mapping_support.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <map>

namespace soc::cli {

namespace {

/// Alerts of the events handed in, and which rules raised how many.
class stored_detection {
public:
  stored_detection(std::shared_ptr<const detection::program> rules, model::dictionary_ptr names)
      : matching_(std::move(rules)), builder_(std::move(names)) {}

  void take(const lake::restored_batch& found) {
    if (!found.known) // their log types live no longer than the batch
      matching_.forget_types();
    for (const auto& ev : found.batch->events)
      for (const auto rule : matching_.match(ev)) {
        const auto& r = matching_.of().rules()[rule];
        if (!r.generate)
          continue;
        ++hits_[r.header.title];
        alerts_.push_back(builder_.build(*found.batch, ev, r.header, ev.time));
      }
    if (!found.known)
      matching_.forget_types();
  }

  /// In order of time; the same alert of an event that was stored twice is told once.
  std::vector<model::alert_ptr> finish() {
    std::sort(alerts_.begin(), alerts_.end(),
              [](const auto& a, const auto& b) { return std::tie(a->time, a->id) < std::tie(b->time, b->id); });
    alerts_.erase(
        std::unique(alerts_.begin(), alerts_.end(), [](const auto& a, const auto& b) { return a->id == b->id; }),
        alerts_.end());
    return std::move(alerts_);
  }
  const std::map<std::string, std::uint64_t>& hits() const { return hits_; }

private:
  detection::matcher matching_;
  detection::alert_builder builder_;
  std::vector<model::alert_ptr> alerts_;
  std::map<std::string, std::uint64_t> hits_;
};

} // namespace

int detect_in_lake(const lake_detect_options& options) {
  auto store = lake::catalog::look(options.directory);
  if (!store) {
    std::cerr << "soc lake: " << store.error().what << '\n';
    return 2;
  }
  auto names = std::make_shared<model::field_dictionary>();
  diagnostics of_mappings; // `soc mapping` reports them
  diagnostics found;
  const auto mappings = ingest::mapping_set::load(ingest::mapping_sources::below(data_root()), *names, of_mappings);
  const detection::rule_sources sources{options.rules, data_root() + "/rules/fields", {}, 0};
  const auto rules = detection::load_rules(sources, *names, system_clock_source().now(), found);
  print_diagnostics(found);
  if (!mappings || rules.loaded == 0)
    return 2;
  stored_detection detection(rules.compiled, names);
  const auto began = std::chrono::steady_clock::now();
  const auto counts = lake::export_events(**store, options.asked, {}, node::reading_with(mappings, names),
                                          [&](const lake::restored_batch& batch) {
                                            detection.take(batch);
                                            return true;
                                          });
  const auto alerts = detection.finish();
  for (const auto& a : alerts)
    std::cout << model::to_ocsf_json(*a) << '\n';
  for (const auto& problem : counts.problems)
    std::cerr << "soc lake: " << problem << '\n';
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  if (options.stats) {
    std::cerr << fmt::format(R"({{"rules":{},"events":{},"alerts":{},"seconds":{:.3f}}})", rules.loaded, counts.events,
                             alerts.size(), seconds)
              << '\n';
    for (const auto& [title, count] : detection.hits())
      std::cerr << fmt::format("{:>8}  {}\n", count, title);
  }
  return counts.problems.empty() ? 0 : 1;
}

} // namespace soc::cli
