// soc mapping: list, try, test, coverage, drift and new - for the people who write mappings (docs/mapping.md).
#include "ingest/core/mapping.hpp"
#include "ingest/core/ocsf_validation.hpp"
#include "tools/soc/commands.hpp"
#include "tools/soc/data_root.hpp"
#include "tools/soc/mapping_proposal.hpp"
#include "tools/soc/mapping_support.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <set>

namespace soc::cli {

namespace {

namespace fs = std::filesystem;
using json = nlohmann::json;

/// Samples are read as if received at this moment: results never change with the day.
constexpr unix_ns sample_time = 1'767'225'600 * ns_per_s; // 2026-01-01T00:00:00Z

struct mapping_options {
  std::vector<std::string> paths;
  std::string mapping, file, vendor = "vendor", product = "product";
  bool write = false;
};

std::shared_ptr<model::connector_context> context_of(const ingest::mapping* m) {
  auto context = std::make_shared<model::connector_context>();
  context->connector = "sample";
  if (m != nullptr) {
    context->vendor = m->vendor;
    context->product = m->product;
  }
  return context;
}

std::vector<fs::path> sample_files(const ingest::mapping& m) {
  std::vector<fs::path> files;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(fs::path(m.file).parent_path() / "samples", code))
    if (entry.is_regular_file())
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

/// The events and the quarantined records of a sample, by the mappings at hand. `detect`: the product is not told.
struct sample_result {
  std::vector<json> events;
  std::vector<std::string> types, quarantined;
  std::map<std::string, int> unused; ///< native names no rule used
  std::size_t fields = 0;
};

sample_result run_sample(const fs::path& file, const ingest::mapping* told, ingest::normalizer& normalizer) {
  sample_result result;
  normalize_file(file.string(), context_of(told), normalizer,
                 [&](model::event_batch& batch) {
                   const auto* set = static_cast<const ingest::mapping_set*>(batch.types.get());
                   for (const auto& ev : batch.events) {
                     result.events.push_back(json::parse(ingest::to_ocsf_json(batch, ev)));
                     result.types.push_back(ev.type->vendor + "/" + ev.type->product + ":" + ev.type->name);
                     const auto& consumed = set->type_of(ev.type)->consumed;
                     for (const auto& s : ev.native) {
                       ++result.fields;
                       if (s.id >= consumed.size() || !consumed[s.id])
                         ++result.unused[std::string(s.name())];
                     }
                   }
                   for (const auto& q : batch.quarantined)
                     result.quarantined.push_back(
                         fmt::format("record {}: byte {}: {}", q.record_index, q.byte_offset, q.reason));
                 },
                 {file.filename().string(), sample_time});
  return result;
}

void flatten_json(const json& value, const std::string& path, std::map<std::string, std::string>& out) {
  if (value.is_object())
    for (const auto& [name, member] : value.items())
      flatten_json(member, path.empty() ? name : path + "." + name, out);
  else if (value.is_array())
    for (std::size_t i = 0; i < value.size(); ++i)
      flatten_json(value[i], fmt::format("{}[{}]", path, i), out);
  else
    out[path] = value.dump();
}

/// Differences of two events, field by field, to standard output.
int print_differences(const std::string& where, const json& want, const json& got) {
  std::map<std::string, std::string> a, b;
  flatten_json(want, "", a);
  flatten_json(got, "", b);
  int differences = 0;
  const auto line = [&](const std::string& field, const std::string& expected, const std::string& found) {
    ++differences;
    std::cout << where << ": " << field << ": expected " << expected << ", got " << found << '\n';
  };
  for (const auto& [field, value] : a) {
    const auto it = b.find(field);
    if (it == b.end())
      line(field, value, "nothing");
    else if (it->second != value)
      line(field, value, it->second);
  }
  for (const auto& [field, value] : b)
    if (!a.contains(field))
      line(field, "nothing", value);
  return differences;
}

std::vector<json> read_expected(const fs::path& file) {
  std::vector<json> events;
  std::ifstream in(file);
  for (std::string text; std::getline(in, text);)
    if (!text.empty())
      events.push_back(json::parse(text, nullptr, false));
  return events;
}

/// One sample against what is expected of it; the number of things wrong.
int test_sample(const fs::path& file, const ingest::mapping& m, const ingest::ocsf_schema& schema,
                ingest::normalizer& normalizer, bool write) {
  const auto result = run_sample(file, nullptr, normalizer);
  int wrong = 0;
  const auto where = m.vendor + "/" + m.product + "/" + file.filename().string();
  const auto say = [&](const std::string& what) {
    ++wrong;
    std::cout << where << ": " << what << '\n';
  };
  for (const auto& q : result.quarantined)
    say("quarantined: " + q);
  for (std::size_t i = 0; i < result.events.size(); ++i) {
    if (result.types[i].rfind(m.vendor + "/" + m.product + ":", 0) != 0)
      say(fmt::format("record {}: taken by {}", i, result.types[i]));
    for (const auto& problem : ingest::validate_ocsf(schema, result.events[i]))
      say(fmt::format("record {} ({}): invalid: {}", i, result.types[i], problem));
  }
  const auto expected_file = fs::path(m.file).parent_path() / "expected" / (file.filename().string() + ".json");
  if (!fs::exists(expected_file)) {
    if (!write) {
      say("no expected/" + expected_file.filename().string() + ": write it, or look at what `--write` makes");
      return wrong;
    }
    fs::create_directories(expected_file.parent_path());
    std::ofstream out(expected_file);
    for (const auto& event : result.events)
      out << event.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
    std::cerr << "wrote " << expected_file.string() << '\n';
    return wrong;
  }
  const auto expected = read_expected(expected_file);
  if (expected.size() != result.events.size())
    say(fmt::format("{} events, {} expected", result.events.size(), expected.size()));
  for (std::size_t i = 0; i < std::min(expected.size(), result.events.size()); ++i)
    wrong += print_differences(fmt::format("{}: record {}", where, i), expected[i], result.events[i]);
  return wrong;
}

bool is_below(const std::string& file, const std::vector<std::string>& paths) {
  if (paths.empty())
    return true;
  const auto full = fs::weakly_canonical(file).string();
  return std::any_of(paths.begin(), paths.end(),
                     [&](const std::string& p) { return full.rfind(fs::weakly_canonical(p).string(), 0) == 0; });
}

/// Those that ship, and the folders asked for if they lie elsewhere.
loaded_mappings load_with(const std::vector<std::string>& paths) {
  const auto shipped = data_root() + "/connectors/vendors";
  std::vector<std::string> folders{shipped};
  for (const auto& p : paths)
    if (!is_below(p, {shipped}))
      folders.push_back(p);
  return load_mappings(folders);
}

/// Problems of the mappings asked for, and of what all of them need (the tables of OCSF and ECS).
diagnostics of_paths(const diagnostics& all, const std::vector<std::string>& paths) {
  diagnostics out;
  for (const auto& d : all.all())
    if (fs::path(d.place.file).filename() != "mapping.yaml" || is_below(d.place.file, paths))
      d.level == diagnostic_level::error ? out.error(d.code, d.place, d.message, d.hint)
                                         : out.warning(d.code, d.place, d.message, d.hint);
  return out;
}

int run_test(const mapping_options& options) {
  const auto loaded = load_with(options.paths);
  // A broken mapping is its own product's failure, not that of every product tested.
  const auto found = of_paths(loaded.found, options.paths);
  print_diagnostics(found);
  if (!loaded.set)
    return 2;
  ingest::normalizer normalizer(loaded.set, loaded.names, {.keep_unknown = true, .eager = true});
  int wrong = static_cast<int>(found.errors()), samples = 0, products = 0;
  for (const auto& m : loaded.set->mappings()) {
    if (!is_below(m->file, options.paths))
      continue;
    ++products;
    const auto files = sample_files(*m);
    if (files.empty()) {
      std::cout << m->vendor << "/" << m->product << ": no samples\n";
      ++wrong;
    }
    for (const auto& file : files) {
      ++samples;
      wrong += test_sample(file, *m, *loaded.set->inside().schema, normalizer, options.write);
    }
  }
  std::cerr << products << " products, " << samples << " samples, " << wrong << " things wrong\n";
  return wrong == 0 ? 0 : 1;
}

int run_try(const mapping_options& options) {
  const auto loaded = load_mappings({options.mapping});
  print_diagnostics(loaded.found);
  if (!loaded.set || loaded.set->mappings().empty())
    return loaded.set ? 1 : 2;
  ingest::normalizer normalizer(loaded.set, loaded.names, {.keep_unknown = true, .eager = true});
  const auto& schema = *loaded.set->inside().schema;
  bool failed = false;
  normalize_file(options.file, context_of(loaded.set->mappings().front().get()), normalizer,
                 [&](model::event_batch& batch) {
                   for (const auto& ev : batch.events) {
                     std::cout << "input    " << ev.raw.substr(0, 2000) << "\ntype     " << ev.type->name << '\n';
                     for (const auto& s : ev.native)
                       std::cout << "  "
                                 << (s.id < loaded.set->type_of(ev.type)->consumed.size() &&
                                             loaded.set->type_of(ev.type)->consumed[s.id]
                                         ? ' '
                                         : '?')
                                 << ' ' << s.name() << " = " << s.data.to_text() << '\n';
                     const auto event = json::parse(ingest::to_ocsf_json(batch, ev));
                     std::cout << "record   " << event.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
                     for (const auto& problem : ingest::validate_ocsf(schema, event)) {
                       failed = true;
                       std::cout << "invalid  " << problem << '\n';
                     }
                     std::cout << '\n';
                   }
                   for (const auto& q : batch.quarantined) {
                     failed = true;
                     std::cout << "input    " << batch.raw->record(q.record_index).substr(0, 2000)
                               << "\nquarantined at byte " << q.byte_offset << ": " << q.reason << "\n\n";
                   }
                 });
  return failed ? 1 : 0;
}

/// What the mappings do not expect in logs: fields, time zones, times.
int run_drift(const mapping_options& options) {
  const auto loaded = load_with({});
  if (!loaded.set)
    return 2;
  ingest::normalizer normalizer(loaded.set, loaded.names, {.keep_unknown = true, .eager = true});
  for (const auto& file : options.paths)
    normalize_file(file, context_of(nullptr), normalizer, [](model::event_batch&) {});
  const auto drift = normalizer.take_drift();
  for (const auto& d : drift)
    std::cout << fmt::format("{}/{}:{}\t{}\t{}\t{}\n", d.type->vendor, d.type->product, d.type->name,
                             ingest::name_of(d.kind), d.name, d.records);
  return drift.empty() ? 0 : 1;
}

int run_coverage(const mapping_options& options) {
  const auto loaded = load_with(options.paths);
  if (!loaded.set)
    return 2;
  ingest::normalizer normalizer(loaded.set, loaded.names, {.keep_unknown = true, .eager = true});
  for (const auto& m : loaded.set->mappings()) {
    if (!is_below(m->file, options.paths))
      continue;
    for (const auto& file : sample_files(*m)) {
      const auto r = run_sample(file, nullptr, normalizer);
      std::size_t unused = 0;
      for (const auto& [name, count] : r.unused)
        unused += static_cast<std::size_t>(count);
      const double used =
          r.fields == 0 ? 0 : 100.0 * static_cast<double>(r.fields - unused) / static_cast<double>(r.fields);
      std::cout << fmt::format("{:5.1f}%  {}/{}  {}  {} events  unused:", used, m->vendor, m->product,
                               file.filename().string(), r.events.size());
      for (const auto& [name, count] : r.unused)
        std::cout << ' ' << name;
      std::cout << '\n';
    }
  }
  return 0;
}

int run_list() {
  const auto loaded = load_mappings();
  print_diagnostics(loaded.found);
  if (!loaded.set)
    return 2;
  for (const auto& m : loaded.set->mappings()) {
    std::string types;
    for (const auto& type : m->types)
      types += (types.empty() ? "" : " ") + type->log.name;
    std::cout << fmt::format("{}/{}\t{}\t{}\t{}\n", m->vendor, m->product, m->confidence, m->title, types);
  }
  return loaded.found.errors() == 0 ? 0 : 1;
}

int run_new(const mapping_options& options) {
  const auto proposal = propose_mapping(options.file, options.vendor, options.product);
  if (!proposal) {
    std::cerr << proposal.error().what << '\n';
    return 1;
  }
  std::cout << *proposal;
  return 0;
}

} // namespace

void add_mapping(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<mapping_options>();
  auto* command = app.add_subcommand("mapping", "write and check the mappings of log formats (docs/mapping.md)");
  command->require_subcommand(1);
  command->add_subcommand("list", "the products known, how sure each mapping is, its types")->callback([&exit_code] {
    exit_code = run_list();
  });
  auto* attempt =
      command->add_subcommand("try", "what a mapping makes of a file: input, fields (? = not used), record");
  attempt->add_option("mapping", options->mapping, "mapping.yaml")->required();
  attempt->add_option("file", options->file, "logs; - is standard input")->required();
  attempt->callback([options, &exit_code] { exit_code = run_try(*options); });
  auto* test =
      command->add_subcommand("test", "samples against what is expected, field by field, and against the schema");
  test->add_option("paths", options->paths, "folders; none: all that ship");
  test->add_flag("--write", options->write, "write what is expected where there is none yet");
  test->callback([options, &exit_code] { exit_code = run_test(*options); });
  auto* coverage = command->add_subcommand("coverage", "how much of each sample the rules use");
  coverage->add_option("paths", options->paths, "folders; none: all that ship");
  coverage->callback([options, &exit_code] { exit_code = run_coverage(*options); });
  auto* drift = command->add_subcommand("drift", "fields, time zones and times of logs that no mapping expects");
  drift->add_option("files", options->paths, "logs")->required();
  drift->callback([options, &exit_code] { exit_code = run_drift(*options); });
  auto* propose = command->add_subcommand("new", "propose a mapping.yaml for logs of an unknown format");
  propose->add_option("file", options->file, "logs")->required();
  propose->add_option("--vendor", options->vendor, "vendor's name");
  propose->add_option("--product", options->product, "product's name");
  propose->callback([options, &exit_code] { exit_code = run_new(*options); });
}

} // namespace soc::cli
