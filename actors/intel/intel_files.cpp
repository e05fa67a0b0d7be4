#include "intel/intel_files.hpp"

#include "base/hash.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sys/stat.h>

namespace soc::intel {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t max_file_bytes = 2ULL << 30;

bool is_description(const fs::path& path) {
  return path.extension() == ".yaml" || path.extension() == ".yml";
}

std::string source_name_of(const fs::path& file) {
  std::string out;
  for (const char c : file.stem().string())
    out += std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_'
               ? static_cast<char>(std::tolower(static_cast<unsigned char>(c)))
               : '-';
  return out.empty() ? "indicators" : out;
}

bool is_source_name(const std::string& text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

/// All plain files below a folder, or the file.
void add_files(const fs::path& path, const source_place& place, std::vector<std::string>& to, diagnostics& found) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    for (fs::recursive_directory_iterator at(path, fs::directory_options::skip_permission_denied, error), end;
         at != end; at.increment(error))
      if (at->is_regular_file(error) && !is_description(at->path()))
        to.push_back(at->path().string());
  } else if (fs::exists(path, error)) {
    to.push_back(path.string());
  } else {
    found.error("INT001", place, fmt::format("no such file or folder: {}", path.string()), "check the path");
  }
}

class description_reader {
public:
  description_reader(const std::string& file, const YAML::Node& node, diagnostics& found)
      : file_(file), map_(file, node, "indicator source", "INT002", found), found_(found) {}

  planned_source read() {
    planned_source out;
    out.place = map_.place();
    auto& source = out.source;
    source.name = map_.required_text("name");
    if (!source.name.empty() && !is_source_name(source.name))
      wrong("name", fmt::format("'{}' is not [a-z0-9_-]+", source.name));
    source.confidence = static_cast<std::uint8_t>(number("confidence", 0, 100));
    if (const auto level = map_.text("level"))
      if (source.level = model::severity_from(*level); source.level == model::severity::unknown)
        wrong("level", fmt::format("'{}' is no level", *level));
    source.tags = map_.texts("tags");
    source.stage = map_.text("stage").value_or(std::string());
    source.lifetime = number("expire_days", 0, 36'500) * 24 * 3600 * ns_per_s;
    read_kinds(source);
    read_format(out);
    for (const auto& path : map_.texts("paths"))
      add_files(fs::path(file_).parent_path() / path, map_.place("paths"), out.files, found_);
    if (!map_.get("paths").IsDefined())
      wrong("paths", "'paths' is missing: the files with the indicators");
    map_.reject_unknown();
    std::sort(out.files.begin(), out.files.end());
    return out;
  }

private:
  void wrong(const char* key, std::string what) { found_.error("INT002", map_.place(key), std::move(what)); }

  std::int64_t number(const char* key, std::int64_t low, std::int64_t high) {
    const auto value = map_.integer(key).value_or(low);
    if (value >= low && value <= high)
      return value;
    wrong(key, fmt::format("'{}' is {}; it must be {} to {}", key, value, low, high));
    return low;
  }

  void read_kinds(indicator_source& source) {
    const auto names = map_.texts("kinds");
    if (!names.empty())
      source.kinds = 0;
    for (const auto& name : names)
      if (const auto kind = kind_from(name))
        source.kinds = static_cast<kind_set>(source.kinds | bit_of(*kind));
      else
        wrong("kinds", fmt::format("'{}' is no kind of indicator: ip, domain, url, hash, email", name));
  }

  void read_format(planned_source& out) {
    const auto format = map_.text("format").value_or("auto");
    if (const auto known = format_from(format))
      out.format = *known;
    else
      wrong("format", fmt::format("'{}' is no format: auto, list, stix, misp", format));
    out.layout.column = static_cast<int>(number("column", 0, 1000));
    const auto separator = map_.text("separator").value_or(",");
    out.layout.separator = separator == "tab" ? '\t' : separator.empty() ? ',' : separator.front();
  }

  std::string file_;
  yaml_map_reader map_;
  diagnostics& found_;
};

void read_descriptions(const std::string& file, std::vector<planned_source>& out, diagnostics& found) {
  auto text = read_text_file(file, "INT002", found);
  if (!text)
    return;
  const auto yaml = parse_yaml(file, std::move(*text), "INT002", found);
  for (const auto& document : yaml.documents) {
    if (!document.IsMap() || !document["sources"].IsDefined())
      continue;
    if (!document["sources"].IsSequence()) {
      found.error("INT002", place_of(file, document["sources"]), "'sources' is not a list");
      continue;
    }
    for (const auto& node : document["sources"])
      out.push_back(description_reader(file, node, found).read());
  }
}

struct file_text {
  std::string bytes; ///< and padding
  std::size_t size = 0;
  unix_ns written = 0;
};

std::optional<file_text> read_file(const std::string& path, diagnostics& found) {
  struct stat about {};
  std::ifstream in(path, std::ios::binary);
  if (!in || ::stat(path.c_str(), &about) != 0) {
    found.error("INT001", {path, 0, 0}, "can't be read");
    return std::nullopt;
  }
  file_text out;
  out.size = static_cast<std::size_t>(about.st_size);
  out.written = static_cast<unix_ns>(about.st_mtim.tv_sec) * ns_per_s;
  if (out.size > max_file_bytes) {
    found.error("INT001", {path, 0, 0}, fmt::format("larger than {} bytes", max_file_bytes), "split the file");
    return std::nullopt;
  }
  out.bytes.resize(out.size + indicator_text::padding);
  in.read(out.bytes.data(), static_cast<std::streamsize>(out.size));
  if (static_cast<std::size_t>(in.gcount()) != out.size) {
    found.error("INT001", {path, 0, 0}, "ends before its size", "it may be written right now");
    return std::nullopt;
  }
  return out;
}

void add_counts(read_counts& to, const read_counts& more) {
  to.added += more.added;
  to.not_understood += more.not_understood;
  to.not_for_detection += more.not_for_detection;
  to.too_broad += more.too_broad;
}

void refuse_equal_names(const std::vector<planned_source>& all, diagnostics& found) {
  std::set<std::string> names;
  for (const auto& one : all)
    if (!one.source.name.empty() && !names.insert(one.source.name).second)
      found.error("INT002", one.place, fmt::format("two sources are called '{}'", one.source.name));
}

} // namespace

std::vector<planned_source> plan_sources(const std::vector<std::string>& paths, diagnostics& found) {
  std::vector<planned_source> out;
  for (const auto& path : paths) {
    std::error_code error;
    std::vector<std::string> files;
    if (fs::is_directory(path, error)) {
      for (fs::recursive_directory_iterator at(path, fs::directory_options::skip_permission_denied, error), end;
           at != end; at.increment(error))
        if (at->is_regular_file(error) && is_description(at->path()))
          files.push_back(at->path().string());
      std::sort(files.begin(), files.end());
    } else if (!fs::exists(path, error)) {
      found.error("INT001", {path, 0, 0}, "no such file or folder", "check the path");
    } else if (is_description(path)) {
      files.push_back(path);
    } else {
      planned_source one;
      one.source.name = source_name_of(path);
      one.files.push_back(path);
      one.place.file = path;
      out.push_back(std::move(one));
    }
    for (const auto& file : files)
      read_descriptions(file, out, found);
  }
  refuse_equal_names(out, found);
  return out;
}

std::vector<loaded_source> load_indicators(const intel_request& from, indicator_set_ptr& to, diagnostics& found) {
  indicator_builder builder(from.forget_before);
  std::vector<loaded_source> out;
  for (const auto& planned : plan_sources(from.paths, found)) {
    loaded_source one{planned.source.name, planned.files.size(), {}};
    builder.begin(planned.source);
    for (const auto& file : planned.files)
      if (const auto text = read_file(file, found))
        add_counts(one.counts, read_indicators({file, std::string_view(text->bytes).substr(0, text->size),
                                                planned.format, planned.layout, text->written},
                                               builder, found));
    out.push_back(std::move(one));
  }
  to = builder.finish();
  return out;
}

loaded_intelligence load_intelligence(const intel_request& from, model::field_dictionary& names, diagnostics& found) {
  loaded_intelligence out;
  auto fields = std::make_shared<observable_fields>();
  if (!from.fields.empty())
    if (auto text = read_text_file(from.fields, "INT002", found))
      fields->read(parse_yaml(from.fields, std::move(*text), "INT002", found), names, found);
  auto what = std::make_shared<intelligence>();
  what->fields = std::move(fields);
  out.sources = load_indicators(from, what->indicators, found);
  out.what = std::move(what);
  return out;
}

std::uint64_t stamp_of_sources(const intel_request& from) {
  diagnostics ignored;
  std::uint64_t out = 0;
  const auto add = [&](const std::string& file) {
    struct stat about {};
    out = hash64(file, out);
    if (::stat(file.c_str(), &about) == 0)
      out = hash64(fmt::format("{}.{} {} {}", about.st_mtim.tv_sec, about.st_mtim.tv_nsec, about.st_size, about.st_ino),
                   out);
  };
  for (const auto& source : plan_sources(from.paths, ignored)) {
    add(source.place.file);
    for (const auto& file : source.files)
      add(file);
  }
  return out;
}

} // namespace soc::intel
