#include "incident/core/render.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::incident {

namespace {

/// At most `limit` characters of one line; control characters and broken UTF-8 become '?'.
std::string shown(std::string_view text, std::size_t limit) {
  std::string out;
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (characters == limit) {
      out += "…";
      break;
    }
    const auto c = static_cast<unsigned char>(text[i]);
    const std::size_t size = c < 0x80 ? 1 : c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;
    bool whole = size != 0 && i + size <= text.size() && c >= 0x20 && c != 0x7F;
    for (std::size_t k = 1; whole && k < size; ++k)
      whole = (static_cast<unsigned char>(text[i + k]) & 0xC0) == 0x80;
    if (whole)
      out.append(text.substr(i, size));
    else
      out += c == '\t' || c == '\n' ? ' ' : '?';
    i += whole ? size : 1;
    ++characters;
  }
  return out;
}

std::string escaped(std::string_view text, std::size_t limit) {
  std::string out;
  for (const char c : shown(text, limit))
    switch (c) {
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '&':
      out += "&amp;";
      break;
    case '"':
      out += "&quot;";
      break;
    case '|':
      out += "&#124;";
      break;
    case '`':
      out += "&#96;";
      break;
    default:
      out += c;
    }
  return out;
}

std::string span_of(double seconds) {
  if (seconds < 0)
    return "-";
  if (seconds < 120)
    return fmt::format("{:.0f} s", seconds);
  return seconds < 7200 ? fmt::format("{:.0f} min", seconds / 60) : fmt::format("{:.1f} h", seconds / 3600);
}

std::string node_text(const path_node& n) {
  return n.type == model::entity_type::unknown ? n.label : fmt::format("{} {}", model::to_string(n.type), n.label);
}

void text_head(std::string& out, const view& v) {
  out += fmt::format("{}\n", shown(v.title, 200));
  out += fmt::format("  {}  {}  severity {}  score {:.0f}  confidence {}  {}\n", v.id, to_string(v.now),
                     model::to_string(v.level), v.score, v.confidence, v.scenario);
  out += fmt::format("  {} alerts, {} … {}  owner {}\n", v.alerts, format_rfc3339(v.first_event),
                     format_rfc3339(v.last_event), v.owner.empty() ? "-" : shown(v.owner, 60));
  out += fmt::format("  detected after {}, acknowledged after {}, resolved after {}\n", span_of(v.times.detect),
                     span_of(v.times.acknowledge), span_of(v.times.respond));
  if (!v.merged_into.empty())
    out += "  merged into " + v.merged_into + "\n";
  for (const auto& d : v.doubts)
    out += "  doubt: " + shown(d, 160) + "\n";
}

void text_timeline(std::string& out, const view& v, std::size_t width) {
  out += "\nTimeline\n";
  for (const auto& line : v.timeline) {
    const auto tactic = std::string(model::tactic_name(line.tactic));
    out += fmt::format("  {}  {:<20.20}  {:<16}  {}{}\n", format_rfc3339(line.time), tactic, shown(line.host, 16),
                       shown(line.title, width > 80 ? width - 70 : 40),
                       line.count > 1 ? fmt::format("  ×{}", line.count) : "");
    if (!line.event_id.empty())
      out += fmt::format("      record {} ({}) {}\n", line.event_id, shown(line.source, 40), shown(line.raw, 80));
    if (!line.why.empty())
      out += fmt::format("      because {}\n", shown(line.why, 200));
  }
}

void text_rest(std::string& out, const view& v) {
  out += "\nEntities\n";
  for (const auto& e : v.entities)
    out += fmt::format("  {:<14} {:<11} {:<10} {}  ({} alerts)\n", model::to_string(e.type), model::to_string(e.role),
                       e.verdict.empty() ? "-" : e.verdict, shown(e.label, 80), e.alerts);
  out += "\nPath\n";
  for (const auto& s : v.path.steps)
    out += fmt::format("  {} {} → {}{}{}\n", shown(node_text(v.path.nodes[s.from]), 50), s.verb,
                       shown(node_text(v.path.nodes[s.to]), 60), s.count > 1 ? fmt::format("  ×{}", s.count) : "",
                       s.impact ? "  [impact]"
                       : s.gap  ? "  [gap before]"
                                : "");
  for (const auto& gap : v.path.gaps)
    out += "  gap: " + shown(gap, 160) + "\n";
  if (!v.tasks.empty())
    out += "\nTasks\n";
  for (const auto& t : v.tasks)
    out += fmt::format("  {:<20} {:<24} {:<16} {}\n", t.action, shown(t.target, 24), t.status, shown(t.instance, 40));
  out += "\nHistory\n";
  for (const auto& h : v.history)
    out += fmt::format("  {}  {:<12}  {}\n", format_rfc3339(h.at), shown(h.who, 12), shown(h.what, 160));
}

// ---- SVG

constexpr int box_width = 210, box_height = 40, gap_x = 90, gap_y = 18, margin = 24, line_height = 20;

struct placed_node {
  int column = 0, row = 0;
  int x() const { return margin + column * (box_width + gap_x); }
  int y(int top) const { return top + row * (box_height + gap_y); }
};

/// Columns by distance from the entry along the steps, in order of time; a column that grows too tall goes on in the
/// next.
std::vector<placed_node> layout(const attack_path& path, int& columns, int& rows) {
  constexpr int tallest = 12;
  std::vector<int> depth(path.nodes.size(), -1);
  for (const auto& s : path.steps) {
    if (depth[s.from] < 0)
      depth[s.from] = 0;
    if (depth[s.to] < 0)
      depth[s.to] = depth[s.from] + 1;
  }
  std::map<int, std::vector<std::size_t>> by_depth;
  for (std::size_t i = 0; i < path.nodes.size(); ++i)
    by_depth[std::max(0, depth[i])].push_back(i);
  std::vector<placed_node> out(path.nodes.size());
  columns = 0;
  rows = 1;
  for (const auto& [level, nodes] : by_depth) {
    int row = 0;
    for (const auto n : nodes) {
      if (row == tallest) {
        ++columns;
        row = 0;
      }
      out[n] = {columns, row++};
      rows = std::max(rows, row);
    }
    ++columns;
  }
  return out;
}

const char* colour_of(model::entity_type type) {
  using t = model::entity_type;
  switch (type) {
  case t::ip:
  case t::domain:
  case t::url:
    return "#fde2e1";
  case t::host:
  case t::container:
  case t::cloud_resource:
    return "#dcebfb";
  case t::process:
  case t::file:
  case t::file_hash:
  case t::registry_key:
    return "#e4f3df";
  case t::user:
  case t::email:
    return "#fdf1cf";
  default:
    return "#eeeeee";
  }
}

void svg_steps(std::string& out, const attack_path& path, const std::vector<placed_node>& at, int top) {
  std::map<std::pair<std::size_t, std::size_t>, int> between;
  for (const auto& s : path.steps) {
    const auto& a = at[s.from];
    const auto& b = at[s.to];
    const int shift = between[{s.from, s.to}]++ * 12;
    const bool back = b.column <= a.column;
    const int x1 = back ? a.x() + box_width / 2 : a.x() + box_width,
              y1 = a.y(top) + (back ? box_height : box_height / 2);
    const int x2 = back ? b.x() + box_width / 2 + 20 : b.x(), y2 = b.y(top) + (back ? box_height : box_height / 2);
    const int bend = back ? 30 : gap_x / 2;
    out +=
        fmt::format("<path d=\"M{},{} C{},{} {},{} {},{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.4\"{} "
                    "marker-end=\"url(#a)\"/>\n",
                    x1, y1, back ? x1 : x1 + bend, back ? y1 + bend : y1, back ? x2 : x2 - bend, back ? y2 + bend : y2,
                    x2, y2, s.impact ? "#c62828" : "#546e7a", s.gap ? " stroke-dasharray=\"5 4\"" : "");
    out += fmt::format("<text class=\"v\" x=\"{}\" y=\"{}\">{}{}</text>\n", (x1 + x2) / 2, (y1 + y2) / 2 - 4 + shift,
                       escaped(s.verb, 24), s.count > 1 ? fmt::format(" ×{}", s.count) : "");
  }
}

void svg_nodes(std::string& out, const attack_path& path, const std::vector<placed_node>& at, int top) {
  for (std::size_t i = 0; i < path.nodes.size(); ++i) {
    const auto& n = path.nodes[i];
    const int x = at[i].x(), y = at[i].y(top);
    out += fmt::format(
        "<g><title>{}</title><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"5\" fill=\"{}\" "
        "stroke=\"{}\"/><text class=\"t\" x=\"{}\" y=\"{}\">{}</text><text x=\"{}\" y=\"{}\">{}</text></g>\n",
        escaped(n.label, 400), x, y, box_width, box_height, colour_of(n.type), i == 0 ? "#c62828" : "#90a4ae", x + 8,
        y + 14, model::to_string(n.type), x + 8, y + 31, escaped(n.label, 28));
  }
}

} // namespace

std::string to_text(const view& v, std::size_t width) {
  std::string out;
  text_head(out, v);
  text_timeline(out, v, width);
  text_rest(out, v);
  return out;
}

std::string to_markdown(const view& v) {
  std::string out = fmt::format("# {}\n\n", escaped(v.title, 200));
  out += fmt::format("- Incident {}, {}, severity {}, score {:.0f}\n- {} alerts from {} to {}\n", v.id,
                     to_string(v.now), model::to_string(v.level), v.score, v.alerts, format_rfc3339(v.first_event),
                     format_rfc3339(v.last_event));
  out += fmt::format("- Detected after {}, acknowledged after {}, resolved after {}\n", span_of(v.times.detect),
                     span_of(v.times.acknowledge), span_of(v.times.respond));
  out += "\n## Timeline\n\n| Time | Tactic | Asset | What | Count | Record |\n|---|---|---|---|---|---|\n";
  for (const auto& line : v.timeline)
    out += fmt::format("| {} | {} | {} | {} | {} | {} |\n", format_rfc3339(line.time), model::tactic_name(line.tactic),
                       escaped(line.host, 60), escaped(line.title, 120), line.count, escaped(line.event_id, 40));
  out += "\n## Path\n\n";
  for (const auto& s : v.path.steps)
    out += fmt::format("1. {} **{}** {}{}\n", escaped(node_text(v.path.nodes[s.from]), 80), s.verb,
                       escaped(node_text(v.path.nodes[s.to]), 80), s.impact ? " (impact)" : "");
  for (const auto& gap : v.path.gaps)
    out += "- Gap: " + escaped(gap, 200) + "\n";
  out += "\n## Entities\n\n| Type | Role | Verdict | Value | Alerts |\n|---|---|---|---|---|\n";
  for (const auto& e : v.entities)
    out += fmt::format("| {} | {} | {} | {} | {} |\n", model::to_string(e.type), model::to_string(e.role),
                       e.verdict.empty() ? "-" : e.verdict, escaped(e.label, 120), e.alerts);
  return out;
}

std::string to_svg(const view& v) {
  int columns = 0, rows = 1;
  const auto at = layout(v.path, columns, rows);
  const int top = 70;
  const int path_bottom = top + rows * (box_height + gap_y) + 40;
  const int width = std::max(980, 2 * margin + columns * (box_width + gap_x));
  const int height = path_bottom + 30 + static_cast<int>(v.timeline.size()) * line_height + margin;
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" role=\"img\">\n"
      "<style>text{{font:12px sans-serif;fill:#263238}}.h{{font:bold 18px sans-serif}}.t{{font-size:10px;fill:#607d8b}}"
      ".v{{font-size:11px;text-anchor:middle;paint-order:stroke;stroke:#fff;stroke-width:3px}}</style>\n"
      "<defs><marker id=\"a\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" "
      "orient=\"auto\">"
      "<path d=\"M0,0 L8,4 L0,8 z\" fill=\"#546e7a\"/></marker></defs>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
      width, height);
  out += fmt::format("<text class=\"h\" x=\"{}\" y=\"32\">{}</text>\n", margin, escaped(v.title, 100));
  out += fmt::format("<text x=\"{}\" y=\"52\">{} · {} · score {:.0f} · {} alerts</text>\n", margin, to_string(v.now),
                     model::to_string(v.level), v.score, v.alerts);
  svg_steps(out, v.path, at, top);
  svg_nodes(out, v.path, at, top);
  int y = path_bottom + 20;
  for (const auto& line : v.timeline) {
    out += fmt::format(
        "<text x=\"{}\" y=\"{}\">{}</text><text x=\"{}\" y=\"{}\">{}</text><text x=\"{}\" y=\"{}\">{}</text>"
        "<text x=\"{}\" y=\"{}\">{}{}</text>\n",
        margin, y, format_rfc3339(line.time), margin + 190, y, model::tactic_name(line.tactic), margin + 350, y,
        escaped(line.host, 22), margin + 520, y, escaped(line.title, 80),
        line.count > 1 ? fmt::format("  ×{}", line.count) : "");
    y += line_height;
  }
  return out + "</svg>\n";
}

} // namespace soc::incident
