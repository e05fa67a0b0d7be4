// `soc lake status|search|export|detect|load|check DIR`: the event store without a node, or beside one that runs:
// reading changes nothing. Events go out as OCSF JSON lines, which DuckDB, ClickHouse and Trino read.
#include "base/json_writer.hpp"
#include "lake/event_export.hpp"
#include "lake/segment_writer.hpp"
#include "node/event_conditions.hpp"
#include "tools/soc/commands.hpp"
#include "tools/soc/data_root.hpp"
#include "tools/soc/mapping_support.hpp"
#include "tools/soc/stored_detection.hpp"

#include <fmt/format.h>

#include <iostream>
#include <map>
#include <sys/resource.h>

namespace soc::cli {

namespace {

struct lake_options {
  std::string directory, condition, logsource;
  stored_range range; ///< its tenant is also whose the files to load are
  std::vector<std::string> files, mappings, rules;
  std::size_t limit = 100, segment_mib = 256;
  int level = 3;
  bool stats = false;
};

using steady = std::chrono::steady_clock;

double seconds_since(steady::time_point began) {
  return std::chrono::duration<double>(steady::now() - began).count();
}

std::shared_ptr<lake::catalog> look_at(const std::string& directory) {
  auto store = lake::catalog::look(directory);
  if (!store) {
    std::cerr << "soc lake: " << store.error().what << '\n';
    return nullptr;
  }
  for (const auto& problem : (*store)->repaired())
    std::cerr << "soc lake: " << problem << '\n';
  return *store;
}

result<lake::event_query> lake_question(const lake_options& o) {
  auto asked = o.range.question();
  if (asked)
    asked->limit = o.limit;
  return asked;
}

/// What a search or an export works with.
struct lake_desk {
  std::shared_ptr<lake::catalog> store;
  lake::event_query asked;
  lake::event_condition condition;
  lake::event_reading reading;

  static std::optional<lake_desk> open(const lake_options& o) {
    lake_desk out;
    out.store = look_at(o.directory);
    const auto loaded = load_mappings(o.mappings);
    print_diagnostics(loaded.found);
    if (!out.store || !loaded.set)
      return std::nullopt;
    out.reading = node::reading_with(loaded.set, loaded.names);
    auto asked = lake_question(o);
    auto condition = o.condition.empty() ? result<lake::event_condition>(lake::event_condition{})
                                         : node::compile_condition(o.condition, o.logsource,
                                                                   data_root() + "/rules/fields", *loaded.names);
    if (!asked || !condition) {
      std::cerr << "soc lake: " << (asked ? condition.error().what : asked.error().what) << '\n';
      return std::nullopt;
    }
    out.asked = std::move(*asked);
    out.condition = std::move(*condition);
    return out;
  }
};

int lake_status_of(const lake_options& o) {
  const auto store = look_at(o.directory);
  if (!store)
    return 2;
  const auto s = store->status();
  std::string line;
  json_writer json(line);
  json.begin_object();
  const auto number = [&](const char* name, std::uint64_t n) { json.key(name).integer(static_cast<std::int64_t>(n)); };
  number("segments", s.segments);
  number("open_segments", s.open_segments);
  number("blocks", s.blocks);
  number("events", s.rows);
  number("raw_bytes", s.raw_bytes);
  number("bytes", s.bytes);
  json.key("first").string(s.first == 0 ? "" : format_rfc3339(s.first));
  json.key("last").string(s.last == 0 ? "" : format_rfc3339(s.last)).end_object();
  std::cout << line << '\n';
  return 0;
}

void print_problems(const std::vector<std::string>& problems) {
  for (const auto& problem : problems)
    std::cerr << "soc lake: " << problem << '\n';
}

int search_lake(const lake_options& o) {
  auto desk = lake_desk::open(o);
  if (!desk)
    return 2;
  const auto began = steady::now();
  lake::event_search search(*desk->store, desk->asked, desk->condition, desk->reading);
  while (search.step()) {
  }
  const auto found = search.finish(true);
  const auto took = seconds_since(began);
  for (const auto& e : found.all)
    std::cout << e.json << '\n';
  print_problems(found.problems);
  if (o.stats)
    std::cerr << fmt::format(
                     R"({{"found":{},"events":{},"blocks":{},"blocks_read":{},"rows_tested":{},"seconds":{:.4f}}})",
                     found.all.size(), found.rows_stored, found.blocks, found.blocks_read, found.rows_tested, took)
              << '\n';
  return found.problems.empty() ? 0 : 1;
}

int export_lake(const lake_options& o) {
  auto desk = lake_desk::open(o);
  if (!desk)
    return 2;
  const auto began = steady::now();
  std::string lines;
  const auto counts = lake::export_events(*desk->store, desk->asked, desk->condition, desk->reading,
                                          [&](const lake::restored_batch& found) {
                                            lines.clear();
                                            for (const auto& ev : found.batch->events)
                                              lines += desk->reading.render(*found.batch, ev, found.known) + '\n';
                                            std::cout.write(lines.data(), static_cast<std::streamsize>(lines.size()));
                                            return static_cast<bool>(std::cout);
                                          });
  std::cout.flush();
  print_problems(counts.problems);
  if (o.stats)
    std::cerr << fmt::format(R"({{"events":{},"blocks":{},"rows_tested":{},"seconds":{:.4f}}})", counts.events,
                             counts.blocks, counts.rows_tested, seconds_since(began))
              << '\n';
  return counts.problems.empty() ? 0 : 1;
}

/// Writes files into a store, as a node would: blocks, commits, sealed segments.
class lake_loading {
public:
  lake_loading(std::shared_ptr<lake::catalog> store, const lake_options& o)
      : store_(store), level_(o.level), writer_(store, 0, sizes(o), limits(o), {}) {}

  bool take(std::shared_ptr<model::event_batch> batch) {
    waiting_bytes_ += batch->raw->bytes.size();
    group_.push_back(std::move(batch));
    return waiting_bytes_ < (8U << 20) || commit();
  }
  bool finish() { return commit() && seal(); }

  lake::store_counts counts;

private:
  static lake::block_sizes sizes(const lake_options& o) {
    lake::block_sizes out;
    out.level = o.level;
    return out;
  }
  static lake::segment_limits limits(const lake_options& o) {
    lake::segment_limits out;
    out.bytes = static_cast<std::uint64_t>(o.segment_mib) << 20;
    return out;
  }

  bool commit() {
    if (group_.empty())
      return true;
    const auto now = system_clock_source().now();
    const auto did = writer_.store(group_, now);
    group_.clear();
    waiting_bytes_ = 0;
    if (!did)
      return report(did.error());
    counts.events += did->events;
    counts.raw_bytes += did->raw_bytes;
    return !writer_.is_due(now) || seal();
  }

  bool seal() {
    const auto name = writer_.end();
    const auto open = name.empty() ? nullptr : store_->find(name);
    if (!open)
      return true;
    lake::block_sizes sizes;
    sizes.level = level_;
    auto sealed = lake::seal(store_->directory(), *open, sizes);
    if (!sealed)
      return report(sealed.error());
    counts.bytes += sealed->bytes;
    store_->seal(std::move(*sealed));
    std::error_code ignored;
    std::filesystem::remove(lake::path_of(store_->directory(), name, false), ignored);
    return true;
  }

  static bool report(const failure& why) {
    std::cerr << "soc lake: " << why.what << '\n';
    return false;
  }

  std::shared_ptr<lake::catalog> store_;
  int level_;
  lake::segment_writer writer_;
  std::vector<std::shared_ptr<model::event_batch>> group_;
  std::uint64_t waiting_bytes_ = 0;
};

int load_lake(const lake_options& o) {
  const auto loaded = load_mappings(o.mappings);
  print_diagnostics(loaded.found);
  auto store = lake::catalog::open(o.directory);
  if (!loaded.set || !store) {
    if (!store)
      std::cerr << "soc lake: " << store.error().what << '\n';
    return 2;
  }
  auto context = std::make_shared<model::connector_context>();
  context->connector = "lake-load";
  if (!o.range.tenant.empty())
    context->tenant = o.range.tenant;
  ingest::normalizer normalizer(loaded.set, loaded.names, {.keep_unknown = true, .eager = true});
  lake_loading loading(*store, o);
  const auto began = steady::now();
  bool fine = true;
  double storing = 0;
  for (const auto& file : o.files) {
    const auto counts = normalize_file(file, context, normalizer, [&](model::event_batch& batch) {
      const auto at = steady::now();
      fine = fine && loading.take(std::make_shared<model::event_batch>(std::move(batch)));
      storing += seconds_since(at);
    });
    fine = fine && !counts.failed;
  }
  const auto at = steady::now();
  fine = loading.finish() && fine;
  storing += seconds_since(at);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto& c = loading.counts;
  std::cerr
      << fmt::format(
             R"({{"events":{},"raw_bytes":{},"bytes":{},"seconds":{:.3f},"storing_s":{:.3f},"raw_bytes_per_s":{:.0f},"bytes_per_event":{:.1f},"peak_rss_bytes":{}}})",
             c.events, c.raw_bytes, c.bytes, seconds_since(began), storing,
             static_cast<double>(c.raw_bytes) / std::max(storing, 1e-9),
             static_cast<double>(c.bytes) / static_cast<double>(std::max<std::uint64_t>(c.events, 1)),
             usage.ru_maxrss * 1024L)
      << '\n';
  return fine ? 0 : 1;
}

int check_lake(const lake_options& o) {
  const auto store = look_at(o.directory);
  if (!store)
    return 2;
  std::uint64_t blocks = 0, damaged = 0;
  for (const auto& s : store->all()) {
    const auto file = lake::mapped_file::open(lake::path_of(o.directory, s->name, s->sealed), s->bytes);
    for (const auto& entry : s->index.blocks) {
      auto block = file ? lake::block_reader::open((*file)->bytes().substr(entry.offset, entry.length))
                        : result<lake::block_reader>(file.error());
      const auto whole = block ? block->verify() : outcome(block.error());
      ++blocks;
      if (whole)
        continue;
      ++damaged;
      std::cout << s->name << " block at " << entry.offset << ": " << whole.error().what << '\n';
    }
  }
  std::cerr << fmt::format("{} blocks, {} damaged\n", blocks, damaged);
  return damaged == 0 && store->repaired().empty() ? 0 : 1;
}

void print_detection_stats(const stored_alerts& raised, double seconds) {
  std::cerr << fmt::format(R"({{"rules":{},"events":{},"alerts":{},"seconds":{:.3f}}})", raised.rules,
                           raised.read.events, raised.alerts.size(), seconds)
            << '\n';
  std::map<std::string, std::uint64_t> by_title;
  for (const auto& a : raised.alerts)
    ++by_title[a->title];
  for (const auto& [title, count] : by_title)
    std::cerr << fmt::format("{:>8}  {}\n", count, title);
}

int detect_lake(const lake_options& o) {
  const auto asked = lake_question(o);
  if (!asked) {
    std::cerr << "soc lake: " << asked.error().what << '\n';
    return 2;
  }
  const auto began = steady::now();
  const auto raised = detect_stored(o.directory, {o.rules, data_root() + "/rules/fields", {}, 0}, *asked);
  if (!raised)
    return 2;
  for (const auto& a : raised->alerts)
    std::cout << model::to_ocsf_json(*a) << '\n';
  if (o.stats)
    print_detection_stats(*raised, seconds_since(began));
  return raised->read.problems.empty() ? 0 : 1;
}

void add_range(CLI::App& command, lake_options& o) {
  o.range.add_to(command);
  command.add_flag("--stats", o.stats, "counts on standard error");
}

void add_question(CLI::App& command, lake_options& o) {
  command.add_option("condition", o.condition, "Sigma: 'EventID: 4625', a word, a whole detection");
  add_range(command, o);
  command.add_option("--logsource", o.logsource, "PRODUCT/CATEGORY/SERVICE whose field names the condition uses");
  command.add_option("--mappings", o.mappings, "folders or mapping.yaml files instead of those that ship");
}

} // namespace

void add_lake(CLI::App& app, int& exit_code) {
  auto o = std::make_shared<lake_options>();
  auto* lake = app.add_subcommand("lake", "the event store on the disk, without a node");
  lake->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, int (*run)(const lake_options&)) {
    auto* command = lake->add_subcommand(name, help);
    command->add_option("directory", o->directory, "the store: <data_dir>/events")->required();
    command->callback([o, run, &exit_code] { exit_code = run(*o); });
    return command;
  };
  add("status", "how much is in it, one JSON line", lake_status_of);
  add("check", "every block against its checksums", check_lake);
  auto* search = add("search", "the newest events that fit, OCSF JSON lines", search_lake);
  add_question(*search, *o);
  search->add_option("--limit", o->limit, "at most so many");
  add_question(*add("export", "all events that fit, OCSF JSON lines", export_lake), *o);
  auto* detect = add("detect", "rules over stored events: OCSF Detection Findings in order of time", detect_lake);
  detect->add_option("--rules", o->rules, "rule files and folders")->required();
  add_range(*detect, *o);
  auto* load = add("load", "write log files into it", load_lake);
  load->add_option("files", o->files, "log files; - is standard input")->required();
  load->add_option("--tenant", o->range.tenant, "whose they are");
  load->add_option("--level", o->level, "zstd, 1 to 19")->check(CLI::Range(1, 19));
  load->add_option("--segment-mib", o->segment_mib, "raw bytes of a segment")->check(CLI::Range(1, 4096));
  load->add_option("--mappings", o->mappings, "folders or mapping.yaml files instead of those that ship");
}

} // namespace soc::cli
