#include "tools/soc/mapping_support.hpp"

#include "base/time.hpp"
#include "base/yaml_text.hpp"
#include "ingest/core/json_decoder.hpp"
#include "tools/soc/data_root.hpp"
#include "tools/soc/input_reader.hpp"

#include <iostream>
#include <map>

namespace soc::cli {

namespace {
constexpr std::size_t batch_bytes = 1024 * 1024;
constexpr std::size_t batch_records = 4096;
} // namespace

loaded_mappings load_mappings(const std::vector<std::string>& folders) {
  loaded_mappings loaded;
  auto sources = ingest::mapping_sources::below(data_root());
  if (!folders.empty())
    sources.folders = folders;
  auto names = std::make_shared<model::field_dictionary>();
  loaded.set = ingest::mapping_set::load(sources, *names, loaded.found);
  loaded.names = std::move(names);
  return loaded;
}

void print_diagnostics(const diagnostics& found) {
  std::map<std::string, std::string> texts;
  for (const auto& item : found.all()) {
    auto [it, is_new] = texts.try_emplace(item.place.file);
    if (is_new) {
      diagnostics unused;
      it->second = read_text_file(item.place.file, "MAP001", unused).value_or("");
    }
    std::cerr << render(item, it->second);
  }
}

file_counts normalize_file(const std::string& path, std::shared_ptr<const model::connector_context> context,
                           ingest::normalizer& normalizer, const std::function<void(model::event_batch&)>& out,
                           const file_origin& origin) {
  file_counts counts;
  auto reader = input_reader::open(path);
  if (!reader) {
    std::cerr << reader.error().what << '\n';
    counts.failed = true;
    return counts;
  }
  const auto now = origin.received_at != 0 ? origin.received_at : system_clock_source().now();
  std::shared_ptr<model::raw_batch> batch;
  const auto start = [&](std::size_t at_least) {
    batch = std::make_shared<model::raw_batch>();
    batch->context = context;
    batch->origin = origin.name.empty() ? path : origin.name;
    batch->received_at = now;
    batch->bytes.reserve(std::max(batch_bytes + batch_bytes / 4, at_least) + ingest::json_decoder::padding);
  };
  const auto hand_on = [&] {
    if (!batch || batch->records.empty())
      return;
    counts.records += batch->records.size();
    batch->bytes.reserve(batch->bytes.size() + ingest::json_decoder::padding);
    const auto events = normalizer.normalize(std::move(batch));
    counts.events += events->events.size();
    counts.quarantined += events->quarantined.size();
    out(*events);
    batch.reset();
  };
  const auto add = [&](std::string_view record, std::uint64_t position) {
    if (batch && (batch->bytes.size() + record.size() > batch_bytes || batch->records.size() >= batch_records))
      hand_on();
    if (!batch)
      start(record.size());
    if (record.find_first_not_of(" \t\r\n") != std::string_view::npos)
      batch->add(record, position);
  };
  ingest::record_assembler assembler;
  std::string chunk;
  while (true) {
    const auto more = reader->next(chunk);
    counts.bytes += chunk.size();
    if (!chunk.empty())
      assembler.feed(chunk, add);
    if (!more) {
      std::cerr << path << ": " << more.error().what << '\n';
      counts.failed = true;
      break;
    }
    if (!*more)
      break;
  }
  assembler.flush(add);
  hand_on();
  return counts;
}

} // namespace soc::cli
