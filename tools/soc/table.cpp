#include "tools/soc/table.hpp"

#include "base/json_writer.hpp"

#include <algorithm>
#include <cstdint>

namespace soc::cli {

namespace {

using nlohmann::json;

std::uint32_t code_point(std::string_view text, std::size_t length) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  switch (length) {
  case 2:
    return (byte(0) & 0x1Fu) << 6 | (byte(1) & 0x3Fu);
  case 3:
    return (byte(0) & 0x0Fu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
  case 4:
    return (byte(0) & 0x07u) << 18 | (byte(1) & 0x3Fu) << 12 | (byte(2) & 0x3Fu) << 6 | (byte(3) & 0x3Fu);
  default:
    return byte(0);
  }
}

/// C0, C1, DEL, and what reorders or hides text.
bool is_unsafe(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF;
}

bool is_wide(std::uint32_t c) {
  return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
         (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
}

std::string cell_text(const json& cell) {
  if (cell.is_string())
    return printable(cell.get_ref<const std::string&>());
  if (cell.is_null())
    return "-";
  if (cell.is_array()) {
    std::string out;
    for (const auto& item : cell)
      out += (out.empty() ? "" : ", ") + cell_text(item);
    return out;
  }
  return printable(cell.dump(-1, ' ', false, json::error_handler_t::replace));
}

/// Cuts to `width` columns, with an ellipsis.
std::string fit(const std::string& text, std::size_t width) {
  if (display_width(text) <= width)
    return text;
  std::string out;
  std::size_t used = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto length = std::max<std::size_t>(1, utf8_length(std::string_view(text).substr(i)));
    const auto w = display_width(std::string_view(text).substr(i, length));
    if (used + w + 1 > width)
      break;
    out.append(text, i, length);
    used += w;
    i += length;
  }
  return width == 0 ? std::string{} : out + "…";
}

/// Shrinks the widest columns until all fit; none below 6.
void shrink(std::vector<std::size_t>& widths, std::size_t available) {
  const auto total = [&] {
    std::size_t sum = widths.empty() ? 0 : 2 * (widths.size() - 1);
    for (const auto w : widths)
      sum += w;
    return sum;
  };
  while (total() > available) {
    auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= 6)
      return;
    --*widest;
  }
}

std::string colour_of(const std::string& text) {
  static const std::vector<std::pair<std::string_view, std::string_view>> words{
      {"Critical", "\x1b[1;31m"}, {"Fatal", "\x1b[1;31m"},         {"High", "\x1b[31m"},
      {"Medium", "\x1b[33m"},     {"failed", "\x1b[31m"},          {"refused", "\x1b[31m"},
      {"unknown", "\x1b[35m"},    {"backing_off", "\x1b[33m"},     {"verified", "\x1b[32m"},
      {"running", "\x1b[32m"},    {"waiting_approval", "\x1b[36m"}};
  for (const auto& [word, colour] : words)
    if (text == word)
      return std::string(colour);
  return {};
}

void append_row(std::string& out, const std::vector<std::string>& cells, const std::vector<std::size_t>& widths,
                const screen& s, bool header) {
  for (std::size_t i = 0; i < cells.size() && i < widths.size(); ++i) {
    const auto text = fit(cells[i], widths[i]);
    const auto colour = !s.colours ? std::string{} : header ? std::string("\x1b[1m") : colour_of(cells[i]);
    out += colour + text + (colour.empty() ? "" : "\x1b[0m");
    if (i + 1 < cells.size())
      out.append(widths[i] - std::min(widths[i], display_width(text)) + 2, ' ');
  }
  out += '\n';
}

std::string render_table(const json& answer, const screen& s) {
  std::vector<std::string> header;
  for (const auto& column : answer.at("columns"))
    header.push_back(cell_text(column));
  std::vector<std::vector<std::string>> rows;
  std::vector<std::size_t> widths;
  for (const auto& name : header)
    widths.push_back(display_width(name));
  for (const auto& row : answer.at("rows")) {
    std::vector<std::string> cells;
    for (const auto& cell : row)
      cells.push_back(cell_text(cell));
    cells.resize(header.size());
    for (std::size_t i = 0; i < cells.size(); ++i)
      widths[i] = std::max(widths[i], display_width(cells[i]));
    rows.push_back(std::move(cells));
  }
  if (s.columns > 0)
    shrink(widths, s.columns);
  std::string out;
  append_row(out, header, widths, s, true);
  for (const auto& row : rows)
    append_row(out, row, widths, s, false);
  return out;
}

std::string render_fields(const json& fields, const screen& s) {
  std::size_t key_width = 0;
  for (const auto& [key, value] : fields.items())
    key_width = std::max(key_width, display_width(key));
  std::string out;
  for (const auto& [key, value] : fields.items()) {
    const auto room = s.columns > key_width + 2 ? s.columns - key_width - 2 : 0;
    const auto text = cell_text(value);
    out +=
        printable(key) + std::string(key_width - display_width(key) + 2, ' ') + (room ? fit(text, room) : text) + '\n';
  }
  return out;
}

} // namespace

std::string printable(std::string_view text, bool keep_newlines) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto length = utf8_length(text.substr(i));
    if (length == 0) {
      out += '?';
      ++i;
      continue;
    }
    const auto c = code_point(text.substr(i), length);
    if (c == '\n' && keep_newlines)
      out += '\n';
    else if (is_unsafe(c))
      out += "·";
    else
      out.append(text, i, length);
    i += length;
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto length = std::max<std::size_t>(1, utf8_length(text.substr(i)));
    width += is_wide(code_point(text.substr(i), length)) ? 2 : 1;
    i += length;
  }
  return width;
}

std::string render_answer(const json& answer, const screen& s) {
  std::string out;
  if (answer.contains("title"))
    out += (s.colours ? "\x1b[1m" : "") + cell_text(answer["title"]) + (s.colours ? "\x1b[0m" : "") + "\n";
  if (answer.contains("text"))
    out += printable(answer["text"].get<std::string>(), true);
  if (answer.contains("fields"))
    out += render_fields(answer["fields"], s);
  if (answer.contains("columns"))
    out += render_table(answer, s);
  if (answer.contains("sections"))
    for (const auto& section : answer["sections"])
      out += (out.empty() ? "" : "\n") + render_answer(section, s);
  if (answer.contains("note"))
    out += cell_text(answer["note"]) + "\n";
  if (!out.empty() && out.back() != '\n')
    out += '\n';
  return out;
}

json plain_json(const json& answer) {
  if (answer.contains("data"))
    return answer["data"];
  if (answer.contains("columns")) {
    json rows = json::array();
    for (const auto& row : answer.at("rows")) {
      json object = json::object();
      for (std::size_t i = 0; i < answer["columns"].size(); ++i)
        object[answer["columns"][i].get<std::string>()] = i < row.size() ? row[i] : json();
      rows.push_back(std::move(object));
    }
    return rows;
  }
  if (answer.contains("fields"))
    return answer["fields"];
  if (answer.contains("sections")) {
    json out = json::object();
    for (const auto& section : answer["sections"])
      out[section.value("title", "answer")] = plain_json(section);
    return out;
  }
  return answer;
}

} // namespace soc::cli
