// soc normalize: any known log format in, one OCSF or ECS line an event out.
#include "base/json_writer.hpp"
#include "ingest/core/ecs_render.hpp"
#include "tools/soc/commands.hpp"
#include "tools/soc/mapping_support.hpp"

#include <chrono>
#include <ctime>
#include <fstream>
#include <iostream>
#include <sys/resource.h>

namespace soc::cli {

namespace {

struct normalize_options {
  std::vector<std::string> files, mappings;
  std::string as = "ocsf", source, quarantine;
  bool stats = false;
};

void write_quarantined(std::ostream& out, const model::event_batch& batch) {
  for (const auto& q : batch.quarantined) {
    std::string line;
    json_writer w(line);
    const auto& raw = batch.raw->records[q.record_index];
    w.begin_object()
        .key("file")
        .string(batch.raw->origin)
        .key("position")
        .integer(static_cast<std::int64_t>(raw.position));
    w.key("reason").string(q.reason).key("byte_offset").integer(q.byte_offset).key("mapping").string(q.mapping);
    w.key("raw").string(batch.raw->record(q.record_index)).end_object();
    out << line << '\n';
  }
}

/// Processor time of the process, user and system.
double cpu_seconds_now() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

void print_stats(const file_counts& total, const loaded_mappings& loaded, double seconds, double cpu_seconds) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::string line;
  json_writer w(line);
  w.begin_object().key("mappings").integer(static_cast<std::int64_t>(loaded.set->mappings().size()));
  w.key("records")
      .integer(static_cast<std::int64_t>(total.records))
      .key("events")
      .integer(static_cast<std::int64_t>(total.events));
  w.key("quarantined").integer(static_cast<std::int64_t>(total.quarantined)).key("seconds").real(seconds);
  w.key("cpu_seconds").real(cpu_seconds);
  w.key("records_per_s").real(static_cast<double>(total.records) / seconds);
  w.key("bytes_per_s").real(static_cast<double>(total.bytes) / seconds);
  w.key("peak_rss_bytes").integer(usage.ru_maxrss * 1024L).end_object();
  std::cerr << line << '\n';
}

int run_normalize(const normalize_options& options) {
  const auto loaded = load_mappings(options.mappings);
  print_diagnostics(loaded.found);
  if (!loaded.set)
    return 2;
  auto context = std::make_shared<model::connector_context>();
  context->connector = "cli";
  if (!options.source.empty()) {
    const auto slash = options.source.find('/');
    context->vendor = options.source.substr(0, slash);
    context->product = slash == std::string::npos ? context->vendor : options.source.substr(slash + 1);
    if (loaded.set->find(context->vendor, context->product) == nullptr) {
      std::cerr << "no mapping " << options.source << "; `soc mapping list` shows them\n";
      return 2;
    }
  }
  std::ofstream quarantine;
  if (!options.quarantine.empty()) {
    quarantine.open(options.quarantine, std::ios::trunc);
    if (!quarantine) {
      std::cerr << options.quarantine << ": can't be written\n";
      return 2;
    }
  }
  ingest::normalizer normalizer(loaded.set, loaded.names, {.keep_unknown = true, .eager = true});
  ingest::ecs_renderer ecs;
  file_counts total;
  const auto started = std::chrono::steady_clock::now();
  const double cpu_before = cpu_seconds_now();
  std::string lines;
  for (const auto& file : options.files) {
    const auto counts = normalize_file(file, context, normalizer, [&](model::event_batch& batch) {
      for (const auto& event : batch.events) {
        if (options.as == "none")
          break;
        lines += options.as == "ecs" ? ecs.render(batch, event) : ingest::to_ocsf_json(batch, event);
        lines += '\n';
      }
      std::cout.write(lines.data(), static_cast<std::streamsize>(lines.size()));
      lines.clear();
      if (quarantine.is_open())
        write_quarantined(quarantine, batch);
    });
    total.records += counts.records;
    total.bytes += counts.bytes;
    total.events += counts.events;
    total.quarantined += counts.quarantined;
    total.failed = total.failed || counts.failed;
  }
  if (quarantine.is_open() && !quarantine.flush()) {
    std::cerr << options.quarantine << ": can't be written\n";
    total.failed = true;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  if (options.stats)
    print_stats(total, loaded, seconds, cpu_seconds_now() - cpu_before);
  if (total.quarantined > 0)
    std::cerr << total.quarantined << " of " << total.records << " records quarantined"
              << (options.quarantine.empty() ? "; --quarantine FILE keeps them with their reasons\n" : "\n");
  return total.failed || total.quarantined > 0 ? 1 : 0;
}

} // namespace

void add_normalize(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<normalize_options>();
  auto* command = app.add_subcommand("normalize", "any known log format in, OCSF (or ECS) JSON lines out");
  command->add_option("files", options->files, "log files; - is standard input")->required();
  command->add_option("--as", options->as, "ocsf or ecs; none: only read and map, as the node does")
      ->check(CLI::IsMember({"ocsf", "ecs", "none"}));
  command->add_option("--source", options->source, "VENDOR/PRODUCT: do not detect the format");
  command->add_option("--quarantine", options->quarantine, "JSON lines of what could not be mapped, and why");
  command->add_option("--mappings", options->mappings, "folders or mapping.yaml files instead of those that ship");
  command->add_flag("--stats", options->stats, "one JSON line of counts on standard error");
  command->callback([options, &exit_code] { exit_code = run_normalize(*options); });
}

} // namespace soc::cli
