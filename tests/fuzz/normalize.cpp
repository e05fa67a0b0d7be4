// Any bytes as records, with the shipped mappings: every record becomes an event or is quarantined with its reason, and
// every event is JSON, valid OCSF, with the record's bytes in it.
#include "ingest/core/mapping.hpp"
#include "ingest/core/ocsf_validation.hpp"
#include "ingest/core/record_assembler.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <cstdlib>

using namespace soc;

namespace {

struct shipped {
  std::shared_ptr<model::field_dictionary> names = std::make_shared<model::field_dictionary>();
  diagnostics found;
  std::shared_ptr<const ingest::mapping_set> set =
      ingest::mapping_set::load(ingest::mapping_sources::below(SOC_SOURCE_DIR), *names, found);
  ingest::normalizer normalizer{set, names, {.keep_unknown = true, .eager = true}};
};

void check(const shipped& all, const model::event_batch& batch, const model::event& ev) {
  const auto event = nlohmann::json::parse(ingest::to_ocsf_json(batch, ev), nullptr, false);
  if (event.is_discarded())
    std::abort();
  const auto problems = ingest::validate_ocsf(*all.set->inside().schema, event);
  for (const auto& problem : problems)
    std::fprintf(stderr, "%s/%s:%s: %s\n", ev.type->vendor.c_str(), ev.type->product.c_str(), ev.type->name.c_str(),
                 problem.c_str());
  if (!problems.empty())
    std::abort();
  if (nlohmann::json::parse(ingest::to_ecs_json(batch, ev), nullptr, false).is_discarded())
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static shipped all;
  if (size > 32768)
    return 0;
  auto raw = std::make_shared<model::raw_batch>();
  raw->context = std::make_shared<model::connector_context>();
  raw->received_at = 1'767'225'600 * ns_per_s;
  const auto add = [&](std::string_view record, std::uint64_t position) { raw->add(record, position); };
  ingest::record_assembler assembler;
  assembler.feed({reinterpret_cast<const char*>(data), size}, add);
  assembler.flush(add);
  raw->bytes.reserve(raw->bytes.size() + 64);
  const auto batch = all.normalizer.normalize(raw);
  for (const auto& q : batch->quarantined)
    if (q.reason.empty())
      std::abort();
  for (const auto& ev : batch->events)
    check(all, *batch, ev);
  return 0;
}
