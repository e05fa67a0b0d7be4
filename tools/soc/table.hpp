// tools/soc/table.hpp - prints what a node answered: tables that fit the terminal, key/value sheets and text.
// Everything shown may be attacker-written, so control characters never reach the terminal. Pure: strings in, strings
// out.
#pragma once
#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace soc::cli {

struct screen {
  std::size_t columns = 100; ///< width of the terminal; 0 = unlimited (a pipe)
  bool colours = false;
};

/// `text` with control characters (also C1 and bidirectional overrides) replaced by '·' and invalid UTF-8 by '?'.
std::string printable(std::string_view text, bool keep_newlines = false);

/// Columns a text takes on a terminal; wide East Asian characters take two.
std::size_t display_width(std::string_view text);

/// An answer as text. Shapes: {"columns":[…],"rows":[[…]],"note":…}, {"text":…}, {"fields":{…}},
/// {"sections":[{"title":…,…}]}.
std::string render_answer(const nlohmann::json& answer, const screen& s);

/// The same for `-o json`: a table becomes an array of objects keyed by column.
nlohmann::json plain_json(const nlohmann::json& answer);

} // namespace soc::cli
