// sources/http/json_values.hpp - where one JSON value ends and the next begins in a text: concatenated values, lines,
// the elements of an array. Only the structure is looked at; whether a value is good JSON is for whoever decodes it.
// Pure.
#pragma once
#include "base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace soc::sources {

constexpr std::size_t max_json_depth = 512;

/// One past the value that begins at `at` (after white space); 0 if there is none or it is not closed.
std::size_t json_value_end(std::string_view text, std::size_t at);

/// The values of `text`, separated by white space or nothing; the elements where a value is an array. ec::invalid_input
/// at the first that is not closed, with its place.
outcome json_values(std::string_view text, std::vector<std::string_view>& values);

/// The raw text of the member `name` of an object's text; empty if there is none.
std::string_view json_member(std::string_view object, std::string_view name);

/// The same by a path of names joined by dots; a name may hold dots itself ("@odata.nextLink"). "" is the whole.
std::string_view json_at(std::string_view value, std::string_view path);

/// The text of a JSON string; anything else as it is written.
std::string json_text(std::string_view json);

} // namespace soc::sources
