// base/json_template.hpp - `${path}` references in JSON values: playbook steps and HTTP components are written with
// them. A string that is one reference takes the value's type; references inside text become text. Pure; output is
// bounded.
//
//   "${steps.find.output.ips[0]}"                      a path: members, indices
//   "${incident.entities | where type ip | pluck ip}"  filters, left to right
//   "$${"                                              a literal "${"
//
// Filters: where FIELD VALUE, pluck FIELD, first, last, unique, length, limit N, join TEXT, lower, upper, text, json,
// default VALUE (also for a path that isn't there). Arguments are words or 'quoted'.
#pragma once
#include "base/result.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace soc {

/// What one expansion may make at most.
constexpr std::size_t max_expanded_bytes = 1U << 20;

/// What stands for a part of a pattern instead of its expansion; nothing for parts that are expanded as usual. What it
/// makes is bounded by itself.
using part_maker = std::function<std::optional<result<nlohmann::json>>(const nlohmann::json& part)>;

/// `pattern` with every reference replaced from `scope`. not_found: a path leads nowhere; invalid_input: bad syntax or
/// filter; too_large: over max_expanded_bytes. The failure names the reference.
result<nlohmann::json> expand(const nlohmann::json& pattern, const nlohmann::json& scope,
                              const part_maker& instead = {});

/// One reference found in a pattern, for checks before anything runs.
struct template_reference {
  std::string path;         ///< "steps.find.output.ips[0]"
  bool has_default = false; ///< ends in a default filter: may be absent
};
/// All references of `pattern`, or why its syntax is wrong.
result<std::vector<template_reference>> references(const nlohmann::json& pattern);

/// The value at "a.b[0].c", null pointer when there is none.
const nlohmann::json* find_path(const nlohmann::json& scope, std::string_view path);

/// As text: strings bare, numbers and booleans as JSON, null empty, lists and objects as JSON.
std::string json_to_text(const nlohmann::json& value);

} // namespace soc
