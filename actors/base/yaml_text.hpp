// base/yaml_text.hpp - reads YAML that people write: library exceptions become diagnostics, every node knows its place,
// and a reader reports wrong types and unknown keys with a hint. One `yaml_text` a file; nodes are cheap handles into
// it.
#pragma once
#include "base/diagnostic.hpp"

#include <yaml-cpp/yaml.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace soc {

/// A file of YAML documents and the diagnostics found while reading it.
struct yaml_text {
  std::string file;
  std::string text;
  std::vector<YAML::Node> documents;
};

/// Parses all documents of `text`. A syntax error is reported as `code` and gives no documents.
/// Aliases are limited (billion-laughs): more than `max_nodes` nodes is an error.
yaml_text parse_yaml(std::string file, std::string text, const std::string& code, diagnostics& found,
                     std::size_t max_nodes = 2'000'000);

/// Reads a whole file; nothing, and an error in `found`, when it can't be read or is over `max_bytes`.
std::optional<std::string> read_text_file(const std::string& path, const std::string& code, diagnostics& found,
                                          std::size_t max_bytes = 64U << 20);

source_place place_of(const std::string& file, const YAML::Node& node);

/// Reads the keys of one map and at the end says which were never asked for.
class yaml_map_reader {
public:
  /// `what` names the thing in messages ("rule", "connector 'web'").
  yaml_map_reader(const std::string& file, YAML::Node map, std::string what, std::string code, diagnostics& found);

  bool is_map() const { return is_map_; }
  /// The node at `key`, undefined when absent.
  YAML::Node get(const std::string& key);
  std::optional<std::string> text(const std::string& key);
  std::string required_text(const std::string& key);
  std::optional<std::int64_t> integer(const std::string& key);
  std::optional<bool> boolean(const std::string& key);
  /// A scalar or a list of scalars.
  std::vector<std::string> texts(const std::string& key);
  /// Reports keys nobody asked for, with the nearest known one as a hint.
  void reject_unknown();
  source_place place(const std::string& key = {}) const;

private:
  std::string file_, what_, code_;
  YAML::Node map_;
  diagnostics& found_;
  std::vector<std::string> asked_;
  bool is_map_ = false;
};

} // namespace soc
