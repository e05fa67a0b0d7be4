#include "detection/rule_files.hpp"

#include <algorithm>
#include <filesystem>

namespace soc::detection {

namespace {

namespace fs = std::filesystem;

bool is_rule_file(const fs::path& path) {
  const auto name = path.filename().string();
  return (name.ends_with(".yml") || name.ends_with(".yaml")) && !name.ends_with(".cases.yaml") &&
         !name.ends_with(".cases.yml");
}

/// The YAML files of a folder, parsed.
std::vector<yaml_text> yaml_files(const std::string& folder, const std::string& code, diagnostics& found) {
  std::vector<yaml_text> out;
  for (const auto& file : rule_files_below({folder}, found))
    if (auto text = read_text_file(file, code, found))
      out.push_back(parse_yaml(file, std::move(*text), code, found));
  return out;
}

} // namespace

std::vector<std::string> rule_files_below(const std::vector<std::string>& paths, diagnostics& found) {
  std::vector<std::string> out;
  for (const auto& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      if (!fs::exists(path, error))
        found.error("SIG001", {path, 0, 0}, "no such file or folder", "check the path");
      else
        out.push_back(path);
      continue;
    }
    for (fs::recursive_directory_iterator at(path, fs::directory_options::skip_permission_denied, error), end;
         at != end; at.increment(error))
      if (at->is_regular_file(error) && is_rule_file(at->path()))
        out.push_back(at->path().string());
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

field_tables load_field_tables(const std::string& folder, diagnostics& found) {
  field_tables out;
  for (const auto& file : yaml_files(folder, "FLD001", found))
    out.read(file, found);
  return out;
}

log_router load_log_router(const std::string& folder, model::field_dictionary& names, diagnostics& found) {
  log_router out(names);
  for (const auto& file : yaml_files(folder, "RTE001", found))
    out.read(file, found);
  return out;
}

placeholder_values load_placeholders(const std::string& file, diagnostics& found) {
  placeholder_values out;
  if (file.empty())
    return out;
  auto text = read_text_file(file, "SIG013", found);
  if (!text)
    return out;
  const auto yaml = parse_yaml(file, std::move(*text), "SIG013", found);
  for (const auto& document : yaml.documents) {
    yaml_map_reader map(file, document, "placeholders", "SIG013", found);
    if (map.is_map())
      for (const auto& entry : document)
        out[entry.first.Scalar()] = map.texts(entry.first.Scalar());
  }
  return out;
}

loaded_rules load_rules(const rule_sources& from, model::field_dictionary& names, unix_ns now, diagnostics& found) {
  loaded_rules out;
  sigma_reader reader(load_placeholders(from.placeholders, found), found);
  for (const auto& file : rule_files_below(from.rules, found))
    if (auto text = read_text_file(file, "SIG001", found)) {
      reader.read(file, std::move(*text));
      ++out.files;
    }
  auto set = reader.finish(now);
  if (from.limit != 0 && set.rules.size() > from.limit)
    set.rules.resize(from.limit);
  const auto read = set.rules.size();
  const auto tables = load_field_tables(from.fields, found);
  out.compiled = program::compile(std::move(set), tables, load_log_router(from.fields, names, found), names, found);
  out.loaded = out.compiled->rules().size() + out.compiled->correlations().size();
  out.failed = reader.rejected() + read - out.compiled->rules().size();
  return out;
}

} // namespace soc::detection
