#include "tools/soc/line_editor.hpp"

#include <cstdlib>
#include <cstring>
#include <histedit.h>
#include <iostream>
#include <unistd.h>

namespace soc::cli {

struct line_editor::terminal {
  EditLine* edit = nullptr;
  History* history = nullptr;
  std::string prompt, history_file;
  std::vector<std::string> completions;

  ~terminal() {
    HistEvent event;
    if (history && !history_file.empty())
      ::history(history, &event, H_SAVE, history_file.c_str());
    if (edit)
      el_end(edit);
    if (history)
      history_end(history);
  }
};

namespace {

/// libedit hands back the client pointer set with EL_CLIENTDATA.
template <class Terminal>
Terminal* terminal_of(EditLine* edit) {
  void* data = nullptr;
  el_get(edit, EL_CLIENTDATA, &data);
  return static_cast<Terminal*>(data);
}

/// The longest text that all candidates starting with `typed` share beyond it; empty if none or undecided.
std::string common_rest(const std::vector<std::string>& candidates, std::string_view typed) {
  std::string shared;
  bool first = true;
  for (const auto& candidate : candidates) {
    if (candidate.compare(0, typed.size(), typed) != 0)
      continue;
    if (first) {
      shared = candidate;
      first = false;
      continue;
    }
    std::size_t same = 0;
    while (same < shared.size() && same < candidate.size() && shared[same] == candidate[same])
      ++same;
    shared.resize(same);
  }
  return shared.size() > typed.size() ? shared.substr(typed.size()) : std::string{};
}

} // namespace

line_editor::line_editor(std::string prompt, std::vector<std::string> completions) {
  if (!::isatty(STDIN_FILENO))
    return;
  terminal_ = std::make_unique<terminal>();
  auto& t = *terminal_;
  t.prompt = std::move(prompt);
  t.completions = std::move(completions);
  t.edit = el_init("soc", stdin, stdout, stderr);
  t.history = history_init();
  HistEvent event;
  ::history(t.history, &event, H_SETSIZE, 1000);
  if (const char* home = std::getenv("HOME")) {
    t.history_file = std::string(home) + "/.soc_history";
    ::history(t.history, &event, H_LOAD, t.history_file.c_str());
  }
  el_set(t.edit, EL_CLIENTDATA, &t);
  el_set(
      t.edit, EL_PROMPT, +[](EditLine* edit) { return terminal_of<terminal>(edit)->prompt.data(); });
  el_set(t.edit, EL_EDITOR, "emacs");
  el_set(t.edit, EL_HIST, ::history, t.history);
  el_set(
      t.edit, EL_ADDFN, "complete", "complete a command", +[](EditLine* edit, int) -> unsigned char {
        const LineInfo* line = el_line(edit);
        const char* start = line->cursor;
        while (start > line->buffer && start[-1] != ' ')
          --start;
        if (start != line->buffer) // only the command itself is completed
          return CC_NORM;
        const auto rest = common_rest(terminal_of<terminal>(edit)->completions,
                                      {start, static_cast<std::size_t>(line->cursor - start)});
        return !rest.empty() && el_insertstr(edit, rest.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
      });
  el_set(t.edit, EL_BIND, "^I", "complete", nullptr);
}

line_editor::~line_editor() = default;

std::optional<std::string> line_editor::read() {
  if (!terminal_) {
    std::string line;
    if (!std::getline(std::cin, line))
      return std::nullopt;
    return line;
  }
  int count = 0;
  const char* text = el_gets(terminal_->edit, &count);
  if (!text || count <= 0)
    return std::nullopt;
  std::string line(text, static_cast<std::size_t>(count));
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r'))
    line.pop_back();
  HistEvent event;
  if (!line.empty())
    ::history(terminal_->history, &event, H_ENTER, line.c_str());
  return line;
}

result<std::vector<std::string>> split_words(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '\\' && quote != '\'' && i + 1 < line.size()) {
      word.push_back(line[++i]);
      in_word = true;
    } else if (quote) {
      if (c == quote)
        quote = 0;
      else
        word.push_back(c);
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t') {
      if (in_word)
        words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      word.push_back(c);
      in_word = true;
    }
  }
  if (quote)
    return failure{ec::invalid_input, std::string("a ") + quote + " is not closed"};
  if (in_word)
    words.push_back(std::move(word));
  return words;
}

} // namespace soc::cli
