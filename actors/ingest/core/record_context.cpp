#include "ingest/core/record_context.hpp"

#include <charconv>
#include <string>

namespace soc::ingest {

namespace {

namespace dom = simdjson::dom;

/// Follows "a.b[0].c"; keys that hold dots themselves are found by trying longer ones.
bool follow(dom::element at, std::string_view path, dom::element& out) {
  if (path.empty()) {
    out = at;
    return true;
  }
  if (path.front() == '[') {
    const auto close = path.find(']');
    dom::array list;
    if (close == std::string_view::npos || at.get_array().get(list))
      return false;
    std::size_t index = 0;
    std::from_chars(path.data() + 1, path.data() + close, index);
    dom::element item;
    if (list.at(index).get(item))
      return false;
    path.remove_prefix(close + 1);
    if (!path.empty() && path.front() == '.')
      path.remove_prefix(1);
    return follow(item, path, out);
  }
  dom::object map;
  if (at.get_object().get(map))
    return false;
  for (auto end = path.find_first_of(".[");; end = path.find_first_of(".[", end + 1)) {
    dom::element item;
    if (!map.at_key(path.substr(0, end)).get(item)) {
      auto rest = end == std::string_view::npos ? std::string_view{} : path.substr(end);
      if (!rest.empty() && rest.front() == '.')
        rest.remove_prefix(1);
      if (follow(item, rest, out))
        return true;
    }
    if (end == std::string_view::npos)
      return false;
  }
}

} // namespace

bool json_trees::find(std::string_view path, dom::element& out) {
  for (std::size_t i = 0; i < count_; ++i) {
    const auto& source = sources_[i];
    if (path.substr(0, source.prefix.size()) != source.prefix)
      continue;
    const auto rest = path.substr(source.prefix.size());
    // Most records lack most lists: looking for the name is cheaper than parsing.
    const auto name = rest.substr(0, rest.find_first_of(".["));
    if (state_[i] == tree_state::unparsed) {
      if (source.text.find(name) == std::string_view::npos)
        continue;
      const bool good = !parsers_[i].parse(source.text.data(), source.text.size(), false).get(roots_[i]);
      state_[i] = good ? tree_state::good : tree_state::bad;
    }
    if (state_[i] == tree_state::good && follow(roots_[i], rest, out))
      return true;
  }
  return false;
}

model::value value_of(dom::element element, arena& memory) {
  switch (element.type()) {
  case dom::element_type::INT64:
    return model::value::of_int(element.get_int64().value_unsafe());
  case dom::element_type::UINT64:
    return model::value::of_string(memory.copy(std::to_string(element.get_uint64().value_unsafe())));
  case dom::element_type::DOUBLE:
    return model::value::of_real(element.get_double().value_unsafe());
  case dom::element_type::BOOL:
    return model::value::of_bool(element.get_bool().value_unsafe());
  case dom::element_type::STRING:
    return model::value::of_string(memory.copy(element.get_string().value_unsafe()));
  case dom::element_type::NULL_VALUE:
    return {};
  case dom::element_type::OBJECT:
    return model::value::of_string(memory.copy(simdjson::minify(element)));
  case dom::element_type::ARRAY: {
    const dom::array list = element.get_array().value_unsafe();
    auto* items = memory.make_array<model::value>(list.size());
    std::size_t n = 0;
    for (const auto item : list)
      items[n++] = value_of(item, memory);
    return model::value::of_list({items, n});
  }
  }
  return {};
}

} // namespace soc::ingest
