#include "intel/core/indicator_reader.hpp"

#include "intel/core/reading.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::intel {

namespace {

constexpr std::size_t named_cases = 5; ///< of one file and code

std::string_view trim_line(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::string_view first_word(std::string_view line, std::size_t from = 0) {
  from = std::min(line.find_first_not_of(" \t", from), line.size());
  return line.substr(from, std::min(line.find_first_of(" \t,;#", from), line.size()) - from);
}

/// The cell of a column, without its quotes.
std::string_view cell_of(std::string_view line, const list_layout& layout) {
  int column = 1;
  std::size_t start = 0;
  bool quoted = false;
  for (std::size_t i = 0; i <= line.size(); ++i) {
    if (i < line.size() && line[i] == '"')
      quoted = !quoted;
    if (i < line.size() && (quoted || line[i] != layout.separator))
      continue;
    if (column++ == layout.column) {
      auto cell = trim_line(line.substr(start, i - start));
      if (cell.size() >= 2 && cell.front() == '"' && cell.back() == '"')
        cell = cell.substr(1, cell.size() - 2);
      return cell;
    }
    start = i + 1;
  }
  return {};
}

std::string_view value_of_line(std::string_view line, const list_layout& layout) {
  if (layout.column > 0)
    return cell_of(line, layout);
  const auto word = first_word(line);
  if (word == "0.0.0.0" || word == "127.0.0.1" || word == "::1") // a hosts file
    if (const auto name = first_word(line, word.size()); !name.empty())
      return name == "localhost" ? std::string_view{} : name;
  return word;
}

void read_list(const indicator_text& from, indicator_sink& sink) {
  int number = 0;
  for (std::size_t at = 0; at < from.text.size();) {
    const auto end = std::min(from.text.find('\n', at), from.text.size());
    const auto line = trim_line(from.text.substr(at, end - at));
    at = end + 1;
    ++number;
    if (line.empty() || line.front() == '#' || line.front() == ';' || line.starts_with("//"))
      continue;
    const auto value = value_of_line(line, from.layout);
    if (value.empty())
      continue;
    const bool defanged = value.find_first_of("[({") != std::string_view::npos || value.starts_with("hxx");
    const auto text = defanged ? refang(value) : std::string(value);
    const auto kind = kind_of(text);
    if (!kind)
      sink.warn("INT003", {from.file, number, 1}, fmt::format("'{}' is no indicator", text.substr(0, 80)));
    else
      sink.add({{*kind, *spell(*kind, text)}}, {}, {from.file, number, 1});
  }
}

indicator_format sniff(std::string_view text) {
  const auto start = text.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  if (start == std::string_view::npos || (text[start] != '{' && text[start] != '['))
    return indicator_format::list;
  const auto head = text.substr(start, 64 * 1024);
  if (head.find("\"bundle\"") != std::string_view::npos || head.find("\"indicator--") != std::string_view::npos)
    return indicator_format::stix;
  const bool is_misp = head.find("\"Event\"") != std::string_view::npos ||
                       head.find("\"Attribute\"") != std::string_view::npos ||
                       head.find("\"to_ids\"") != std::string_view::npos;
  return is_misp ? indicator_format::misp : indicator_format::stix;
}

} // namespace

std::optional<indicator_format> format_from(std::string_view name) {
  static constexpr std::array<std::string_view, 4> names{"auto", "list", "stix", "misp"};
  const auto at = std::find(names.begin(), names.end(), name);
  if (at == names.end())
    return std::nullopt;
  return static_cast<indicator_format>(at - names.begin());
}

std::optional<std::string> too_broad(const indicator_term& term) {
  static constexpr std::array<std::string_view, 3> of_nothing{
      "d41d8cd98f00b204e9800998ecf8427e", "da39a3ee5e6b4b0d3255bfef95601890afd80709",
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"};
  if (term.kind == indicator_kind::hash) {
    const bool zeros = term.spelled.find_first_not_of('0') == std::string::npos;
    if (zeros || std::find(of_nothing.begin(), of_nothing.end(), term.spelled) != of_nothing.end())
      return "the hash of nothing";
  }
  if (term.kind != indicator_kind::ip)
    return std::nullopt;
  const auto net = parse_network(term.spelled);
  if (!net || net->prefix < (net->v6 ? 16 : 8))
    return "a network this large holds nearly everything";
  const bool loopback = net->v6 ? term.spelled == "::1" || term.spelled == "::" : net->address[0] == 127;
  if (loopback || term.spelled == "0.0.0.0" || term.spelled == "255.255.255.255")
    return "an address that means this host or any";
  return std::nullopt;
}

void indicator_sink::warn(const char* code, source_place place, std::string message) {
  ++counts_.not_understood;
  name(code, std::move(place), std::move(message));
}

void indicator_sink::name(const char* code, source_place place, std::string message) {
  auto& seen = seen_[code];
  if (++seen <= named_cases)
    found_.warning(code, std::move(place), std::move(message));
}

void indicator_sink::finish() {
  for (const auto& [code, seen] : seen_)
    if (seen > named_cases)
      found_.warning(code, {from_.file, 0, 0}, fmt::format("and {} more like it", seen - named_cases));
}

void indicator_sink::add(const std::vector<indicator_term>& terms, indicator_facts facts, const source_place& place) {
  for (const auto& term : terms)
    if (const auto why = too_broad(term)) {
      ++counts_.too_broad;
      return name("INT005", place, fmt::format("'{}' is left out: {}", term.spelled, *why));
    }
  const auto lifetime = to_.source().lifetime;
  if (facts.valid_until == 0 && lifetime != 0 && from_.written != 0)
    facts.valid_until = from_.written + lifetime;
  to_.add(terms, facts);
}

read_counts read_indicators(const indicator_text& from, indicator_builder& to, diagnostics& found) {
  indicator_sink sink(from, to, found);
  const auto before = to.added();
  switch (from.format == indicator_format::automatic ? sniff(from.text) : from.format) {
  case indicator_format::stix:
    read_stix(from, sink, found);
    break;
  case indicator_format::misp:
    read_misp(from, sink, found);
    break;
  default:
    read_list(from, sink);
  }
  sink.finish();
  auto counts = sink.counts();
  counts.added = to.added() - before;
  return counts;
}

} // namespace soc::intel
