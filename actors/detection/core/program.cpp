#include "detection/core/program.hpp"

#include "detection/core/case_folding.hpp"
#include "detection/core/route.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::detection {

namespace {

constexpr std::size_t many_exact = 8;

/// Thrown while one rule is compiled: it is left out.
struct compile_error {
  std::string code, message, hint;
  source_place place;
};

} // namespace

/// Compiles rule by rule; equal fields, tests and nodes are made once.
class program_builder {
public:
  program_builder(program& out, const field_tables& tables, model::field_dictionary& names, diagnostics& found)
      : out_(out), tables_(tables), names_(names), found_(found) {
    out_.fields_.push_back({"", {}, {}}); // 0: keywords
  }

  bool add(sigma_rule rule) {
    source_ = &rule.source;
    try {
      const auto root = node_of(*rule.condition);
      if (out_.nodes_[root].kind == node_kind::never)
        throw compile_error{"SIG023", "the condition can never hold", "a placeholder without values matches nothing",
                            rule.condition_place};
      out_.roots_.push_back(root);
      out_.rules_.push_back(std::move(rule));
      return true;
    } catch (const compile_error& e) {
      found_.error(e.code, e.place, e.message, e.hint);
      return false;
    }
  }

  /// Which correlations each rule feeds, and under which names of its logsource.
  void link_correlations() {
    out_.paths_.resize(out_.rules_.size());
    for (std::uint32_t rule = 0; rule < out_.rules_.size(); ++rule) {
      source_ = &out_.rules_[rule].source;
      follow(rule, out_.rules_[rule].header, {});
    }
  }

private:
  static bool refers(const std::string& reference, const rule_header& header) {
    return reference == header.id || (!header.name.empty() && reference == header.name);
  }

  /// Paths that go on from `last`, a rule or a correlation.
  void follow(std::uint32_t rule, const rule_header& last, const correlation_path& so_far) {
    constexpr std::size_t max_chain = 8;
    for (std::uint32_t c = 0; c < out_.correlations_.size(); ++c) {
      const auto& correlation = out_.correlations_[c];
      for (std::uint16_t position = 0; position < correlation.rules.size(); ++position) {
        if (!refers(correlation.rules[position], last))
          continue;
        if (so_far.size() >= max_chain) {
          found_.error("SIG016", correlation.header.place,
                       "the correlations refer to one another in a circle or too deeply");
          return;
        }
        auto path = so_far;
        correlation_step step{c, position, {}, {}};
        for (const auto& field : correlation.group_by)
          step.group_fields.push_back(field_index(aliased(correlation, field, out_.rules_[rule].header, last)));
        for (const auto& field : correlation.fields)
          step.value_fields.push_back(field_index(aliased(correlation, field, out_.rules_[rule].header, last)));
        path.push_back(std::move(step));
        out_.paths_[rule].push_back(path);
        follow(rule, correlation.header, path);
      }
    }
  }

  static std::string aliased(const correlation_rule& correlation, const std::string& field, const rule_header& base,
                             const rule_header& last) {
    for (const auto& alias : correlation.aliases)
      if (alias.alias == field)
        for (const auto& [rule, name] : alias.fields)
          if (refers(rule, base) || refers(rule, last))
            return name;
    return field;
  }

  std::uint32_t add_node(program_node node, const std::vector<std::uint32_t>& children = {}) {
    node.first = static_cast<std::uint32_t>(out_.children_.size());
    node.count = static_cast<std::uint32_t>(children.size());
    out_.children_.insert(out_.children_.end(), children.begin(), children.end());
    out_.nodes_.push_back(node);
    return static_cast<std::uint32_t>(out_.nodes_.size() - 1);
  }

  std::uint32_t never() { return add_node({node_kind::never}); }

  /// Joins with the constants folded away.
  std::uint32_t join(node_kind kind, std::vector<std::uint32_t> parts) {
    if (kind == node_kind::any)
      std::erase_if(parts, [&](auto n) { return out_.nodes_[n].kind == node_kind::never; });
    if (parts.empty())
      return never();
    for (const auto n : parts)
      if (kind == node_kind::all && out_.nodes_[n].kind == node_kind::never)
        return n;
    return parts.size() == 1 ? parts.front() : add_node({kind}, parts);
  }

  std::uint32_t node_of(const expression& e) {
    if (e.kind == expression_kind::item)
      return item_node(*e.item);
    std::vector<std::uint32_t> parts;
    for (const auto& child : e.children)
      parts.push_back(node_of(*child));
    if (e.kind == expression_kind::negation)
      return add_node({node_kind::negation}, parts);
    return join(e.kind == expression_kind::all ? node_kind::all : node_kind::any, std::move(parts));
  }

  std::uint32_t item_node(const detection_item& item) {
    if (const auto known = out_.item_nodes_.find(&item); known != out_.item_nodes_.end())
      return known->second;
    std::uint32_t made = 0;
    if (item.all) {
      std::vector<std::uint32_t> parts;
      for (const auto& m : item.matches)
        parts.push_back(test_node(item, {&m, 1}));
      made = join(node_kind::all, std::move(parts));
    } else {
      made = item.matches.empty() ? never() : test_node(item, item.matches);
    }
    if (item.negated)
      made = add_node({node_kind::negation}, {made});
    return out_.item_nodes_[&item] = made;
  }

  std::uint32_t field_index(const std::string& name) {
    if (name.empty())
      return 0;
    const auto names = tables_.resolve(*source_, name);
    const auto [at, is_new] = fields_.emplace(std::pair(name, names), static_cast<std::uint32_t>(out_.fields_.size()));
    if (is_new) {
      program_field field{name, {}, {}};
      for (const auto& n : names.native)
        field.native.push_back(names_.intern(n));
      for (const auto& n : names.ocsf)
        field.ocsf.push_back(names_.intern(n));
      out_.fields_.push_back(std::move(field));
    }
    return at->second;
  }

  static std::vector<text_piece> folded_pieces(const text_pattern& pattern, bool cased) {
    auto pieces = pattern.pieces();
    if (!cased)
      for (auto& p : pieces)
        p.text = fold(p.text);
    return pieces;
  }

  std::shared_ptr<const regex_matcher> regex_of(const detection_item& item, const value_match& m) {
    const auto key = fmt::format("{}{}{} {}", m.ignore_case, m.multi_line, m.dot_all, m.text);
    if (const auto known = regexes_.find(key); known != regexes_.end())
      return known->second;
    auto made = regex_matcher::compile(m.text, {m.ignore_case, m.multi_line, m.dot_all});
    if (!made)
      throw compile_error{
          "SIG010", fmt::format("'{}' is no regular expression: {}", m.text, made.error().what), {}, item.place};
    return regexes_[key] = *made;
  }

  compiled_match compile(const detection_item& item, const value_match& m) {
    compiled_match out;
    out.kind = m.kind;
    out.cased = m.cased;
    out.truth = m.truth;
    out.number = m.number;
    out.op = m.op;
    out.part = m.part;
    out.network = m.network;
    switch (m.kind) {
    case match_kind::text:
      out.shape = m.pattern.shape();
      if (out.shape == pattern_shape::glob) {
        out.pieces = folded_pieces(m.pattern, m.cased);
        out.needed = fold(m.pattern.longest_text());
      } else {
        out.text = m.cased ? m.pattern.core() : fold(m.pattern.core());
        if (m.cased)
          out.needed = fold(out.text);
      }
      break;
    case match_kind::number: // compared as text: "4624" and 4624 are the same
      out.kind = match_kind::text;
      out.text = fold(m.text);
      break;
    case match_kind::boolean:
      out.kind = match_kind::text;
      out.text = m.truth ? "true" : "false";
      break;
    case match_kind::regex:
      out.regex = regex_of(item, m);
      break;
    case match_kind::field:
      out.shape = m.shape;
      out.other_field = field_index(m.text);
      break;
    default:
      break;
    }
    return out;
  }

  static std::string key_of(const compiled_match& m) {
    std::string out = fmt::format("{} {} {} {} {} {} {} {} {} ", static_cast<int>(m.kind), static_cast<int>(m.shape),
                                  m.cased, m.truth, m.number, static_cast<int>(m.op), static_cast<int>(m.part),
                                  m.other_field, static_cast<const void*>(m.regex.get()));
    out.append(reinterpret_cast<const char*>(m.network.address.data()), m.network.address.size());
    out += static_cast<char>(m.network.prefix);
    for (const auto& p : m.pieces)
      out += fmt::format("{}:{} {}", static_cast<int>(p.kind), p.text.size(), p.text);
    return out + m.text + '\0';
  }

  std::uint32_t test_node(const detection_item& item, std::span<const value_match> matches) {
    compiled_test test;
    test.field = field_index(item.field);
    std::vector<std::string> keys;
    for (const auto& m : matches) {
      test.any.push_back(compile(item, m));
      keys.push_back(key_of(test.any.back()));
    }
    std::sort(keys.begin(), keys.end());
    std::string key = fmt::format("{} ", test.field);
    for (const auto& k : keys)
      key += k;
    const auto [at, is_new] = known_tests_.emplace(std::move(key), 0);
    if (!is_new)
      return at->second;
    gather_exact(test);
    out_.tests_.push_back(std::move(test));
    at->second = add_node({node_kind::test, static_cast<std::uint32_t>(out_.tests_.size() - 1)});
    return at->second;
  }

  static bool is_plain_exact(const compiled_match& m) {
    return m.kind == match_kind::text && m.shape == pattern_shape::exact && !m.cased;
  }

  static void gather_exact(compiled_test& test) {
    const auto count = static_cast<std::size_t>(std::count_if(test.any.begin(), test.any.end(), is_plain_exact));
    if (count <= many_exact)
      return;
    for (const auto& m : test.any)
      if (is_plain_exact(m))
        test.exact.insert(m.text);
    std::erase_if(test.any, is_plain_exact);
  }

  program& out_;
  const field_tables& tables_;
  model::field_dictionary& names_;
  diagnostics& found_;
  const logsource* source_ = nullptr;
  std::map<std::pair<std::string, field_names>, std::uint32_t> fields_;
  std::unordered_map<std::string, std::uint32_t> known_tests_; ///< key → node
  std::unordered_map<std::string, std::shared_ptr<const regex_matcher>> regexes_;
};

program::~program() = default;

std::shared_ptr<const program> program::compile(rule_set rules, const field_tables& tables, log_router router,
                                                model::field_dictionary& names, diagnostics& found) {
  auto out = std::shared_ptr<program>(new program(std::move(router)));
  program_builder builder(*out, tables, names, found);
  for (auto& rule : rules.rules)
    builder.add(std::move(rule));
  out->correlations_ = std::move(rules.correlations);
  builder.link_correlations();
  out->dictionary_size_ = names.size();
  return out;
}

std::optional<std::uint32_t> program::find_rule(std::string_view name) const {
  for (std::uint32_t i = 0; i < rules_.size(); ++i) {
    const auto& header = rules_[i].header;
    if (header.id == name || header.name == name || header.title == name)
      return i;
  }
  return std::nullopt;
}

const route& program::route_for(const event_class& of) const {
  const std::lock_guard lock(routes_mutex_);
  auto& place = routes_[of];
  if (!place) {
    std::vector<std::uint32_t> rules;
    for (std::uint32_t i = 0; i < rules_.size(); ++i)
      if (of.admits(rules_[i].source))
        rules.push_back(i);
    place = build_route(*this, std::move(rules));
  }
  return *place;
}

std::shared_ptr<const route> program::route_of_rule(std::uint32_t rule) const {
  return build_route(*this, {rule});
}

void program::prepare_routes() const {
  for (const auto& known : router_.known_classes())
    route_for(known);
}

std::size_t program::route_count() const {
  const std::lock_guard lock(routes_mutex_);
  return routes_.size();
}

std::size_t program::scanner_bytes() const {
  const std::lock_guard lock(routes_mutex_);
  std::size_t bytes = 0;
  for (const auto& [of, one] : routes_)
    bytes += one->scanner_bytes();
  return bytes;
}

} // namespace soc::detection
