#include "base/yaml_progress.hpp"

#include <re2/re2.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <sstream>
#include <string_view>

namespace soc {

namespace {

/// Takes part in reading only to see where documents begin.
class document_places : public YAML::EventHandler {
public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    stays = place.line == mark.line && place.column == mark.column && seen;
    place = mark;
    seen = true;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

  YAML::Mark place;
  bool seen = false, stays = false;
};

bool is_marker(std::string_view line) {
  const auto three = line.substr(0, 3);
  return (three == "---" || three == "...") && (line.size() == 3 || line[3] == ' ' || line[3] == '\r');
}

/// "key: …" or "- …" as the first line of each document.
bool begins_as_blocks(std::string_view text) {
  static const re2::RE2 block(R"((?:[A-Za-z_][A-Za-z0-9_ .-]*:|-)(?:[ \r].*)?)");
  bool at_begin = true;
  for (std::size_t from = 0; from < text.size();) {
    const auto end = std::min(text.find('\n', from), text.size());
    const auto line = text.substr(from, end - from);
    from = end + 1;
    if (is_marker(line)) {
      if (line.find_first_not_of(" \r", 3) != std::string_view::npos)
        return false;
      at_begin = true;
    } else if (at_begin && line.find_first_not_of(" \r") != std::string_view::npos && line[0] != '#') {
      if (!re2::RE2::FullMatch(re2::StringPiece(line.data(), line.size()), block))
        return false;
      at_begin = false;
    }
  }
  return true;
}

} // namespace

std::optional<yaml_stop> where_yaml_stays(const std::string& text) {
  if (begins_as_blocks(text))
    return std::nullopt;
  std::istringstream in(text);
  document_places places;
  try {
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(places))
      if (places.stays)
        return yaml_stop{places.place.line, places.place.column};
  } catch (const YAML::Exception&) {
    return std::nullopt; // whoever loads it says so
  }
  return std::nullopt;
}

} // namespace soc
