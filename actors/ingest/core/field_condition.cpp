#include "ingest/core/field_condition.hpp"

#include "base/yaml_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>

namespace soc::ingest {

namespace {

std::string lower_text(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::optional<double> number_of_text(std::string_view text) {
  double n = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (text.empty() || code != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return n;
}

std::optional<double> number_of(const model::value& v) {
  switch (v.kind()) {
  case model::value_kind::integer:
    return static_cast<double>(v.integer());
  case model::value_kind::real:
    return v.real();
  case model::value_kind::string:
    return number_of_text(v.text());
  default:
    return std::nullopt;
  }
}

/// 16 bytes, IPv4 as ::ffff:a.b.c.d.
bool parse_address(std::string_view text, std::uint8_t* out) {
  char copy[64];
  if (text.size() >= sizeof copy)
    return false;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  std::memset(out, 0, 16);
  if (inet_pton(AF_INET, copy, out + 12) == 1) {
    out[10] = out[11] = 0xff;
    return true;
  }
  return inet_pton(AF_INET6, copy, out) == 1;
}

/// `*` and `?`; both sides lower case already.
bool matches_wildcard(std::string_view text, std::string_view pattern) {
  std::size_t t = 0, p = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t]) && pattern[p] != '*') {
      ++t;
      ++p;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*')
    ++p;
  return p == pattern.size();
}

} // namespace

std::shared_ptr<const field_condition> field_condition::compile(const YAML::Node& node, const std::string& file,
                                                                model::field_dictionary& names, diagnostics& found) {
  const auto before = found.errors();
  auto c = std::make_shared<field_condition>();
  if (node.IsSequence()) {
    c->kind_ = node_kind::any;
    for (const auto& item : node)
      if (auto child = compile(item, file, names, found))
        c->children_.push_back(std::const_pointer_cast<field_condition>(child));
  } else if (node.IsMap()) {
    for (const auto& entry : node) {
      const auto key = entry.first.as<std::string>();
      auto child = std::make_shared<field_condition>();
      if (key == "not") {
        child->kind_ = node_kind::negation;
        if (auto inner = compile(entry.second, file, names, found))
          child->children_.push_back(std::const_pointer_cast<field_condition>(inner));
      } else if (key == "any" && entry.second.IsSequence() && entry.second.size() > 0 && entry.second[0].IsMap()) {
        if (auto inner = compile(entry.second, file, names, found))
          child = std::const_pointer_cast<field_condition>(inner);
      } else if (!child->compile_test(key, entry.second, file, names, found)) {
        continue;
      }
      c->children_.push_back(std::move(child));
    }
  } else {
    found.error("MAP040", place_of(file, node), "a condition is a map of tests or a list of such maps",
                "when: {event_type: alert}");
  }
  return found.errors() == before ? c : nullptr;
}

bool field_condition::compile_test(const std::string& key, const YAML::Node& node, const std::string& file,
                                   model::field_dictionary& names, diagnostics& found) {
  kind_ = node_kind::test;
  const auto bar = key.find('|');
  source_ = field_source::compile(key.substr(0, bar), names);
  std::string modifier;
  for (auto rest = bar == std::string::npos ? std::string{} : key.substr(bar + 1); !rest.empty();) {
    const auto end = rest.find('|');
    const auto one = rest.substr(0, end);
    rest = end == std::string::npos ? std::string{} : rest.substr(end + 1);
    if (one == "all")
      need_all_ = true;
    else if (one == "cased")
      cased_ = true;
    else
      modifier = one;
  }
  static const std::vector<std::string> known{"",     "contains", "startswith", "endswith", "re", "exists",
                                              "cidr", "gt",       "gte",        "lt",       "lte"};
  if (std::find(known.begin(), known.end(), modifier) == known.end()) {
    const auto near = did_you_mean(modifier, known);
    found.error("MAP041", place_of(file, node), fmt::format("unknown modifier '{}'", modifier),
                near.empty() ? "contains, startswith, endswith, re, exists, cidr, gt, gte, lt, lte"
                             : fmt::format("did you mean '{}'?", near));
    return false;
  }
  const auto add = [&](const YAML::Node& item) {
    if (item.IsNull()) {
      values_.push_back({test_kind::absent});
      return true;
    }
    if (!item.IsScalar()) {
      found.error("MAP042", place_of(file, item), "a test's value is a text, a number or a list of them");
      return false;
    }
    return compile_value(item.Scalar(), modifier, file, item, found);
  };
  if (!node.IsSequence())
    return add(node);
  bool good = true;
  for (const auto& item : node)
    good = add(item) && good;
  return good;
}

bool field_condition::compile_value(const std::string& text, const std::string& modifier, const std::string& file,
                                    const YAML::Node& node, diagnostics& found) {
  test_value v;
  v.text = cased_ ? text : lower_text(text);
  if (modifier == "exists") {
    v.kind = text == "false" || text == "no" ? test_kind::absent : test_kind::exists;
  } else if (modifier == "re") {
    std::string error;
    auto pattern =
        text_pattern::compile(text, {.any_case = !cased_, .dot_takes_newline = false, .max_bytes = 4 << 20}, error);
    if (!pattern) {
      found.error("MAP043", place_of(file, node), fmt::format("not an RE2 pattern: {}", error));
      return false;
    }
    v.kind = test_kind::regex;
    v.pattern = std::move(pattern);
  } else if (modifier == "cidr") {
    const auto slash = text.find('/');
    const auto bits = number_of_text(slash == std::string::npos ? "" : std::string_view(text).substr(slash + 1));
    const bool v4 = text.find(':') == std::string::npos;
    if (!parse_address(std::string_view(text).substr(0, slash), v.network) || !bits || *bits < 0 ||
        *bits > (v4 ? 32 : 128)) {
      found.error("MAP044", place_of(file, node), fmt::format("'{}' is no network", text), "10.0.0.0/8");
      return false;
    }
    v.kind = test_kind::cidr;
    v.prefix_bits = static_cast<int>(*bits) + (v4 ? 96 : 0);
  } else if (modifier == "gt" || modifier == "gte" || modifier == "lt" || modifier == "lte") {
    const auto n = number_of_text(text);
    if (!n) {
      found.error("MAP045", place_of(file, node), fmt::format("'{}' is no number", text));
      return false;
    }
    v.number = *n;
    v.kind = modifier == "gt"    ? test_kind::gt
             : modifier == "gte" ? test_kind::gte
             : modifier == "lt"  ? test_kind::lt
                                 : test_kind::lte;
  } else if (modifier.empty()) {
    v.kind = text.find_first_of("*?") == std::string::npos ? test_kind::equal : test_kind::wildcard;
    const auto n = number_of_text(text);
    v.is_number = n.has_value();
    v.number = n.value_or(0);
  } else {
    v.kind = modifier == "contains"     ? test_kind::contains
             : modifier == "startswith" ? test_kind::starts
                                        : test_kind::ends;
  }
  values_.push_back(std::move(v));
  return true;
}

bool field_condition::holds(record_context& record) const {
  switch (kind_) {
  case node_kind::all:
    return std::all_of(children_.begin(), children_.end(), [&](const auto& c) { return c->holds(record); });
  case node_kind::any:
    return std::any_of(children_.begin(), children_.end(), [&](const auto& c) { return c->holds(record); });
  case node_kind::negation:
    return std::none_of(children_.begin(), children_.end(), [&](const auto& c) { return c->holds(record); });
  case node_kind::test:
    return holds_test(read_source(source_, record), record);
  }
  return false;
}

bool field_condition::holds_test(const model::value& v, record_context& record) const {
  static const std::vector<std::string> none;
  const auto one = [&](const test_value& want) {
    if (want.kind == test_kind::exists || want.kind == test_kind::absent)
      return is_absent(v, none) == (want.kind == test_kind::absent);
    if (v.is_list())
      return std::any_of(v.items().begin(), v.items().end(),
                         [&](const auto& item) { return matches(want, item, record); });
    return !v.is_null() && matches(want, v, record);
  };
  return need_all_ ? std::all_of(values_.begin(), values_.end(), one)
                   : std::any_of(values_.begin(), values_.end(), one);
}

bool field_condition::matches(const test_value& want, const model::value& v, record_context& record) const {
  if (want.kind >= test_kind::gt) {
    const auto n = number_of(v);
    return n && (want.kind == test_kind::gt    ? *n > want.number
                 : want.kind == test_kind::gte ? *n >= want.number
                 : want.kind == test_kind::lt  ? *n < want.number
                                               : *n <= want.number);
  }
  if (want.kind == test_kind::equal && want.is_number && !v.is_string()) {
    const auto n = number_of(v);
    return n && *n == want.number;
  }
  const auto text = text_of(v, *record.memory);
  if (want.kind == test_kind::regex)
    return want.pattern->search(text);
  if (want.kind == test_kind::cidr) {
    std::uint8_t address[16];
    if (!parse_address(text, address))
      return false;
    const int bytes = want.prefix_bits / 8, bits = want.prefix_bits % 8;
    return std::memcmp(address, want.network, static_cast<std::size_t>(bytes)) == 0 &&
           (bits == 0 || (address[bytes] >> (8 - bits)) == (want.network[bytes] >> (8 - bits)));
  }
  const auto same = [&](std::string_view part) {
    return part.size() == want.text.size() &&
           (cased_ ? part == want.text
                   : std::equal(part.begin(), part.end(), want.text.begin(), [](unsigned char a, char b) {
                       return (a >= 'A' && a <= 'Z' ? static_cast<char>(a | 32) : static_cast<char>(a)) == b;
                     }));
  };
  const auto n = want.text.size();
  if (want.kind == test_kind::equal)
    return same(text);
  if (text.size() < n && want.kind != test_kind::wildcard)
    return false;
  if (want.kind == test_kind::starts)
    return same(text.substr(0, n));
  if (want.kind == test_kind::ends)
    return same(text.substr(text.size() - n));
  const auto search = [&](std::string_view in) {
    return want.kind == test_kind::contains ? in.find(want.text) != std::string_view::npos
                                            : matches_wildcard(in, want.text);
  };
  if (cased_)
    return search(text);
  char folded[256];
  if (text.size() > sizeof folded)
    return search(lower_text(text));
  std::transform(text.begin(), text.end(), folded, [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return search({folded, text.size()});
}

void field_condition::collect_sources(std::vector<const field_source*>& out) const {
  if (kind_ == node_kind::test)
    out.push_back(&source_);
  for (const auto& c : children_)
    c->collect_sources(out);
}

std::vector<field_condition::equality> field_condition::equalities() const {
  std::vector<equality> all;
  if (kind_ == node_kind::all)
    for (const auto& c : children_) {
      const auto more = c->equalities();
      all.insert(all.end(), more.begin(), more.end());
    }
  const bool plain =
      kind_ == node_kind::test && source_.from == field_source::kind::native && !cased_ && !need_all_ &&
      std::all_of(values_.begin(), values_.end(), [](const auto& v) { return v.kind == test_kind::equal; });
  if (plain) {
    equality e{source_.id, {}};
    for (const auto& v : values_)
      e.values.push_back(v.text);
    all.push_back(std::move(e));
  }
  return all;
}

} // namespace soc::ingest
