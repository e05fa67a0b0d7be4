#include "base/yaml_text.hpp"
#include "ingest/core/mapping.hpp"
#include "model/entity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>

namespace soc::ingest {

namespace {

namespace fs = std::filesystem;

/// mapping.yaml files below a folder, in the order of their names.
std::vector<std::string> mapping_files(const std::string& folder, diagnostics& found) {
  std::vector<std::string> files;
  std::error_code code;
  if (fs::is_regular_file(folder, code))
    return {folder};
  for (fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, code), end;
       !code && at != end; at.increment(code)) {
    if (at.depth() > 3)
      at.disable_recursion_pending();
    if (at->path().filename() == "mapping.yaml")
      files.push_back(at->path().string());
  }
  if (code)
    found.error("MAP001", {folder}, fmt::format("can't be read: {}", code.message()));
  std::sort(files.begin(), files.end());
  return files;
}

path_shape shape_of(std::string_view path) {
  path_shape shape;
  while (!path.empty()) {
    const auto dot = path.find('.');
    auto part = path.substr(0, dot);
    path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
    path_shape::segment s;
    if (const auto bracket = part.find('['); bracket != std::string_view::npos) {
      std::from_chars(part.data() + bracket + 1, part.data() + part.size(), s.index);
      part = part.substr(0, bracket);
    }
    s.name = part;
    shape.segments.push_back(std::move(s));
  }
  return shape;
}

bool shape_before(const path_shape& a, const path_shape& b) {
  const auto n = std::min(a.segments.size(), b.segments.size());
  for (std::size_t i = 0; i < n; ++i) {
    if (a.segments[i].name != b.segments[i].name)
      return a.segments[i].name < b.segments[i].name;
    if (a.segments[i].index != b.segments[i].index)
      return a.segments[i].index < b.segments[i].index;
  }
  return a.segments.size() < b.segments.size();
}

void add_path(mapping_set::parts& parts, model::field_dictionary& names, std::string_view path) {
  const auto id = names.intern(path);
  const auto [it, is_new] = parts.paths.try_emplace(id);
  if (is_new)
    it->second = shape_of(path);
}

void note_text_enum(const mapping_set::parts& parts, model::field_dictionary& names, mapping_type& type,
                    std::string_view path) {
  const auto attribute = parts.schema->resolve(*type.ocsf, path);
  if (!attribute || (*attribute)->kind != ocsf_kind::text || (*attribute)->captions.empty())
    return;
  const std::pair<model::field_id, const ocsf_attribute*> entry{names.intern(path), *attribute};
  if (std::find(type.text_enums.begin(), type.text_enums.end(), entry) == type.text_enums.end())
    type.text_enums.push_back(entry);
}

void collect_paths(mapping_set::parts& parts, model::field_dictionary& names) {
  for (const auto& m : parts.mappings)
    for (const auto& type : m->types)
      for (const auto& rule : type->rules) {
        if (rule.op == rule_op::each)
          continue;
        if (rule.op == rule_op::set) {
          add_path(parts, names, rule.path);
          note_text_enum(parts, names, *type, rule.path);
        }
        if (rule.sibling != model::no_field)
          add_path(parts, names, names.name(rule.sibling));
        for (const auto id : rule.parts)
          if (id != model::no_field)
            add_path(parts, names, std::string(names.name(id)));
      }
  for (const auto* path : {"class_uid",
                           "category_uid",
                           "type_uid",
                           "activity_id",
                           "severity_id",
                           "time",
                           "class_name",
                           "category_name",
                           "type_name",
                           "activity_name",
                           "cloud.provider",
                           "cloud.account.uid",
                           "cloud.region",
                           "metadata.version",
                           "metadata.uid",
                           "metadata.product.name",
                           "metadata.product.vendor_name",
                           "metadata.logged_time",
                           "metadata.profiles",
                           "metadata.tenant_uid"})
    add_path(parts, names, path);
  if (parts.extra)
    for (const auto& path : parts.extra->paths())
      add_path(parts, names, path);
  std::vector<path_shape*> all;
  for (auto& [id, shape] : parts.paths)
    all.push_back(&shape);
  std::sort(all.begin(), all.end(), [](const auto* a, const auto* b) { return shape_before(*a, *b); });
  for (std::uint32_t i = 0; i < all.size(); ++i)
    all[i]->rank = i;
  parts.shapes.assign(names.size(), nullptr);
  for (const auto& [id, shape] : parts.paths)
    parts.shapes[id] = &shape;
  const auto shape = [&](const char* path) { return parts.shapes[names.find(path)]; };
  parts.own = {shape("class_name"),
               shape("category_name"),
               shape("type_name"),
               shape("metadata.version"),
               shape("metadata.uid"),
               shape("metadata.product.name"),
               shape("metadata.product.vendor_name"),
               shape("metadata.logged_time"),
               shape("metadata.profiles"),
               shape("metadata.tenant_uid")};
}

void index_inputs(mapping_set::parts& parts) {
  std::set<std::string> unwrap;
  for (const auto& m : parts.mappings) {
    for (const auto& input : m->inputs) {
      parts.by_format[static_cast<std::size_t>(input.format)].push_back(&input);
      unwrap.insert(input.unwrap.begin(), input.unwrap.end());
    }
    for (const auto& type : m->types)
      parts.types.emplace(&type->log, type.get());
  }
  for (auto& list : parts.by_format)
    std::stable_sort(list.begin(), list.end(),
                     [](const auto* a, const auto* b) { return a->detect.priority > b->detect.priority; });
  parts.unwrap_names.assign(unwrap.begin(), unwrap.end());
}

} // namespace

mapping_sources mapping_sources::below(const std::string& root) {
  return {{root + "/connectors/vendors"}, root + "/config/ocsf/ocsf-1.8.0.json", root + "/config/ecs.yaml"};
}

mapping_set::mapping_set() : parts_(std::make_unique<parts>()) {}
mapping_set::~mapping_set() = default;

const std::vector<std::unique_ptr<mapping>>& mapping_set::mappings() const {
  return parts_->mappings;
}

std::shared_ptr<const mapping_set> mapping_set::load(const mapping_sources& from, model::field_dictionary& names,
                                                     diagnostics& found) {
  std::shared_ptr<mapping_set> set(new mapping_set);
  auto& p = *set->parts_;
  p.schema = ocsf_schema::load(from.ocsf_table, found);
  if (!p.schema)
    return nullptr;
  for (const auto& folder : from.folders)
    for (const auto& file : mapping_files(folder, found)) {
      auto m = load_mapping(file, *p.schema, names, found);
      if (!m)
        continue;
      if (const auto* twin = set->find(m->vendor, m->product); twin != nullptr)
        found.error("MAP003", {file}, fmt::format("{}/{} is already mapped by {}", m->vendor, m->product, twin->file));
      else
        p.mappings.push_back(std::move(m));
    }
  if (!from.ecs_table.empty())
    p.ecs = ecs_table::load(from.ecs_table, *p.schema, names, found);
  p.ids = {names.intern("class_uid"),      names.intern("category_uid"),      names.intern("type_uid"),
           names.intern("activity_id"),    names.intern("severity_id"),       names.intern("time"),
           names.intern("cloud.provider"), names.intern("cloud.account.uid"), names.intern("cloud.region")};
  // Recognition looks at these whether or not a mapping names them.
  for (const auto* name : {"cef.vendor", "cef.product", "leef.vendor", "leef.product"})
    names.intern(name);
  // Entities are found by these paths even where no mapping fills them.
  for (const auto& slot : model::entity_slots())
    names.intern(slot.path);
  p.extra = enrichment::load(from.enrichment, names, found);
  collect_paths(p, names);
  index_inputs(p);
  return set;
}

const mapping* mapping_set::find(std::string_view vendor, std::string_view product) const {
  for (const auto& m : parts_->mappings)
    if (m->vendor == vendor && m->product == product)
      return m.get();
  return nullptr;
}

const mapping_type* mapping_set::type_of(const model::log_type* type) const {
  const auto it = parts_->types.find(type);
  return it == parts_->types.end() ? nullptr : it->second;
}

std::vector<const model::log_type*> mapping_set::log_types() const {
  std::vector<const model::log_type*> all;
  for (const auto& m : parts_->mappings)
    for (const auto& type : m->types)
      all.push_back(&type->log);
  return all;
}

ecs_table ecs_table::load(const std::string& file, const ocsf_schema& schema, model::field_dictionary& names,
                          diagnostics& found) {
  ecs_table table;
  auto text = read_text_file(file, "MAP001", found);
  if (!text)
    return table;
  const auto yaml = parse_yaml(file, std::move(*text), "MAP002", found, 50'000);
  if (yaml.documents.empty())
    return table;
  const auto add = [&](const YAML::Node& map, std::uint32_t class_uid) {
    for (const auto& item : map) {
      const auto path = item.first.Scalar();
      for (const auto& name : item.second.IsSequence() ? std::vector<YAML::Node>(item.second.begin(), item.second.end())
                                                       : std::vector<YAML::Node>{item.second})
        table.entries.push_back({path, name.IsNull() ? "" : name.Scalar(), names.intern(path), class_uid});
    }
  };
  try {
    yaml_map_reader r(file, yaml.documents[0], "ECS table", "MAP050", found);
    add(r.get("all"), 0);
    if (const auto classes = r.get("classes"))
      for (const auto& item : classes) {
        const auto* c = schema.find_class(item.first.Scalar());
        if (c == nullptr)
          found.error("MAP007", place_of(file, item.first),
                      fmt::format("unknown OCSF class '{}'", item.first.Scalar()));
        else
          add(item.second, c->uid);
      }
    r.reject_unknown();
  } catch (const YAML::Exception& e) {
    found.error("MAP002", {file, e.mark.line + 1, e.mark.column + 1}, e.msg);
  }
  // Entries of a class come first: they win.
  std::stable_sort(table.entries.begin(), table.entries.end(),
                   [](const entry& a, const entry& b) { return a.class_uid > b.class_uid; });
  return table;
}

} // namespace soc::ingest
