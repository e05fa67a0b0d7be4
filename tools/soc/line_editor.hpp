// tools/soc/line_editor.hpp - reads lines at a terminal with history and completion (libedit), or plainly from a pipe.
// Owned by the shell; history is kept in ~/.soc_history. And the splitting of a line into words.
#pragma once
#include "base/result.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace soc::cli {

class line_editor {
public:
  line_editor(std::string prompt, std::vector<std::string> completions);
  ~line_editor();
  line_editor(const line_editor&) = delete;
  line_editor& operator=(const line_editor&) = delete;

  /// The next line without its newline; nothing at the end of input.
  std::optional<std::string> read();

private:
  struct terminal;
  std::unique_ptr<terminal> terminal_; ///< empty when stdin is no terminal
};

/// Words as a shell splits them: blanks separate, '…' and "…" keep, \ takes the next character. No expansion of any
/// kind.
result<std::vector<std::string>> split_words(std::string_view line);

} // namespace soc::cli
