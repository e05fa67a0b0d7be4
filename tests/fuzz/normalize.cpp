// Any bytes as records, with the shipped mappings, detected or of the product the first byte names: every record
// becomes an event or is quarantined with its reason, every event is JSON, valid OCSF, with the record's bytes in it,
// and the same once its shape is known.
#include "ingest/core/mapping.hpp"
#include "ingest/core/ocsf_validation.hpp"
#include "ingest/core/record_assembler.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <cstdlib>

using namespace soc;
using ingest::mapping;

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

namespace {

std::shared_ptr<model::event_batch> read(shipped& all, const mapping* product, std::string_view bytes) {
  auto raw = std::make_shared<model::raw_batch>();
  auto context = std::make_shared<model::connector_context>();
  if (product != nullptr) {
    context->vendor = product->vendor;
    context->product = product->product;
  }
  raw->context = context;
  raw->received_at = 1'767'225'600 * ns_per_s;
  const auto add = [&](std::string_view record, std::uint64_t position) { raw->add(record, position); };
  ingest::record_assembler assembler;
  assembler.feed(bytes, add);
  assembler.flush(add);
  raw->bytes.reserve(raw->bytes.size() + 64);
  return all.normalizer.normalize(raw);
}

std::string written(const model::event_batch& batch) {
  std::string out;
  for (const auto& ev : batch.events)
    out += ingest::to_ocsf_json(batch, ev) + "\n";
  return out;
}

} // namespace

namespace {

/// Made by LLVMFuzzerInitialize: reading all mappings under a sanitizer takes longer than an input may.
shipped& shipped_mappings() {
  static shipped all;
  return all;
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  shipped_mappings();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto& all = shipped_mappings();
  if (size < 1 || size > 32768)
    return 0;
  const auto& products = all.set->mappings();
  const auto* product = data[0] < products.size() ? products[data[0]].get() : nullptr;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto batch = read(all, product, bytes);
  if (product != nullptr) { // what was detected before is tried first: detection has a memory
    const auto first = written(*batch);
    for (int again = 0; again < 2; ++again)
      if (written(*read(all, product, bytes)) != first)
        std::abort();
  }
  for (const auto& q : batch->quarantined)
    if (q.reason.empty())
      std::abort();
  for (const auto& ev : batch->events)
    check(all, *batch, ev);
  return 0;
}
