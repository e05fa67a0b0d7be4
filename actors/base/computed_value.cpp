#include "base/computed_value.hpp"

namespace soc {

using nlohmann::json;

const std::string* jq_program_of(const json& pattern) {
  if (!pattern.is_object() || pattern.size() != 1)
    return nullptr;
  const auto at = pattern.find("jq");
  return at != pattern.end() && at->is_string() ? at->get_ptr<const std::string*>() : nullptr;
}

std::vector<std::string> jq_programs(const json& pattern) {
  std::vector<std::string> out;
  const auto visit = [&](const json& value, auto&& self) -> void {
    if (const auto* program = jq_program_of(value))
      out.push_back(*program);
    else if (value.is_structured())
      for (const auto& item : value)
        self(item, self);
  };
  visit(pattern, visit);
  return out;
}

result<json> expand_computed(const json& pattern, const json& scope, const jq_function& jq) {
  return expand(pattern, scope, [&](const json& part) -> std::optional<result<json>> {
    const auto* program = jq_program_of(part);
    if (program == nullptr)
      return std::nullopt;
    if (!jq)
      return failure{ec::unavailable, "jq is not available here"};
    auto values = jq(*program, scope);
    if (!values)
      return values;
    return values->empty() ? json() : values->size() == 1 ? (*values)[0] : *values;
  });
}

} // namespace soc
