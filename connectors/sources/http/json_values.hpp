// sources/http/json_values.hpp - where one JSON value ends and the next begins in a text: concatenated values, lines,
// the elements of an array. Only the structure is looked at; whether a value is good JSON is for whoever decodes it.
// Pure.
#pragma once
#include "base/result.hpp"

#include <string_view>
#include <vector>

namespace soc::sources {

constexpr std::size_t max_json_depth = 512;

/// One past the value that begins at `at` (after white space); 0 if there is none or it is not closed.
std::size_t json_value_end(std::string_view text, std::size_t at);

/// The values of `text`, separated by white space or nothing; the elements where a value is an array. ec::invalid_input
/// at the first that is not closed, with its place.
outcome json_values(std::string_view text, std::vector<std::string_view>& values);

} // namespace soc::sources
