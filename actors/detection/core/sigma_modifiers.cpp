#include "detection/core/sigma_modifiers.hpp"

#include "model/value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>

namespace soc::detection {

namespace {

/// Thrown inside this file only: an item that can't be evaluated.
struct item_error {
  std::string code, message, hint;
  source_place place;
};

/// "4624" and "-1.5" as YAML reads them; not "0x10", "007", "1e5".
std::optional<std::string> canonical_number(const std::string& text) {
  const char* from = text.data() + (text.starts_with('+') ? 1 : 0);
  const char* end = text.data() + text.size();
  const char* digits = from + (from != end && *from == '-' ? 1 : 0);
  if (digits == end || *digits < '0' || *digits > '9' || (*digits == '0' && end - digits > 1 && digits[1] != '.'))
    return std::nullopt;
  std::int64_t whole = 0;
  if (const auto [at, error] = std::from_chars(from, end, whole); error == std::errc{} && at == end)
    return model::value::of_int(whole).to_text();
  if (text.find('.') == std::string::npos || text.find_first_of("eE") != std::string::npos)
    return std::nullopt;
  double real = 0;
  if (const auto [at, error] = std::from_chars(from, end, real); error == std::errc{} && at == end)
    return model::value::of_real(real).to_text();
  return std::nullopt;
}

std::optional<double> number_of(const std::string& text) {
  double out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return out;
}

/// A YAML scalar as the value it is before any modifier.
value_match plain_value(const YAML::Node& node) {
  value_match out;
  if (node.IsNull()) {
    out.kind = match_kind::null;
    return out;
  }
  out.text = node.Scalar();
  const bool quoted = node.Tag() == "!";
  if (!quoted) {
    if (const auto number = canonical_number(out.text)) {
      out.kind = match_kind::number;
      out.text = *number;
      out.number = number_of(*number).value_or(0);
      return out;
    }
    if (out.text == "true" || out.text == "True" || out.text == "TRUE" || out.text == "false" || out.text == "False" ||
        out.text == "FALSE") {
      out.kind = match_kind::boolean;
      out.truth = out.text[0] == 't' || out.text[0] == 'T';
      return out;
    }
  }
  out.pattern = text_pattern::parse(out.text);
  return out;
}

/// What the modifiers of one item may make of its values, and what windash (3,125 spellings at most) takes.
constexpr std::size_t max_form_bytes = 4U << 20, max_windash_bytes = 16U << 10;

class item_builder {
public:
  item_builder(const YAML::Node& key, const item_context& context) : context_(context), key_(key) {}

  std::vector<value_match> values;
  bool all = false, negated = false;

  void apply(const std::string& modifier);
  void finish(bool keywords);
  source_place place() const { return place_of(context_.file, key_); }
  [[noreturn]] void fail(std::string code, std::string message, std::string hint = {}) const {
    throw item_error{std::move(code), std::move(message), std::move(hint), place()};
  }

private:
  using transform = std::function<std::vector<std::string>(const std::string&)>;
  void as_text(value_match& v, const std::string& modifier) const;
  void spend(std::size_t bytes);
  void add_form(std::vector<value_match>& out, const value_match& of, text_pattern form);
  void open(bool start, bool end, const std::string& modifier);
  void encode(const std::string& modifier, const transform& how);
  void windash();
  void expand();
  void regex();
  void compare(compare_op op, const std::string& modifier);
  void part_of_time(time_part part, const std::string& modifier);
  void regex_flag(bool value_match::*flag, const std::string& modifier);
  void exists();
  void cidr();

  const item_context& context_;
  YAML::Node key_;
  std::size_t spent_ = 0;
};

/// Forms multiply: five dashes an option, three offsets a base64offset, each value of a placeholder.
void item_builder::spend(std::size_t bytes) {
  spent_ += bytes;
  if (spent_ > max_form_bytes)
    fail("SIG024", fmt::format("the modifiers make more than {} MiB of forms of these values", max_form_bytes >> 20),
         "leave out modifiers that come twice, shorten the values, or split the list over several rules");
}

void item_builder::add_form(std::vector<value_match>& out, const value_match& of, text_pattern form) {
  spend(sizeof(value_match) + form.written().size());
  out.push_back(of);
  out.back().pattern = std::move(form);
}

void item_builder::as_text(value_match& v, const std::string& modifier) const {
  if (v.kind == match_kind::number || v.kind == match_kind::boolean) {
    v.pattern = text_pattern::literal(v.kind == match_kind::boolean ? (v.truth ? "true" : "false") : v.text);
    v.kind = match_kind::text;
  }
  if (v.kind != match_kind::text)
    fail("SIG006", fmt::format("'{}' needs text", modifier), "null and typed values can't be modified");
}

void item_builder::open(bool start, bool end, const std::string& modifier) {
  for (auto& v : values) {
    if (v.kind == match_kind::field) {
      v.shape = start && end ? pattern_shape::contains : start ? pattern_shape::suffix : pattern_shape::prefix;
      continue;
    }
    if (v.kind == match_kind::regex) {
      if (!start)
        v.text = "^(?:" + v.text + ")";
      if (!end)
        v.text = "(?:" + v.text + ")$";
      continue;
    }
    as_text(v, modifier);
    if (start)
      v.pattern.open_start();
    if (end)
      v.pattern.open_end();
  }
}

/// Replaces each value by the texts `how` makes of it.
void item_builder::encode(const std::string& modifier, const transform& how) {
  std::vector<value_match> out;
  for (auto& v : values) {
    as_text(v, modifier);
    if (v.pattern.has_wildcards())
      fail("SIG006", fmt::format("'{}' can't encode a value with wildcards", modifier),
           "escape '*' and '?' with '\\', and put contains, startswith or endswith after the encoding");
    for (const auto& text : how(v.pattern.plain()))
      add_form(out, v, text_pattern::literal(text));
  }
  values = std::move(out);
}

void item_builder::windash() {
  std::vector<value_match> out;
  for (auto& v : values) {
    as_text(v, "windash");
    const auto as_written = v.pattern.written();
    if (as_written.size() > max_windash_bytes)
      fail("SIG024", fmt::format("'windash' takes values of at most {} bytes", max_windash_bytes), "shorten the value");
    for (const auto& written : windash_variants(as_written))
      add_form(out, v, text_pattern::parse(written));
  }
  values = std::move(out);
}

void item_builder::expand() {
  std::vector<value_match> out;
  for (auto& v : values) {
    as_text(v, "expand");
    std::vector<text_pattern> made{text_pattern{}};
    const auto append_all = [&made](const text_piece& piece) {
      for (auto& p : made)
        piece.kind == piece_kind::text ? p.append_text(piece.text) : p.append(piece.kind);
    };
    for (const auto& piece : v.pattern.pieces()) {
      std::string_view rest = piece.text;
      if (piece.kind != piece_kind::text)
        append_all(piece);
      while (!rest.empty()) {
        const auto start = rest.find('%');
        const auto end = start == std::string_view::npos ? start : rest.find('%', start + 1);
        if (start != std::string_view::npos && start > 0 && rest[start - 1] == '\\') {
          append_all({piece_kind::text, std::string(rest.substr(0, start - 1)) + "%"});
          rest.remove_prefix(start + 1);
          continue;
        }
        if (end == std::string_view::npos) {
          append_all({piece_kind::text, std::string(rest)});
          break;
        }
        append_all({piece_kind::text, std::string(rest.substr(0, start))});
        const std::string name(rest.substr(start + 1, end - start - 1));
        const auto known = context_.placeholders.find(name);
        const bool has_value = known != context_.placeholders.end() && !known->second.empty();
        if (!has_value)
          context_.found.warning("SIG013", place(),
                                 fmt::format("placeholder '%{}%' has no value: it matches nothing", name),
                                 fmt::format("give '{}' a list of values with --placeholders FILE", name));
        std::vector<text_pattern> more;
        for (const auto& p : made)
          for (const auto& value : has_value ? known->second : std::vector<std::string>{}) {
            auto next = p;
            const auto parsed = text_pattern::parse(value);
            for (const auto& inner : parsed.pieces())
              inner.kind == piece_kind::text ? next.append_text(inner.text) : next.append(inner.kind);
            spend(sizeof(text_pattern) + next.written().size());
            more.push_back(std::move(next));
          }
        made = std::move(more);
        rest.remove_prefix(end + 1);
      }
    }
    for (auto& p : made)
      add_form(out, v, std::move(p));
  }
  values = std::move(out);
}

void item_builder::regex() {
  for (auto& v : values) {
    if (v.kind == match_kind::null)
      fail("SIG006", "'re' needs a regular expression");
    if (v.kind == match_kind::boolean)
      v.text = v.truth ? "true" : "false";
    v.kind = match_kind::regex;
  }
}

void item_builder::regex_flag(bool value_match::*flag, const std::string& modifier) {
  for (auto& v : values) {
    if (v.kind != match_kind::regex)
      fail("SIG006", fmt::format("'{}' only follows 're'", modifier));
    v.*flag = true;
  }
}

void item_builder::compare(compare_op op, const std::string& modifier) {
  for (auto& v : values) {
    const auto number = v.kind == match_kind::number ? std::optional(v.number) : number_of(v.text);
    if (!number)
      fail("SIG012", fmt::format("'{}' needs a number, not '{}'", modifier, v.text));
    v.kind = match_kind::compare;
    v.number = *number;
    v.op = op;
  }
}

void item_builder::part_of_time(time_part part, const std::string& modifier) {
  for (auto& v : values) {
    if (v.kind != match_kind::number && v.kind != match_kind::compare)
      fail("SIG012", fmt::format("'{}' needs a number", modifier));
    if (v.kind == match_kind::number)
      v.op = compare_op::eq;
    v.kind = match_kind::compare;
    v.part = part;
  }
}

void item_builder::exists() {
  if (values.size() != 1 || values.front().kind != match_kind::boolean)
    fail("SIG006", "'exists' takes one value: true or false");
  values.front().kind = match_kind::exists;
}

void item_builder::cidr() {
  for (auto& v : values) {
    const auto network = parse_network(v.text);
    if (!network)
      fail("SIG011", fmt::format("'{}' is no network", v.text), "write it as 10.0.0.0/8 or fe80::/10");
    v.kind = match_kind::network;
    v.network = *network;
  }
}

void item_builder::apply(const std::string& modifier) {
  const auto one = [](std::string text) { return std::vector<std::string>{std::move(text)}; };
  const auto utf16 = [&](bool big, const char* mark) {
    encode(modifier, [=](const std::string& s) { return one(mark + utf16_bytes(s, big)); });
  };
  const std::map<std::string, std::function<void()>> actions{
      {"contains", [&] { open(true, true, modifier); }},
      {"startswith", [&] { open(false, true, modifier); }},
      {"endswith", [&] { open(true, false, modifier); }},
      {"all", [&] { all = true; }},
      {"neq", [&] { negated = true; }},
      {"exists", [&] { exists(); }},
      {"cased",
       [&] {
         for (auto& v : values)
           v.cased = true;
       }},
      {"windash", [&] { windash(); }},
      {"re", [&] { regex(); }},
      {"i", [&] { regex_flag(&value_match::ignore_case, modifier); }},
      {"ignorecase", [&] { regex_flag(&value_match::ignore_case, modifier); }},
      {"m", [&] { regex_flag(&value_match::multi_line, modifier); }},
      {"multiline", [&] { regex_flag(&value_match::multi_line, modifier); }},
      {"s", [&] { regex_flag(&value_match::dot_all, modifier); }},
      {"dotall", [&] { regex_flag(&value_match::dot_all, modifier); }},
      {"base64", [&] { encode(modifier, [&](const std::string& s) { return one(base64(s)); }); }},
      {"base64offset", [&] { encode(modifier, base64_offsets); }},
      {"utf16le", [&] { utf16(false, ""); }},
      {"wide", [&] { utf16(false, ""); }},
      {"utf16be", [&] { utf16(true, ""); }},
      {"utf16", [&] { utf16(false, "\xFF\xFE"); }},
      {"lt", [&] { compare(compare_op::lt, modifier); }},
      {"lte", [&] { compare(compare_op::lte, modifier); }},
      {"gt", [&] { compare(compare_op::gt, modifier); }},
      {"gte", [&] { compare(compare_op::gte, modifier); }},
      {"cidr", [&] { cidr(); }},
      {"expand", [&] { expand(); }},
      {"fieldref",
       [&] {
         for (auto& v : values)
           v.kind = match_kind::field;
       }},
      {"minute", [&] { part_of_time(time_part::minute, modifier); }},
      {"hour", [&] { part_of_time(time_part::hour, modifier); }},
      {"day", [&] { part_of_time(time_part::day, modifier); }},
      {"week", [&] { part_of_time(time_part::week, modifier); }},
      {"month", [&] { part_of_time(time_part::month, modifier); }},
      {"year", [&] { part_of_time(time_part::year, modifier); }},
  };
  const auto action = actions.find(modifier);
  if (action != actions.end())
    return action->second();
  std::vector<std::string> known;
  for (const auto& [name, unused] : actions)
    known.push_back(name);
  const auto near = did_you_mean(modifier, known);
  fail("SIG005", fmt::format("unknown modifier '{}'", modifier),
       near.empty() ? std::string() : fmt::format("did you mean '{}'?", near));
}

void item_builder::finish(bool keywords) {
  for (auto& v : values) {
    if (keywords && v.kind != match_kind::regex) {
      as_text(v, "a keyword");
      v.pattern.open_start();
      v.pattern.open_end();
    }
    if (v.kind == match_kind::text)
      v.text.clear();
  }
}

std::vector<value_match> read_values(const YAML::Node& values, const item_builder& builder) {
  std::vector<value_match> out;
  if (values.IsScalar() || values.IsNull()) {
    out.push_back(plain_value(values));
    return out;
  }
  if (!values.IsSequence() || values.size() == 0)
    builder.fail("SIG004",
                 values.IsSequence() ? "the list of values is empty" : "a value must be a scalar or a list of scalars",
                 "conditions over several fields are separate keys of the search identifier");
  for (const auto& v : values) {
    if (!v.IsScalar() && !v.IsNull())
      builder.fail("SIG004", "a value must be a scalar, not a map or a list");
    out.push_back(plain_value(v));
  }
  return out;
}

std::shared_ptr<const detection_item> build_item(const YAML::Node& key, const YAML::Node& values, std::string written,
                                                 bool all, const item_context& context) {
  item_builder builder(key, context);
  try {
    auto item = std::make_shared<detection_item>();
    item->key = written;
    item->place = builder.place();
    builder.values = read_values(values, builder);
    builder.all = all;
    auto bar = written.find('|');
    item->field = written.substr(0, bar);
    while (bar != std::string::npos) {
      const auto next = written.find('|', bar + 1);
      builder.apply(written.substr(bar + 1, next == std::string::npos ? next : next - bar - 1));
      bar = next;
    }
    builder.finish(item->field.empty());
    item->matches = std::move(builder.values);
    item->all = builder.all;
    item->negated = builder.negated;
    return item;
  } catch (const item_error& e) {
    context.found.error(e.code, e.place, e.message, e.hint);
    return nullptr;
  }
}

} // namespace

std::shared_ptr<const detection_item> read_detection_item(const YAML::Node& key, const YAML::Node& values,
                                                          const item_context& context) {
  if (!key.IsScalar()) {
    context.found.error("SIG004", place_of(context.file, key), "a field name must be text");
    return nullptr;
  }
  return build_item(key, values, key.Scalar(), false, context);
}

std::shared_ptr<const detection_item> read_keywords(const YAML::Node& values, bool all, const item_context& context) {
  return build_item(values, values, {}, all, context);
}

} // namespace soc::detection
