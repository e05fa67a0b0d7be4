#include "ingest/core/ocsf_schema.hpp"

#include "base/yaml_text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

namespace soc::ingest {

namespace {

ocsf_kind kind_of(const std::string& type, const std::string& base) {
  if (type == "port_t")
    return ocsf_kind::port;
  if (type == "timestamp_t")
    return ocsf_kind::time;
  if (type == "datetime_t")
    return ocsf_kind::datetime;
  if (type == "ip_t")
    return ocsf_kind::ip;
  if (type == "mac_t")
    return ocsf_kind::mac;
  if (type == "json_t")
    return ocsf_kind::json;
  if (type == "integer_t" || type == "long_t" || base == "integer_t" || base == "long_t")
    return ocsf_kind::integer;
  if (type == "float_t")
    return ocsf_kind::real;
  if (type == "boolean_t")
    return ocsf_kind::boolean;
  return ocsf_kind::text;
}

void read_attributes(const nlohmann::json& types, const nlohmann::json& from, ocsf_object& to) {
  for (const auto& [name, row] : from.at("attributes").items()) {
    ocsf_attribute a;
    a.name = name;
    a.type = row.at(0).get<std::string>();
    const auto flags = row.size() > 1 && row[1].is_string() ? row[1].get<std::string>() : std::string{};
    a.required = flags.find('r') != std::string::npos;
    a.array = flags.find('a') != std::string::npos;
    if (row.size() > 2 && row[2].is_object())
      for (const auto& [value, caption] : row[2].items())
        a.captions.emplace(value, caption.get<std::string>());
    if (row.size() > 3 && row[3].is_string())
      a.profile = row[3].get<std::string>();
    if (row.size() > 4 && row[4].is_string())
      a.sibling = row[4].get<std::string>();
    const auto type = types.find(a.type);
    a.kind = type == types.end() ? ocsf_kind::object : kind_of(a.type, type->value("type", std::string{}));
    to.attributes.emplace(name, std::move(a));
  }
  if (const auto c = from.find("constraints"); c != from.end()) {
    to.at_least_one = c->value("at_least_one", std::vector<std::string>{});
    to.just_one = c->value("just_one", std::vector<std::string>{});
  }
}

bool same_text(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](unsigned char x, unsigned char y) {
           return std::tolower(x) == std::tolower(y);
         });
}

} // namespace

std::optional<std::string> ocsf_attribute::enum_value(std::string_view text) const {
  if (const auto it = captions.find(std::string(text)); it != captions.end())
    return it->first;
  for (const auto& [value, caption] : captions)
    if (same_text(caption, text))
      return value;
  return std::nullopt;
}

std::unique_ptr<const ocsf_schema> ocsf_schema::load(const std::string& path, diagnostics& found) {
  const auto text = read_text_file(path, "MAP001", found);
  if (!text)
    return nullptr;
  auto schema = std::make_unique<ocsf_schema>();
  try {
    const auto table = nlohmann::json::parse(*text);
    const auto& types = table.at("types");
    schema->version_ = table.at("version").get<std::string>();
    for (const auto& [name, body] : table.at("objects").items()) {
      auto& object = schema->objects_[name];
      object.name = name;
      read_attributes(types, body, object);
    }
    for (const auto& [name, body] : table.at("classes").items()) {
      auto& c = schema->classes_[name];
      c.name = name;
      c.uid = body.at("uid").get<std::uint32_t>();
      c.caption = body.at("caption").get<std::string>();
      c.category_uid = body.at("category_uid").get<std::uint32_t>();
      c.category = body.at("category").get<std::string>();
      read_attributes(types, body, c);
      schema->by_uid_[c.uid] = &c;
    }
  } catch (const nlohmann::json::exception& e) {
    found.error("MAP001", {path}, fmt::format("not an OCSF table: {}", e.what()), "make it with tools/ocsf_table.py");
    return nullptr;
  }
  const auto link = [&](ocsf_object& object) {
    for (auto& [name, a] : object.attributes) {
      if (a.kind == ocsf_kind::object)
        a.object = schema->find_object(a.type);
      if (a.required && a.profile.empty())
        object.required.push_back(&a);
    }
  };
  for (auto& [name, object] : schema->objects_)
    link(object);
  for (auto& [name, c] : schema->classes_)
    link(c);
  return schema;
}

const ocsf_class* ocsf_schema::find_class(std::string_view name_or_uid) const {
  std::uint32_t uid = 0;
  const auto [end, code] = std::from_chars(name_or_uid.data(), name_or_uid.data() + name_or_uid.size(), uid);
  if (code == std::errc{} && end == name_or_uid.data() + name_or_uid.size())
    return find_class(uid);
  const auto it = classes_.find(name_or_uid);
  return it == classes_.end() ? nullptr : &it->second;
}

const ocsf_class* ocsf_schema::find_class(std::uint32_t uid) const {
  const auto it = by_uid_.find(uid);
  return it == by_uid_.end() ? nullptr : it->second;
}

const ocsf_object* ocsf_schema::find_object(std::string_view name) const {
  const auto it = objects_.find(name);
  return it == objects_.end() ? nullptr : &it->second;
}

std::vector<std::string> ocsf_schema::class_names() const {
  std::vector<std::string> names;
  for (const auto& [name, c] : classes_)
    names.push_back(name);
  return names;
}

result<const ocsf_attribute*> ocsf_schema::resolve(const ocsf_object& from, std::string_view path) const {
  const ocsf_object* at = &from;
  const ocsf_attribute* found = nullptr;
  while (!path.empty()) {
    if (found != nullptr && at == nullptr)
      return failure{ec::not_found, fmt::format("'{}' is no object and has no '{}'", found->name, path)};
    const auto dot = path.find('.');
    auto part = path.substr(0, dot);
    path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
    const auto bracket = part.find('[');
    const bool indexed = bracket != std::string_view::npos;
    const auto name = part.substr(0, bracket);
    const auto it = at->attributes.find(name);
    if (it == at->attributes.end()) {
      std::vector<std::string> known;
      for (const auto& [attribute, unused] : at->attributes)
        known.push_back(attribute);
      const auto near = did_you_mean(name, known);
      return failure{ec::not_found, fmt::format("'{}' has no attribute '{}'{}", at->name, name,
                                                near.empty() ? "" : fmt::format("; did you mean '{}'?", near))};
    }
    found = &it->second;
    const bool list_object = found->array && found->object != nullptr;
    if (indexed && !found->array)
      return failure{ec::invalid_input, fmt::format("'{}' is no list: leave the index out", name)};
    if (list_object && !indexed && !path.empty())
      return failure{ec::invalid_input, fmt::format("'{}' is a list: write '{}[0].…'", name, name)};
    at = found->object;
  }
  if (found == nullptr)
    return failure{ec::invalid_input, "an empty path"};
  return found;
}

} // namespace soc::ingest
