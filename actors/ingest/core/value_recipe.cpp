// How a recipe makes its value, and how values become what the schema wants.
#include "ingest/core/record_shape.hpp"
#include "ingest/core/value_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace soc::ingest {

namespace {

std::string_view trimmed_of(std::string_view text, std::string_view chars) {
  const auto from = text.find_first_not_of(chars);
  if (from == std::string_view::npos)
    return {};
  return text.substr(from, text.find_last_not_of(chars) - from + 1);
}

std::string_view with_case(std::string_view text, bool upper, arena& memory) {
  auto* out = memory.make_array<char>(text.size());
  std::transform(text.begin(), text.end(), out,
                 [&](unsigned char c) { return static_cast<char>(upper ? std::toupper(c) : std::tolower(c)); });
  return {out, text.size()};
}

template <class Source>
model::value first_present(std::span<const Source> from, const rule_settings& settings, record_context& record) {
  for (const auto& source : from)
    if (const auto v = read_source(source, record); !is_absent(v, settings.absent))
      return v;
  return {};
}

model::value formatted(const std::vector<format_piece>& pieces, const rule_settings& settings, record_context& record) {
  std::string out;
  for (const auto& p : pieces) {
    out += p.literal;
    if (!p.source)
      continue;
    const auto v = read_source(*p.source, record);
    if (is_absent(v, settings.absent))
      return {};
    out += v.to_text();
  }
  return model::value::of_string(record.memory->copy(out));
}

bool same_folded(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](unsigned char x, unsigned char y) {
           return std::tolower(x) == std::tolower(y);
         });
}

/// The value beside a key in a list of name/value maps.
model::value picked(const pick_rule& pick, record_context& record) {
  const auto keys = read_source(pick.keys, record);
  if (keys.is_null())
    return {};
  if (!keys.is_list())
    return same_folded(text_of(keys, *record.memory), pick.equals) ? read_source(pick.values, record) : model::value{};
  for (std::size_t i = 0; i < keys.items().size(); ++i) {
    if (!keys.items()[i].is_string() || !same_folded(keys.items()[i].text(), pick.equals))
      continue;
    // Elements may lack a key, so the flattened lists may be shifted: the element itself is asked.
    simdjson::dom::element found;
    for (std::size_t at = i; at < i + 64; ++at) {
      if (!record.trees.find(fmt::format("{}[{}].{}", pick.list, at, pick.key), found))
        break;
      const auto key = value_of(found, *record.memory);
      if (key.is_string() && same_folded(key.text(), pick.equals))
        return record.trees.find(fmt::format("{}[{}].{}", pick.list, at, pick.value), found)
                   ? value_of(found, *record.memory)
                   : model::value{};
    }
    const auto values = read_source(pick.values, record);
    return values.is_list() && i < values.items().size() ? values.items()[i] : model::value{};
  }
  return {};
}

model::value matched(const text_pattern& pattern, std::string_view text) {
  std::array<std::string_view, 2> groups;
  const std::size_t wanted = pattern.group_count() > 0 ? 2 : 1;
  if (!pattern.search(text, std::span(groups.data(), wanted)))
    return {};
  const auto& g = groups[wanted - 1];
  return g.data() == nullptr ? model::value{} : model::value::of_string(g);
}

model::value split_list(std::string_view text, std::string_view separator, arena& memory) {
  std::vector<model::value> items;
  while (true) {
    const auto end = text.find(separator);
    if (const auto part = trimmed_of(text.substr(0, end), " \t"); !part.empty())
      items.push_back(model::value::of_string(part));
    if (end == std::string_view::npos || items.size() >= 4096)
      break;
    text.remove_prefix(end + separator.size());
  }
  auto* at = memory.make_array<model::value>(items.size());
  std::copy(items.begin(), items.end(), at);
  return model::value::of_list({at, items.size()});
}

model::value item_of(const model::value& v, int index) {
  if (!v.is_list())
    return index == 0 || index == -1 ? v : model::value{};
  const auto n = static_cast<int>(v.items().size());
  const int at = index < 0 ? n + index : index;
  return at >= 0 && at < n ? v.items()[static_cast<std::size_t>(at)] : model::value{};
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  text = trimmed_of(text, " \t");
  std::int64_t n = 0;
  const auto* end = text.data() + text.size();
  const bool hex = text.size() > 2 && text[0] == '0' && (text[1] | 32) == 'x';
  const auto from = hex ? text.data() + 2 : text.data() + (!text.empty() && text[0] == '+' ? 1 : 0);
  const auto [at, code] = std::from_chars(from, end, n, hex ? 16 : 10);
  if (code == std::errc{} && at == end && from != end)
    return n;
  if (!hex && code == std::errc{} && (*at == '.' || *at == ',' || *at == 'e' || *at == 'E')) {
    std::string plain;
    std::copy_if(text.begin(), text.end(), std::back_inserter(plain), [](char c) { return c != ','; });
    double real = 0;
    const auto [stop, bad] = std::from_chars(plain.data(), plain.data() + plain.size(), real);
    if (bad == std::errc{} && stop == plain.data() + plain.size() && std::fabs(real) < 9e18)
      return std::llround(real);
  }
  return std::nullopt;
}

std::optional<std::int64_t> as_integer(const model::value& v) {
  switch (v.kind()) {
  case model::value_kind::integer:
    return v.integer();
  case model::value_kind::boolean:
    return v.boolean() ? 1 : 0;
  case model::value_kind::real:
    return std::fabs(v.real()) < 9e18 ? std::optional<std::int64_t>(std::llround(v.real())) : std::nullopt;
  case model::value_kind::string:
    return whole_number(v.text());
  default:
    return std::nullopt;
  }
}

std::optional<double> as_real(const model::value& v) {
  if (v.kind() == model::value_kind::real)
    return v.real();
  if (v.kind() == model::value_kind::integer)
    return static_cast<double>(v.integer());
  if (!v.is_string())
    return std::nullopt;
  const auto text = trimmed_of(v.text(), " \t");
  double n = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), n);
  return !text.empty() && code == std::errc{} && end == text.data() + text.size() ? std::optional(n) : std::nullopt;
}

/// A whole number where it is one but for what binary fractions lose: 0.044 * 1000 is 44.
model::value rounded_number(double n) {
  const double whole = std::nearbyint(n);
  return std::fabs(whole) < 9e15 && std::fabs(n - whole) <= 1e-9 * std::max(1.0, std::fabs(n))
             ? model::value::of_int(static_cast<std::int64_t>(whole))
             : model::value::of_real(n);
}

/// Of those that are numbers; null when none is.
model::value summed(const std::vector<field_source>& sources, const rule_settings& settings, record_context& record) {
  std::int64_t whole = 0;
  double real = 0;
  bool any = false, exact = true;
  const auto add = [&](const model::value& v) {
    const auto n = is_absent(v, settings.absent) ? std::nullopt : as_real(v);
    if (!n)
      return;
    any = true;
    real += *n;
    const auto i = as_integer(v);
    exact = exact && i && std::nearbyint(*n) == *n && !__builtin_add_overflow(whole, *i, &whole);
  };
  for (const auto& source : sources) {
    const auto v = read_source(source, record);
    if (v.is_list())
      std::for_each(v.items().begin(), v.items().end(), add);
    else
      add(v);
  }
  if (!any)
    return {};
  return exact ? model::value::of_int(whole) : rounded_number(real);
}

model::value mapped(const value_table& table, const model::value& v, arena& memory) {
  const auto text = text_of(v, memory);
  char folded[128];
  if (text.size() <= sizeof folded) {
    std::transform(text.begin(), text.end(), folded,
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (const auto it = table.entries.find(std::string_view(folded, text.size())); it != table.entries.end())
      return it->second.as_value();
  }
  return table.other ? table.other->as_value() : model::value{};
}

/// Everything between the source and the map, for one text.
model::value shaped(const value_recipe& r, model::value v, record_context& record) {
  auto& memory = *record.memory;
  if (r.regex) {
    v = matched(*r.regex, text_of(v, memory));
    if (v.is_null())
      return v;
  }
  if (r.lower || r.upper)
    v = model::value::of_string(with_case(text_of(v, memory), r.upper, memory));
  if (r.trim)
    v = model::value::of_string(trimmed_of(text_of(v, memory), r.trim_chars));
  if (!r.strip_prefix.empty())
    if (const auto text = text_of(v, memory); text.substr(0, r.strip_prefix.size()) == r.strip_prefix)
      v = model::value::of_string(text.substr(r.strip_prefix.size()));
  if (!r.strip_suffix.empty())
    if (const auto text = text_of(v, memory);
        text.size() >= r.strip_suffix.size() && text.substr(text.size() - r.strip_suffix.size()) == r.strip_suffix)
      v = model::value::of_string(text.substr(0, text.size() - r.strip_suffix.size()));
  if (r.hex) {
    auto text = text_of(v, memory);
    if (text.substr(0, 2) == "0x" || text.substr(0, 2) == "0X")
      text.remove_prefix(2);
    std::uint64_t n = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), n, 16);
    if (code != std::errc{} || end != text.data() + text.size())
      return {};
    v = model::value::of_int(static_cast<std::int64_t>(n));
  }
  if (r.scale) {
    const auto n = as_real(v);
    if (!n)
      return {};
    v = rounded_number(*n * *r.scale);
  }
  if (r.map)
    v = mapped(*r.map, v, memory);
  return v;
}

model::value shaped_all(const value_recipe& r, const model::value& v, record_context& record) {
  if (!v.is_list())
    return shaped(r, v, record);
  std::vector<model::value> items;
  for (const auto& item : v.items())
    if (const auto one = shaped(r, item, record); !one.is_null())
      items.push_back(one);
  if (items.empty())
    return {};
  auto* at = record.memory->make_array<model::value>(items.size());
  std::copy(items.begin(), items.end(), at);
  return model::value::of_list({at, items.size()});
}

model::value read_joined(const time_rule& rule, const rule_settings& settings, record_context& record) {
  std::string out;
  for (const auto& source : rule.join) {
    const auto v = read_source(source, record);
    if (is_absent(v, settings.absent))
      return {};
    if (!out.empty())
      out += ' ';
    out += v.to_text();
  }
  return model::value::of_string(record.memory->copy(out));
}

std::optional<unix_ns> read_time_text(std::string_view text, const time_rule* rule, const time_context& context,
                                      time_unit unit) {
  if (rule == nullptr || rule->formats.empty())
    return parse_time_text(text, context, unit);
  for (const auto& format : rule->formats) {
    *context.unknown_zone = {};
    std::optional<unix_ns> time;
    if (format == "auto")
      time = parse_time_text(text, context, unit);
    else if (format == "filetime") {
      if (const auto n = whole_number(text))
        time = (*n - 116'444'736'000'000'000) * 100;
    } else
      time = parse_time_format(text, format, context);
    if (time)
      return time;
  }
  return std::nullopt;
}

std::optional<unix_ns> as_time(const model::value& v, const time_rule* rule, const rule_settings& settings,
                               record_context& record) {
  auto context = record.times;
  if (context.zone == nullptr && settings.zone)
    context.zone = &*settings.zone;
  std::string_view unknown;
  context.abbreviations = &settings.abbreviations;
  context.unknown_zone = &unknown;
  if (rule != nullptr && rule->zone)
    context.zone = &*rule->zone;
  if (rule != nullptr && rule->zone_from)
    if (const auto zone = read_source(*rule->zone_from, record); !is_absent(zone, settings.absent)) {
      const auto text = trimmed_of(text_of(zone, *record.memory), " \"");
      const auto own = settings.abbreviations.find(text);
      const auto* named = own != settings.abbreviations.end() ? &own->second : record.zones.find(text);
      if (named != nullptr)
        context.zone = named;
      else
        record.findings.unknown_zone = text;
    }
  const auto unit = rule == nullptr ? time_unit::by_size : rule->unit;
  if (v.kind() == model::value_kind::integer)
    return time_from_number(v.integer(), unit);
  if (v.kind() == model::value_kind::real)
    return time_from_number(v.real(), unit);
  if (!v.is_string())
    return std::nullopt;
  const auto time = read_time_text(v.text(), rule, context, unit);
  if (time && !unknown.empty())
    record.findings.unknown_zone = unknown;
  return time;
}

model::value as_boolean(const model::value& v, arena& memory) {
  if (v.kind() == model::value_kind::boolean)
    return v;
  if (v.kind() == model::value_kind::integer)
    return model::value::of_bool(v.integer() != 0);
  const auto text = text_of(v, memory);
  for (const auto yes : {"true", "yes", "on", "1", "y"})
    if (same_folded(text, yes))
      return model::value::of_bool(true);
  for (const auto no : {"false", "no", "off", "0", "n"})
    if (same_folded(text, no))
      return model::value::of_bool(false);
  return {};
}

model::value convert_one(const model::value& v, ocsf_kind kind, const value_recipe* recipe,
                         const rule_settings& settings, record_context& record, unix_ns* exact_time) {
  auto& memory = *record.memory;
  switch (kind) {
  case ocsf_kind::integer:
  case ocsf_kind::port: {
    const auto n = as_integer(v);
    if (!n || (kind == ocsf_kind::port && (*n < 0 || *n > 65535)))
      return {};
    return model::value::of_int(*n);
  }
  case ocsf_kind::real: {
    const auto n = as_real(v);
    return n ? model::value::of_real(*n) : model::value{};
  }
  case ocsf_kind::boolean:
    return as_boolean(v, memory);
  case ocsf_kind::time:
  case ocsf_kind::datetime: {
    const auto time = as_time(v, recipe != nullptr && recipe->time ? &*recipe->time : nullptr, settings, record);
    if (!time)
      return {};
    if (exact_time != nullptr)
      *exact_time = *time;
    return kind == ocsf_kind::time ? model::value::of_int(*time / ns_per_ms)
                                   : model::value::of_string(memory.copy(format_rfc3339(*time)));
  }
  case ocsf_kind::ip: {
    const auto ip = clean_ip(text_of(v, memory), memory);
    return ip ? model::value::of_string(*ip) : model::value{};
  }
  case ocsf_kind::mac: {
    const auto mac = clean_mac(text_of(v, memory), memory);
    return mac ? model::value::of_string(*mac) : model::value{};
  }
  case ocsf_kind::json:
    return v;
  case ocsf_kind::text:
  case ocsf_kind::object:
    return model::value::of_string(text_of(v, memory));
  }
  return {};
}

template <class Source>
model::value evaluate_from(const value_recipe& recipe, std::span<const Source> from, const rule_settings& settings,
                           record_context& record) {
  if (recipe.when && !recipe.when->holds(record))
    return {};
  if (recipe.value)
    return recipe.value->as_value();
  if (recipe.plain)
    return first_present(from, settings, record);
  model::value v;
  if (recipe.pick)
    v = picked(*recipe.pick, record);
  else if (!recipe.format.empty())
    v = formatted(recipe.format, settings, record);
  else if (!recipe.sum.empty())
    v = summed(recipe.sum, settings, record);
  else if (recipe.time && !recipe.time->join.empty())
    v = read_joined(*recipe.time, settings, record);
  else
    v = first_present(from, settings, record);
  if (!is_absent(v, settings.absent)) {
    if (!recipe.split.empty() && !v.is_list())
      v = split_list(text_of(v, *record.memory), recipe.split, *record.memory);
    if (recipe.item)
      v = item_of(v, *recipe.item);
    if (!v.is_null())
      v = shaped_all(recipe, v, record);
  } else {
    v = {};
  }
  // What a step made empty ("" after trim) is no value; a mapped or constant one counts as it is.
  if (v.is_null() || (!recipe.map && is_absent(v, settings.absent)))
    return recipe.fallback ? recipe.fallback->as_value() : model::value{};
  return v;
}

} // namespace

model::value read_source(const bound_source& source, record_context& record) {
  return source.place >= 0 ? record.native.slots[static_cast<std::size_t>(source.place)].data
                           : read_source(*source.source, record);
}

model::value evaluate(const value_recipe& recipe, std::span<const field_source> from, const rule_settings& settings,
                      record_context& record) {
  return evaluate_from(recipe, from, settings, record);
}

model::value evaluate(const value_recipe& recipe, std::span<const bound_source> from, const rule_settings& settings,
                      record_context& record) {
  return evaluate_from(recipe, from, settings, record);
}

model::value convert_value(const model::value& v, ocsf_kind kind, bool array, const value_recipe* recipe,
                           const rule_settings& settings, record_context& record, unix_ns* exact_time) {
  if (!v.is_list() && !array)
    return convert_one(v, kind, recipe, settings, record, exact_time);
  std::vector<model::value> items;
  const auto add = [&](const model::value& item) {
    if (is_absent(item, settings.absent))
      return;
    if (const auto one = convert_one(item, kind, recipe, settings, record, exact_time); !one.is_null())
      items.push_back(one);
  };
  if (v.is_list())
    std::for_each(v.items().begin(), v.items().end(), add);
  else
    add(v);
  if (items.empty())
    return {};
  if (!array)
    return items[0]; // a list where the schema has one value: the first
  auto* at = record.memory->make_array<model::value>(items.size());
  std::copy(items.begin(), items.end(), at);
  return model::value::of_list({at, items.size()});
}

} // namespace soc::ingest
