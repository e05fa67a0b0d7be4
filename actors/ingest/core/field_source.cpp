#include "ingest/core/field_source.hpp"

#include "ingest/core/json_decoder.hpp"

#include <algorithm>
#include <charconv>

namespace soc::ingest {

namespace {

bool same_caseless(std::string_view text, std::string_view lower) {
  return text.size() == lower.size() &&
         std::equal(text.begin(), text.end(), lower.begin(),
                    [](unsigned char a, char b) { return static_cast<char>(std::tolower(a)) == b; });
}

} // namespace

field_source field_source::compile(std::string_view text, model::field_dictionary& names) {
  using k = field_source::kind;
  field_source s;
  s.path = text;
  if (!text.empty() && text.front() == '@') {
    s.from = text == "@raw"        ? k::raw
             : text == "@origin"   ? k::origin
             : text == "@received" ? k::received
             : text == "@account"  ? k::account
             : text == "@region"   ? k::region
             : text == "@cloud"    ? k::cloud
             : text == "@payload"  ? k::payload
                                   : k::native;
    if (s.from != k::native)
      return s;
  }
  if (text.substr(0, 5) == "ocsf:") {
    s.from = k::ocsf;
    s.path = text.substr(5);
    s.id = names.intern(s.path);
    return s;
  }
  if (text.substr(0, 5) == "json:") {
    s.from = k::tree;
    s.path = text.substr(5);
    return s;
  }
  const auto open = text.find('[');
  const auto close = text.find(']', open);
  const bool numbered =
      open != std::string_view::npos && close != std::string_view::npos && close > open + 1 &&
      text.substr(open + 1, close - open - 1).find_first_not_of("0123456789") == std::string_view::npos;
  if (!numbered) {
    s.id = names.intern(text);
    return s;
  }
  s.from = close + 1 == text.size() && text.find('[', close) == std::string_view::npos ? k::item : k::element;
  std::from_chars(text.data() + open + 1, text.data() + close, s.index);
  s.id = names.intern(s.from == k::item ? text.substr(0, open) : std::string_view(s.native_name()));
  return s;
}

std::string field_source::native_name() const {
  if (from == kind::ocsf || (!path.empty() && path.front() == '@' && from != kind::native))
    return {};
  std::string name;
  bool inside = false;
  for (const char c : path) {
    if (c == '[')
      inside = true;
    if (!inside)
      name += c;
    if (c == ']')
      inside = false;
  }
  return name;
}

model::value read_source(const field_source& source, record_context& record) {
  using k = field_source::kind;
  switch (source.from) {
  case k::native: {
    const auto* found = record.native.find(source.id);
    return found == nullptr ? model::value{} : *found;
  }
  case k::ocsf: {
    const auto* found = record.ocsf.find(source.id);
    return found == nullptr ? model::value{} : *found;
  }
  case k::item: {
    const auto* list = record.native.find(source.id);
    if (list == nullptr)
      return {};
    if (!list->is_list())
      return source.index == 0 ? *list : model::value{};
    const auto items = list->items();
    return static_cast<std::size_t>(source.index) < items.size() ? items[static_cast<std::size_t>(source.index)]
                                                                 : model::value{};
  }
  case k::element:
  case k::tree: {
    if (std::string_view text; source.from == k::tree && record.trees.find_text(source.path, *record.memory, text))
      return model::value::of_string(text);
    simdjson::dom::element found;
    if (!record.trees.find(source.path, found))
      return {};
    if (source.from == k::tree && (found.is_object() || found.is_array()))
      return model::value::of_string(record.memory->copy(simdjson::minify(found)));
    return value_of(found, *record.memory);
  }
  case k::payload:
    return model::value::of_string(record.payload);
  case k::raw:
    return model::value::of_string(record.record);
  case k::origin:
    return model::value::of_string(record.raw->origin);
  case k::received:
    return model::value::of_int(record.raw->received_at);
  case k::account:
    return record.raw->context ? model::value::of_string(record.raw->context->account) : model::value{};
  case k::region:
    return record.raw->context ? model::value::of_string(record.raw->context->region) : model::value{};
  case k::cloud:
    return record.raw->context ? model::value::of_string(record.raw->context->cloud) : model::value{};
  }
  return {};
}

bool is_absent(const model::value& v, const std::vector<std::string>& absent) {
  if (v.is_null())
    return true;
  if (v.is_list())
    return std::all_of(v.items().begin(), v.items().end(), [&](const model::value& i) { return is_absent(i, absent); });
  if (!v.is_string())
    return false;
  const auto text = v.text();
  if (text.empty() || text == "-" || text == empty_object_text)
    return true;
  return !absent.empty() &&
         std::any_of(absent.begin(), absent.end(), [&](const auto& a) { return same_caseless(text, a); });
}

std::string_view text_of(const model::value& v, arena& memory) {
  if (v.is_string())
    return v.text();
  return v.is_null() ? std::string_view{} : memory.copy(v.to_text());
}

} // namespace soc::ingest
