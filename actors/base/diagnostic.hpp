// base/diagnostic.hpp - errors and warnings about text that people write (rules, mappings, playbooks, config), in the
// manner of a good compiler: numbered, with file:line:column, the line, a caret and a hint. Values, collected in a
// list.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace soc {

enum class diagnostic_level { error, warning };

struct source_place {
  std::string file;
  int line = 0, column = 0; ///< from 1; 0 = the whole file
};

struct diagnostic {
  diagnostic_level level = diagnostic_level::error;
  std::string code; ///< stable number, "SIG012": rules SIG…, mappings MAP…, playbooks PLB…, config CFG…
  source_place place;
  std::string message;
  std::string hint;
};

/// What loading one or many files has to say. Loading goes on past an error: all of them are reported.
class diagnostics {
public:
  void error(std::string code, source_place place, std::string message, std::string hint = {});
  void warning(std::string code, source_place place, std::string message, std::string hint = {});
  void append(const diagnostics& more);
  const std::vector<diagnostic>& all() const { return all_; }
  std::size_t errors() const { return errors_; }
  std::size_t warnings() const { return all_.size() - errors_; }

private:
  std::vector<diagnostic> all_;
  std::size_t errors_ = 0;
};

/// "rules/a.yml:12:7: error SIG012: unknown modifier 'contians'", the line of `text` it points at, a caret, "hint: …".
/// `text` is the file's content; empty leaves the line out.
std::string render(const diagnostic& item, std::string_view text);

/// The nearest of `known` by edit distance, if near enough to be a slip of the finger; else empty.
std::string did_you_mean(std::string_view wrong, const std::vector<std::string>& known);

} // namespace soc
