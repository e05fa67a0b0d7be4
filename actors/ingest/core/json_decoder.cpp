#include "ingest/core/json_decoder.hpp"

#include "base/json_writer.hpp"
#include "ingest/core/json_string.hpp"
#include "ingest/core/quick_hash.hpp"
#include "model/event.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <array>
#include <unordered_map>

namespace soc::ingest {

namespace {

namespace od = simdjson::ondemand;

/// Thrown inside decode only: unwinds the recursion to where a failure becomes a value.
struct json_stop {
  std::string reason;
};

/// A short document may repeat a long prefix with every leaf: what joined names may take grows with the document only.
constexpr std::size_t longest_path = 4096, name_bytes_per_byte = 32, free_name_bytes = 64 * 1024;
/// Longer names are looked up each time: the cache stays small whatever comes.
constexpr std::size_t longest_cached_name = 256;

void check(simdjson::error_code code) {
  if (code) [[unlikely]]
    throw json_stop{simdjson::error_message(code)};
}

/// Every invalid byte as U+FFFD.
std::string with_valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8 + json_decoder::padding);
  for (std::size_t i = 0; i < text.size();) {
    const auto length = utf8_length(text.substr(i));
    if (length == 0) {
      out += "\xef\xbf\xbd";
      ++i;
    } else {
      out.append(text, i, length);
      i += length;
    }
  }
  return out;
}

/// The JSON text of a map or a list.
std::string_view json_text_of(od::value item, od::json_type type) {
  std::string_view text;
  if (type == od::json_type::object) {
    od::object object = item.get_object();
    check(object.raw_json().get(text));
  } else {
    od::array array = item.get_array();
    check(array.raw_json().get(text));
  }
  return text;
}

/// Recently seen keys: the events of one log type bring the same keys again and again.
struct known_key {
  std::string name;
  std::string_view kept; ///< the dictionary's, of a known name
  model::field_id id = model::no_field;
  bool used = false, wanted = false;
};

} // namespace

struct json_decoder::state {
  model::dictionary_ptr names;
  json_options options;
  od::parser parser;
  std::array<known_key, 4096> keys;
  known_key uncached;
  std::string path;
  std::size_t name_bytes_left = 0;              ///< of the document's unknown joined names
  std::vector<std::vector<model::value>> lists; ///< items being collected, by depth
  arena* memory = nullptr;
  std::vector<model::slot>* out = nullptr;
  std::size_t first = 0;
  bool stable = true; ///< the document's bytes outlive the call
  std::vector<json_member> members;
  struct group {
    model::slot slot;
    std::uint32_t count = 0;
  };
  std::vector<group> groups; ///< of flatten_maps
  std::vector<std::uint32_t> group_of;

  bool walk(od::object object, std::size_t depth);
  void walk_value(od::value item, model::slot name, bool wanted, std::size_t depth);
  void walk_array(od::array items, model::slot name, bool wanted, std::size_t depth);
  void collect(od::value item, const model::slot& name, std::size_t depth, std::vector<model::value>& items);
  void flatten_maps(std::size_t from);
  std::uint32_t find_group(const model::slot& s, std::unordered_map<std::string_view, std::uint32_t>& by_name);
  model::value scalar(od::value item, od::json_type type);
  model::value number(od::value item);
  model::slot resolve(std::string_view key, bool in_document, bool& wanted);
  model::slot resolve_path(bool& wanted);
  const known_key& find(std::string_view name);
  void learn(known_key& entry, std::string_view name) const;
  void emit(model::slot s, model::value v);
  model::value make_list(const std::vector<model::value>& items);
};

json_decoder::json_decoder(model::dictionary_ptr names, json_options options) : state_(std::make_unique<state>()) {
  state_->names = std::move(names);
  state_->options = options;
  state_->lists.resize(options.max_depth + 2);
}
json_decoder::~json_decoder() = default;
json_decoder::json_decoder(json_decoder&&) noexcept = default;
json_decoder& json_decoder::operator=(json_decoder&&) noexcept = default;

const model::dictionary_ptr& json_decoder::names() const {
  return state_->names;
}

const std::vector<json_member>* json_decoder::members() const {
  return state_->stable ? &state_->members : nullptr;
}

/// Valid until the next name is looked for.
const known_key& json_decoder::state::find(std::string_view name) {
  if (name.size() > longest_cached_name) [[unlikely]] {
    learn(uncached, name);
    return uncached;
  }
  auto& entry = keys[quick_hash(name) >> 52];
  if (!entry.used || !same_name(entry.name, name)) {
    entry.name.assign(name);
    learn(entry, name);
  }
  return entry;
}

void json_decoder::state::learn(known_key& entry, std::string_view name) const {
  entry.used = true;
  entry.id = names->find(name);
  if (entry.id == model::no_field && options.wanted && name.find(' ') != std::string_view::npos) {
    std::string joined(name);
    std::erase(joined, ' ');
    entry.id = names->find(joined);
  }
  const bool known = entry.id != model::no_field;
  entry.kept = known ? names->name(entry.id) : std::string_view{};
  entry.wanted = !known           ? options.keep_unknown
                 : options.wanted ? entry.id < options.wanted->size() && (*options.wanted)[entry.id]
                                  : true;
}

/// The slot's name: of the dictionary when it has it, else in the document, else a copy.
model::slot json_decoder::state::resolve(std::string_view key, bool in_document, bool& wanted) {
  const auto& entry = find(key);
  model::slot s;
  s.id = entry.id;
  wanted = entry.wanted;
  if (s.id != model::no_field)
    key = entry.kept;
  else if (options.keep_unknown && !(in_document && stable))
    key = memory->copy(key);
  s.name_data = key.data();
  s.name_size = static_cast<std::uint32_t>(key.size());
  return s;
}

/// The slot's name: the path joined so far.
model::slot json_decoder::state::resolve_path(bool& wanted) {
  if (path.size() > longest_path) [[unlikely]]
    throw json_stop{fmt::format("a name of nested keys is longer than {} bytes", longest_path)};
  const auto name = resolve(path, false, wanted);
  if (name.id == model::no_field) {
    if (path.size() > name_bytes_left) [[unlikely]]
      throw json_stop{"names of nested keys take many times the document's size"};
    name_bytes_left -= path.size();
  }
  return name;
}

void json_decoder::state::emit(model::slot s, model::value v) {
  if (out->size() - first >= options.max_fields) [[unlikely]]
    throw json_stop{fmt::format("more than {} fields", options.max_fields)};
  out->push_back(s);
  out->back().data = v;
}

model::value json_decoder::state::number(od::value item) {
  od::number n;
  if (item.get_number().get(n) == simdjson::SUCCESS) {
    if (n.is_int64())
      return model::value::of_int(n.get_int64());
    if (n.is_double())
      return model::value::of_real(n.get_double());
  }
  // Too large for the type, or not quite a number: its text is kept, and must at least look like one.
  auto token = std::string_view(item.raw_json_token());
  while (!token.empty() &&
         (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' || token.back() == '\t'))
    token.remove_suffix(1);
  if (token.find_first_not_of("+-0123456789.eE") != std::string_view::npos)
    throw json_stop{"not a JSON value"};
  return model::value::of_string(memory->copy(token));
}

model::value json_decoder::state::scalar(od::value item, od::json_type type) {
  switch (type) {
  case od::json_type::string: {
    const auto within = item.raw_json_token().size();
    od::raw_json_string raw;
    check(item.get_raw_json_string().get(raw));
    std::string_view text;
    if (!read_json_string(raw.raw(), within, stable, *memory, text))
      throw json_stop{"a string has an invalid escape"};
    return model::value::of_string(text);
  }
  case od::json_type::number:
    return number(item);
  case od::json_type::boolean: {
    bool truth = false;
    check(item.get_bool().get(truth));
    return model::value::of_bool(truth);
  }
  default:
    if (!item.is_null())
      throw json_stop{"not a JSON value"};
    return {};
  }
}

model::value json_decoder::state::make_list(const std::vector<model::value>& items) {
  auto* at = memory->make_array<model::value>(items.size());
  std::uninitialized_copy(items.begin(), items.end(), at);
  return model::value::of_list({at, items.size()});
}

/// One item of a list: scalars go to `items`, inner lists are spliced, maps are walked (flatten_maps gathers their
/// fields).
void json_decoder::state::collect(od::value item, const model::slot& name, std::size_t depth,
                                  std::vector<model::value>& items) {
  od::json_type type{};
  check(item.type().get(type));
  if (type == od::json_type::object || type == od::json_type::array) {
    if (depth >= options.max_depth) {
      items.push_back(model::value::of_string(memory->copy(json_text_of(item, type))));
    } else if (type == od::json_type::object) {
      walk(item.get_object(), depth + 1);
    } else {
      for (auto inner : item.get_array()) {
        check(inner.error());
        collect(inner.value_unsafe(), name, depth + 1, items);
      }
    }
    return;
  }
  items.push_back(scalar(item, type));
}

/// The slots from `from` on came out of the maps of one list: same names become one slot with a list.
void json_decoder::state::flatten_maps(std::size_t from) {
  if (out->size() == from)
    return;
  groups.clear();
  group_of.clear();
  std::unordered_map<std::string_view, std::uint32_t> by_name;
  for (std::size_t i = from; i < out->size(); ++i) {
    const auto& s = (*out)[i];
    group_of.push_back(find_group(s, by_name));
    groups[group_of.back()].count += s.data.is_list() ? static_cast<std::uint32_t>(s.data.items().size()) : 1;
  }
  for (auto& g : groups) {
    g.slot.data = model::value::of_list({memory->make_array<model::value>(g.count), g.count});
    g.count = 0;
  }
  for (std::size_t i = from; i < out->size(); ++i) {
    const auto& data = (*out)[i].data;
    auto& g = groups[group_of[i - from]];
    auto* const at = const_cast<model::value*>(g.slot.data.items().data());
    if (data.is_list())
      for (const auto& item : data.items())
        new (at + g.count++) model::value(item);
    else
      new (at + g.count++) model::value(data);
  }
  out->resize(from);
  for (const auto& g : groups)
    out->push_back(g.slot);
}

/// Maps of a list have few names, mostly: those are looked through, more are hashed.
std::uint32_t json_decoder::state::find_group(const model::slot& s,
                                              std::unordered_map<std::string_view, std::uint32_t>& by_name) {
  constexpr std::size_t few = 16;
  if (groups.size() <= few) {
    for (std::uint32_t i = 0; i < groups.size(); ++i)
      if (groups[i].slot.name() == s.name())
        return i;
  } else {
    if (by_name.empty())
      for (std::uint32_t i = 0; i < groups.size(); ++i)
        by_name.emplace(groups[i].slot.name(), i);
    if (const auto it = by_name.find(s.name()); it != by_name.end())
      return it->second;
    by_name.emplace(s.name(), static_cast<std::uint32_t>(groups.size()));
  }
  groups.push_back({s, 0});
  return static_cast<std::uint32_t>(groups.size() - 1);
}

void json_decoder::state::walk_array(od::array list, model::slot name, bool wanted, std::size_t depth) {
  const auto from = out->size();
  auto& items = lists[depth];
  items.clear();
  for (auto item : list) {
    check(item.error());
    collect(item.value_unsafe(), name, depth, items);
    if (items.size() > options.max_fields)
      throw json_stop{fmt::format("a list of more than {} items", options.max_fields)};
  }
  flatten_maps(from);
  if (wanted && (!items.empty() || out->size() == from))
    emit(name, make_list(items));
}

void json_decoder::state::walk_value(od::value item, model::slot name, bool wanted, std::size_t depth) {
  od::json_type type{};
  check(item.type().get(type));
  if (type == od::json_type::object || type == od::json_type::array) {
    if (depth < options.max_depth) {
      if (type == od::json_type::array)
        return walk_array(item.get_array(), name, wanted, depth + 1);
      if (!walk(item.get_object(), depth + 1) && wanted)
        emit(name, model::value::of_string(empty_object_text));
      return;
    }
    const auto text = json_text_of(item, type);
    if (wanted)
      emit(name, model::value::of_string(memory->copy(text)));
    return;
  }
  if (wanted)
    emit(name, scalar(item, type));
}

/// False for an object without members.
bool json_decoder::state::walk(od::object object, std::size_t depth) {
  bool any = false;
  const auto prefix = path.size();
  for (auto entry : object) {
    check(entry.error());
    any = true;
    od::field& field = entry.value_unsafe();
    std::string_view key;
    const bool plain = read_json_key(field.key().raw(), key);
    if (const char* raw = field.key().raw(); !plain && !read_json_string(raw, written_size(raw), false, *memory, key))
      throw json_stop{"a key has an invalid escape"};
    bool wanted = false;
    if (prefix == 0 && depth == 0) {
      const auto name = resolve(key, plain, wanted);
      members.push_back({key, field.key().raw(), field.value().raw_json_token().data()});
      // Most values are texts and numbers: the path is only needed below a map or a list.
      if (const char first = *members.back().value; first == '{' || first == '[')
        path.assign(key);
      walk_value(field.value(), name, wanted, depth);
    } else {
      if (prefix != 0)
        path.push_back('.');
      path.append(key);
      const auto name = resolve_path(wanted);
      walk_value(field.value(), name, wanted, depth);
    }
    path.resize(prefix);
  }
  return any;
}

std::optional<json_failure> json_decoder::decode(std::string_view document, arena& memory,
                                                 std::vector<model::slot>& out) {
  auto& s = *state_;
  s.memory = &memory;
  s.out = &out;
  s.first = out.size();
  s.path.clear();
  s.name_bytes_left = document.size() * name_bytes_per_byte + free_name_bytes;
  s.members.clear();
  s.stable = true;
  od::document parsed;
  const char* start = document.data();
  std::string cleaned;
  try {
    auto code = s.parser.iterate(document, document.size() + padding).get(parsed);
    if (code == simdjson::UTF8_ERROR) {
      cleaned = with_valid_utf8(document);
      cleaned.reserve(cleaned.size() + padding);
      s.stable = false;
      start = cleaned.data();
      code = s.parser.iterate(cleaned, cleaned.size() + padding).get(parsed);
    }
    check(code);
    od::object object;
    if (parsed.get_object().get(object))
      throw json_stop{"not a JSON object"};
    s.walk(object, 0);
    const char* rest = nullptr;
    if (parsed.current_location().get(rest) == simdjson::SUCCESS)
      throw json_stop{"more text after the end of the JSON object"};
    return std::nullopt;
  } catch (const json_stop& stop) {
    out.resize(s.first);
    const char* at = nullptr;
    std::uint32_t offset = 0;
    if (parsed.is_alive() && !parsed.current_location().get(at) && at >= start && at <= start + document.size())
      offset = static_cast<std::uint32_t>(at - start);
    return json_failure{stop.reason, offset};
  } catch (const simdjson::simdjson_error& error) {
    out.resize(s.first);
    return json_failure{simdjson::error_message(error.error()), 0};
  }
}

} // namespace soc::ingest
