// tools/soc/intel_command.cpp - soc intel check|lookup: what is in indicator sources, and what they know of a value.
#include "detection/intel_alerts.hpp"
#include "intel/intel_files.hpp"
#include "tools/soc/commands.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <iostream>
#include <memory>

namespace soc::cli {

namespace {

struct intel_options {
  std::vector<std::string> paths, values;
  bool json = false;
};

nlohmann::json counts_of(const intel::loaded_source& source, const intel::indicator_counts& counts) {
  nlohmann::json out{{"source", source.name}, {"files", source.files}, {"indicators", counts.total()}};
  for (std::size_t kind = 0; kind < intel::kind_count; ++kind)
    out[std::string(intel::to_string(static_cast<intel::indicator_kind>(kind)))] = counts.of_kind[kind];
  out["conjunctions"] = counts.conjunctions;
  out["repeated"] = counts.repeated;
  out["not_understood"] = source.counts.not_understood;
  out["not_for_detection"] = source.counts.not_for_detection;
  out["too_broad"] = source.counts.too_broad;
  return out;
}

void print_counts(const nlohmann::json& row, bool json) {
  if (json) {
    std::cout << row.dump() << '\n';
    return;
  }
  std::string line = fmt::format("{}: {} indicators in {} files", row["source"].get<std::string>(),
                                 row["indicators"].get<std::uint64_t>(), row["files"].get<std::uint64_t>());
  for (const auto* key : {"ip", "domain", "url", "hash", "email", "conjunctions", "repeated", "not_understood",
                          "not_for_detection", "too_broad"})
    if (row[key].get<std::uint64_t>() > 0)
      line += fmt::format(", {} {}", row[key].get<std::uint64_t>(), key);
  std::cout << line << '\n';
}

int check_intel(const intel_options& options) {
  diagnostics found;
  intel::indicator_set_ptr set;
  const auto sources = intel::load_indicators({options.paths, {}, 0}, set, found);
  for (const auto& d : found.all())
    std::cerr << render(d, {});
  for (std::size_t i = 0; i < sources.size(); ++i)
    print_counts(counts_of(sources[i], set->counts()[i]), options.json);
  std::cerr << fmt::format("{} sources, {} indicators in {:.1f} MB, {} errors, {} warnings\n", sources.size(),
                           set->size(), static_cast<double>(set->memory_bytes()) / 1e6, found.errors(),
                           found.warnings());
  return found.errors() == 0 ? 0 : 1;
}

void print_match(const std::string& value, const intel::indicator_set& set, const intel::indicator_match& match,
                 bool json) {
  const auto known = set.view(match.facts);
  const auto until = known.valid_until == 0 ? std::string() : format_rfc3339(known.valid_until);
  if (json)
    std::cout << nlohmann::json{{"value", value},
                                {"indicator", match.indicator},
                                {"kind", std::string(intel::to_string(match.kind))},
                                {"source", known.source->name},
                                {"name", std::string(known.title)},
                                {"confidence", known.confidence},
                                {"valid_until", until}}
                     .dump()
              << '\n';
  else
    std::cout << fmt::format("{}: {} {} of {}{}{}, confidence {}{}\n", value, intel::to_string(match.kind),
                             match.indicator, known.source->name, known.title.empty() ? "" : ": ", known.title,
                             known.confidence, until.empty() ? "" : ", valid until " + until);
}

/// Looks the values up as if one event held each; 1 when nothing is known of any.
int lookup_intel(const intel_options& options) {
  diagnostics found;
  auto what = std::make_shared<intel::intelligence>();
  intel::load_indicators({options.paths, {}, 0}, what->indicators, found);
  for (const auto& d : found.all())
    if (d.level == diagnostic_level::error)
      std::cerr << render(d, {});
  model::field_dictionary names;
  auto fields = std::make_shared<intel::observable_fields>();
  fields->read(parse_yaml("", "observables: {native: {ip: v, domain: v, url: v, hash: v, email: v}}", "INT002", found),
               names, found);
  what->fields = fields;
  intel::indicator_matcher matcher(what);
  bool known = false;
  for (const auto& value : options.values) {
    model::slot slot{names.find("v"), 1, "v", model::value::of_string(value)};
    model::event ev;
    ev.native = {&slot, 1};
    for (const auto& match : matcher.match(ev, system_clock_source().now())) {
      known = true;
      print_match(value, *what->indicators, match, options.json);
    }
  }
  return known ? 0 : 1;
}

CLI::App* add_one_of(CLI::App& intel, const char* name, const char* what, int (*run)(const intel_options&),
                     const std::shared_ptr<intel_options>& options, int& exit_code) {
  auto* command = intel.add_subcommand(name, what);
  command->add_option("-o", "output format")
      ->check(CLI::IsMember({"json", "text"}))
      ->each([options](const std::string& format) { options->json = format == "json"; });
  command->callback([options, run, &exit_code] { exit_code = run(*options); });
  return command;
}

} // namespace

void add_intel(CLI::App& app, int& exit_code) {
  auto* intel = app.add_subcommand("intel", "check indicator sources, look values up in them");
  intel->require_subcommand(1);
  const auto checked = std::make_shared<intel_options>(), asked = std::make_shared<intel_options>();
  add_one_of(*intel, "check", "report what is in sources and what is wrong with them", check_intel, checked, exit_code)
      ->add_option("PATH", checked->paths, "source descriptions, folders of them, indicator files")
      ->required();
  auto* lookup = add_one_of(*intel, "lookup", "what the sources know of values", lookup_intel, asked, exit_code);
  lookup->add_option("--intel", asked->paths, "source descriptions, folders of them, indicator files")
      ->required()
      ->allow_extra_args(false);
  lookup->add_option("VALUE", asked->values, "addresses, domains, urls, hashes, e-mail addresses")->required();
}

} // namespace soc::cli
