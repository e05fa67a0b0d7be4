// bench_normalize FILE... : records of each file through the normalizer on one thread, processor time only. Prints what
// framing alone, framing + mapping and framing + mapping + OCSF JSON take (medians of RUNS, default 5; the
// environment's RUNS changes it), and for JSON a bare simdjson walk over every key and value of the same bytes.
#include "cpu_clock.hpp"
#include "ingest/core/json_decoder.hpp"
#include "ingest/core/normalizer.hpp"
#include "ingest/core/record_assembler.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

using namespace soc;

namespace {

std::size_t runs() {
  const char* text = std::getenv("RUNS");
  return text == nullptr ? 5 : static_cast<std::size_t>(std::max(1, std::atoi(text)));
}

template <class Work>
double median_seconds(const Work& work) {
  std::vector<double> all;
  for (std::size_t i = 0; i < runs(); ++i) {
    const double before = cpu_seconds();
    work();
    all.push_back(cpu_seconds() - before);
  }
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

using batches = std::vector<std::shared_ptr<model::raw_batch>>;

/// As sources hand them on: up to a mebibyte or 4,096 records.
template <class Take>
void frame(const std::string& text, const std::shared_ptr<const model::connector_context>& context, const Take& take) {
  constexpr std::size_t most_bytes = 1 << 20, chunk = 256 * 1024;
  std::shared_ptr<model::raw_batch> batch;
  const auto add = [&](std::string_view record, std::uint64_t position) {
    if (batch && (batch->bytes.size() + record.size() > most_bytes || batch->records.size() >= 4096))
      take(std::exchange(batch, nullptr));
    if (!batch) {
      batch = std::make_shared<model::raw_batch>();
      batch->context = context;
      batch->origin = "bench";
      batch->received_at = 1'760'000'000'000'000'000;
      batch->bytes.reserve(most_bytes + most_bytes / 4 + ingest::json_decoder::padding);
    }
    batch->add(record, position);
  };
  ingest::record_assembler assembler;
  for (std::size_t at = 0; at < text.size(); at += chunk)
    assembler.feed(std::string_view(text).substr(at, chunk), add);
  assembler.flush(add);
  if (batch)
    take(std::move(batch));
}

std::size_t walk_value(simdjson::ondemand::value value) {
  namespace od = simdjson::ondemand;
  const od::json_type type = value.type();
  std::size_t touched = 1;
  if (type == od::json_type::object) {
    for (auto field : value.get_object()) {
      touched += std::string_view(field.unescaped_key()).size();
      touched += walk_value(field.value());
    }
  } else if (type == od::json_type::array) {
    for (auto item : value.get_array())
      touched += walk_value(item.value());
  } else if (type == od::json_type::string) {
    touched += std::string_view(value.get_string()).size();
  } else if (type == od::json_type::number) {
    touched += value.get_number().error() ? 0 : 1;
  } else if (type == od::json_type::boolean) {
    touched += bool(value.get_bool()) ? 1 : 0;
  } else {
    touched += value.is_null() ? 1 : 0;
  }
  return touched;
}

std::size_t walk_all(const batches& all) {
  simdjson::ondemand::parser parser;
  std::size_t touched = 0;
  for (const auto& batch : all)
    for (std::size_t i = 0; i < batch->records.size(); ++i) {
      const auto record = batch->record(i);
      auto document = parser.iterate(record, record.size() + ingest::json_decoder::padding);
      for (auto field : document.get_object()) {
        touched += std::string_view(field.unescaped_key()).size();
        touched += walk_value(field.value());
      }
    }
  return touched;
}

} // namespace

int main(int argc, char** argv) {
  model::field_dictionary names;
  diagnostics found;
  const auto set = ingest::mapping_set::load(ingest::mapping_sources::below(SOC_SOURCE_DIR), names, found);
  if (!set)
    return 2;
  const auto dictionary = std::make_shared<const model::field_dictionary>(std::move(names));
  const auto context = std::make_shared<model::connector_context>();
  std::printf("| File | Records | Bytes | framing | + map | + write | bare walk |\n|---|---|---|---|---|---|---|\n");
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    ingest::normalizer normalizer(set, dictionary, {.keep_unknown = true, .eager = true});
    batches all;
    frame(text, context, [&](auto batch) { all.push_back(std::move(batch)); });
    std::size_t records = 0, quarantined = 0, written = 0;
    for (const auto& batch : all)
      records += batch->records.size();
    const auto rate = [&](double seconds) { return static_cast<double>(records) / seconds / 1000; };
    const double framing = median_seconds([&] { frame(text, context, [](auto) {}); });
    const double mapping = median_seconds([&] {
      frame(text, context,
            [&](auto batch) { quarantined = normalizer.normalize(std::move(batch))->quarantined.size(); });
    });
    const double writing = std::getenv("NO_WRITE") != nullptr ? 1 : median_seconds([&] {
      frame(text, context, [&](auto batch) {
        const auto events = normalizer.normalize(std::move(batch));
        for (const auto& event : events->events)
          written += ingest::to_ocsf_json(*events, event).size();
      });
    });
    const double walk = text.starts_with("{") ? median_seconds([&] { written += walk_all(all); }) : 0;
    std::printf("| %s | %zu | %.0f | %.0f k/s | %.0f k/s, %.0f MB/s | %.0f k/s | %.0f k/s |%s\n", argv[i], records,
                static_cast<double>(text.size()) / static_cast<double>(records), rate(framing), rate(mapping),
                static_cast<double>(text.size()) / mapping / 1e6, rate(writing), walk > 0 ? rate(walk) : 0.0,
                quarantined > 0 ? " some quarantined"
                : written == 1  ? " "
                                : "");
    std::fflush(stdout);
  }
  return 0;
}
