#include "ingest/core/record_context.hpp"

#include "ingest/core/json_string.hpp"

#include <charconv>
#include <cstring>
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

void json_trees::add(json_source source, const std::vector<json_member>* members) {
  if (count_ == trees_.size())
    return;
  auto& t = trees_[count_++];
  t.source = source;
  t.state = tree_state::unparsed;
  t.has_members = members != nullptr;
  if (members != nullptr)
    t.members.assign(members->begin(), members->end());
}

json_trees::named_member json_trees::find_member(const tree& t, std::string_view name) {
  named_member out;
  if (name.empty())
    return {nullptr, true};
  for (const auto& m : t.members) {
    if (m.key.size() < name.size() || m.key.front() != name.front() ||
        std::memcmp(m.key.data(), name.data(), name.size()) != 0)
      continue;
    if (m.key.size() == name.size())
      out.member = out.member == nullptr ? &m : out.member;
    else
      out.longer_names = out.longer_names || m.key[name.size()] == '.' || m.key[name.size()] == '[';
  }
  return out;
}

/// From the value to what separates it from the next member, or to the end of the document.
std::string_view json_trees::text_of(const tree& t, const json_member& member) {
  const bool last = &member == &t.members.back();
  const char* end = last ? t.source.text.data() + t.source.text.size() : (&member)[1].key_text - 1;
  const auto drop_spaces = [&] {
    while (end > member.value && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\n' || end[-1] == '\r'))
      --end;
  };
  drop_spaces();
  if (end > member.value && end[-1] == (last ? '}' : ','))
    --end;
  drop_spaces();
  return {member.value, static_cast<std::size_t>(end - member.value)};
}

const json_trees::parsed_member* json_trees::parse(const tree& t, const json_member& member) {
  for (const auto& p : parsed_)
    if (p.value == member.value)
      return &p;
  if (parsed_.size() == most_members)
    return nullptr;
  if (member_parsers_.size() == parsed_.size())
    member_parsers_.emplace_back();
  const auto text = text_of(t, member);
  parsed_member p{member.value, false, {}};
  p.good = !member_parsers_[parsed_.size()].parse(text.data(), text.size(), false).get(p.root);
  parsed_.push_back(p);
  return &parsed_.back();
}

json_trees::answer json_trees::find_in_member(const tree& t, std::string_view path, dom::element& out) {
  const auto name = path.substr(0, path.find_first_of(".["));
  const auto named = find_member(t, name);
  if (named.member != nullptr) {
    const auto* parsed = parse(t, *named.member);
    if (parsed == nullptr || !parsed->good)
      return answer::unsure;
    auto rest = path.substr(name.size());
    if (!rest.empty() && rest.front() == '.')
      rest.remove_prefix(1);
    if (follow(parsed->root, rest, out))
      return answer::found;
  }
  return named.longer_names ? answer::unsure : answer::absent;
}

bool json_trees::find(std::string_view path, dom::element& out) {
  for (std::size_t i = 0; i < count_; ++i) {
    auto& t = trees_[i];
    if (path.substr(0, t.source.prefix.size()) != t.source.prefix)
      continue;
    const auto rest = path.substr(t.source.prefix.size());
    if (t.has_members) {
      const auto in_member = find_in_member(t, rest, out);
      if (in_member == answer::found)
        return true;
      if (in_member == answer::absent)
        continue;
    }
    if (t.state == tree_state::unparsed) {
      // Most records lack most lists: looking for the name is cheaper than parsing.
      if (!t.has_members && t.source.text.find(rest.substr(0, rest.find_first_of(".["))) == std::string_view::npos)
        continue;
      const bool good = !t.parser.parse(t.source.text.data(), t.source.text.size(), false).get(t.root);
      t.state = good ? tree_state::good : tree_state::bad;
    }
    if (t.state == tree_state::good && follow(t.root, rest, out))
      return true;
  }
  return false;
}

bool json_trees::find_text(std::string_view path, arena& memory, std::string_view& out) const {
  if (count_ != 1 || !trees_[0].has_members || !trees_[0].source.prefix.empty() ||
      path.find_first_of(".[") != std::string_view::npos)
    return false;
  const auto named = find_member(trees_[0], path);
  return named.member != nullptr && (*named.member->value == '{' || *named.member->value == '[') &&
         compact_json(text_of(trees_[0], *named.member), memory, out);
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
