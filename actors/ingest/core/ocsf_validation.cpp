#include "ingest/core/ocsf_validation.hpp"

#include "model/entity.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace soc::ingest {

namespace {

using json = nlohmann::json;

class ocsf_check {
public:
  std::vector<std::string> problems;

  void object(const json& value, const ocsf_object& type, const std::string& path) {
    for (const auto& [name, member] : value.items()) {
      const auto* a = type.attribute(name);
      if (a == nullptr)
        problem(path, name, fmt::format("unknown attribute of {}", type.name));
      else
        attribute(member, *a, path.empty() ? name : path + "." + name);
    }
    for (const auto& [name, a] : type.attributes)
      if (a.required && a.profile.empty() && !value.contains(name))
        problem(path, name, "required and missing");
    const auto count = [&](const auto& names) {
      return std::count_if(names.begin(), names.end(), [&](const auto& n) { return value.contains(n); });
    };
    if (!type.at_least_one.empty() && count(type.at_least_one) == 0)
      problem(path, "", fmt::format("needs one of {}", fmt::join(type.at_least_one, ", ")));
    if (!type.just_one.empty() && count(type.just_one) > 1)
      problem(path, "", fmt::format("only one of {} may be there", fmt::join(type.just_one, ", ")));
  }

private:
  void problem(const std::string& path, const std::string& name, const std::string& what) {
    const auto full = path.empty() ? name : name.empty() ? path : path + "." + name;
    problems.push_back((full.empty() ? "event" : full) + ": " + what);
  }

  void attribute(const json& value, const ocsf_attribute& a, const std::string& path) {
    if (!a.array)
      return scalar(value, a, path);
    if (!value.is_array())
      return problem(path, "", "must be a list");
    for (const auto& item : value)
      scalar(item, a, path);
  }

  void scalar(const json& value, const ocsf_attribute& a, const std::string& path) {
    switch (a.kind) {
    case ocsf_kind::object:
      if (!value.is_object())
        return problem(path, "", fmt::format("must be an object ({})", a.type));
      if (a.object != nullptr && !a.object->attributes.empty())
        object(value, *a.object, path);
      return;
    case ocsf_kind::integer:
    case ocsf_kind::port:
    case ocsf_kind::time:
      if (!value.is_number_integer())
        return problem(path, "", "must be a whole number");
      if (a.kind == ocsf_kind::port && (value < 0 || value > 65535))
        problem(path, "", "is no port");
      break;
    case ocsf_kind::real:
      if (!value.is_number())
        problem(path, "", "must be a number");
      return;
    case ocsf_kind::boolean:
      if (!value.is_boolean())
        problem(path, "", "must be true or false");
      return;
    case ocsf_kind::json:
      return;
    case ocsf_kind::ip:
      if (!value.is_string() || !model::canonical_ip(value.get<std::string>()))
        problem(path, "", "is no address");
      return;
    case ocsf_kind::mac:
    case ocsf_kind::text:
    case ocsf_kind::datetime:
      if (!value.is_string())
        return problem(path, "", "must be text");
      break;
    }
    const auto text = value.is_string() ? value.get<std::string>() : value.dump();
    if (!a.captions.empty() && !a.captions.contains(text))
      problem(path, "", fmt::format("'{}' is not in the enum", text));
  }
};

} // namespace

std::vector<std::string> validate_ocsf(const ocsf_schema& schema, const json& event) {
  ocsf_check check;
  if (!event.is_object() || !event.contains("class_uid") || !event["class_uid"].is_number_integer())
    return {"class_uid: missing"};
  const auto* type = schema.find_class(event["class_uid"].get<std::uint32_t>());
  if (type == nullptr)
    return {"class_uid: no such class"};
  check.object(event, *type, "");
  const auto number = [&](const char* name) {
    return event.contains(name) && event[name].is_number_integer() ? event[name].get<std::int64_t>() : -1;
  };
  if (number("category_uid") != type->category_uid)
    check.problems.push_back("category_uid: not that of the class");
  if (number("type_uid") != static_cast<std::int64_t>(type->uid) * 100 + number("activity_id"))
    check.problems.push_back("type_uid: is not class_uid * 100 + activity_id");
  return check.problems;
}

} // namespace soc::ingest
