// STIX 2.1 bundles, TAXII envelopes, lists and lines of STIX objects: their indicators. Source: STIX 2.1, section 4.7.
#include "intel/core/reading.hpp"
#include "intel/core/stix_pattern.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

namespace soc::intel {

namespace {

namespace dom = simdjson::dom;

std::string_view text_at(dom::element object, std::string_view key) {
  std::string_view out;
  return object[key].get(out) ? std::string_view{} : out;
}

/// "Command and Control" and "command-and-control" → "attack.command_and_control".
std::string attack_tag(std::string_view phase) {
  std::string out = "attack.";
  for (const char c : phase)
    out += c == '-' || c == ' ' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::vector<std::string> tags_of(dom::element indicator) {
  std::vector<std::string> out;
  dom::array phases;
  if (indicator["kill_chain_phases"].get(phases))
    return out;
  for (const auto phase : phases)
    if (text_at(phase, "kill_chain_name").starts_with("mitre-attack"))
      out.push_back(attack_tag(text_at(phase, "phase_name")));
  return out;
}

class stix_reader {
public:
  stix_reader(const indicator_text& from, indicator_sink& sink) : file_(from.file), sink_(sink) {}

  /// A bundle, a list or one object. The number is the object's in the file.
  void read(dom::element element) {
    dom::array objects;
    if (!element.get(objects) || !element["objects"].get(objects)) {
      for (const auto object : objects)
        read(object);
      return;
    }
    ++number_;
    if (text_at(element, "type") == "indicator")
      read_indicator(element);
  }

private:
  void read_indicator(dom::element indicator) {
    bool revoked = false;
    if (!indicator["revoked"].get(revoked) && revoked)
      return sink_.skip();
    const source_place place{file_, number_, 0};
    const auto type = text_at(indicator, "pattern_type");
    const auto id = text_at(indicator, "id");
    if (!type.empty() && type != "stix")
      return sink_.warn("INT004", place, fmt::format("{}: a pattern of type '{}' is not evaluated here", id, type));
    const auto pattern = parse_stix_pattern(text_at(indicator, "pattern"));
    if (!pattern)
      return sink_.warn("INT004", place, fmt::format("{}: the pattern is wrong {}", id, pattern.error().what));
    for (const auto& why : pattern->left_out)
      sink_.warn("INT004", place, fmt::format("{}: part of the pattern can't be evaluated: {}", id, why));
    const auto facts = facts_of(indicator);
    for (const auto& terms : pattern->alternatives)
      sink_.add(terms, facts, place);
  }

  static indicator_facts facts_of(dom::element indicator) {
    indicator_facts out;
    out.id = text_at(indicator, "id");
    out.title = text_at(indicator, "name").substr(0, 200);
    out.tags = tags_of(indicator);
    std::int64_t confidence = 0;
    if (!indicator["confidence"].get(confidence))
      out.confidence = static_cast<std::uint8_t>(std::clamp<std::int64_t>(confidence, 0, 100));
    out.valid_until = parse_rfc3339(text_at(indicator, "valid_until")).value_or(0);
    return out;
  }

  std::string file_;
  indicator_sink& sink_;
  int number_ = 0;
};

} // namespace

void read_stix(const indicator_text& from, indicator_sink& sink, diagnostics& found) {
  dom::parser parser;
  dom::document_stream documents;
  stix_reader reader(from, sink);
  const auto window = std::max<std::size_t>(from.text.size() + 1, 1U << 20);
  if (const auto code = parser.parse_many(from.text.data(), from.text.size(), window).get(documents)) {
    found.error("INT001", {from.file, 0, 0}, fmt::format("no JSON: {}", simdjson::error_message(code)));
    return;
  }
  for (auto at = documents.begin(); at != documents.end(); ++at) {
    dom::element document;
    if (const auto code = (*at).get(document)) {
      found.error("INT001", {from.file, 0, 0},
                  fmt::format("broken JSON after byte {}: {}", at.current_index(), simdjson::error_message(code)));
      return;
    }
    reader.read(document);
  }
  if (documents.truncated_bytes() > 0)
    found.error("INT001", {from.file, 0, 0}, "the file ends in the middle of a JSON document");
}

} // namespace soc::intel
