// Indicators read from text, and events to look at.
#pragma once
#include "intel/core/indicator_matcher.hpp"
#include "intel/core/indicator_reader.hpp"

#include <boost/test/unit_test.hpp>

namespace soc::test {

struct intel_bench {
  intel::indicator_builder builder;
  intel::list_layout layout;
  intel::indicator_source source;
  intel::read_counts counts;
  diagnostics found;
  intel::indicator_set_ptr set;
  model::field_dictionary names;
  std::vector<model::slot> native, ocsf;
  std::unique_ptr<intel::indicator_matcher> matcher;
  bool begun = false;

  intel_bench() { source.name = "test"; }

  void read(std::string text, unix_ns written = 0) {
    if (!begun)
      builder.begin(source);
    begun = true;
    const auto size = text.size();
    text.resize(size + intel::indicator_text::padding);
    counts = intel::read_indicators(
        {"test.txt", std::string_view(text).substr(0, size), intel::indicator_format::automatic, layout, written},
        builder, found);
  }
  void add(std::vector<intel::indicator_term> terms, intel::indicator_facts facts = {}) {
    if (!begun)
      builder.begin(source);
    begun = true;
    builder.add(terms, facts);
  }
  /// One field for everything ("any"), and one a kind.
  void finish() {
    set = builder.finish();
    auto fields = std::make_shared<intel::observable_fields>();
    fields->read(parse_yaml("fields.yaml",
                            "observables: {ocsf: {ip: [any, ip], domain: [any, domain], url: [any, url], hash: [any, "
                            "hash], email: [any, email]}, native: {ip: [Ip], hash: [Hashes]}}",
                            "INT002", found),
                 names, found);
    auto what = std::make_shared<intel::intelligence>();
    what->indicators = set;
    what->fields = fields;
    matcher = std::make_unique<intel::indicator_matcher>(what);
  }
  model::slot slot_of(const std::string& name, std::string_view text) {
    const auto id = names.intern(name);
    const auto known = names.name(id);
    return {id, static_cast<std::uint32_t>(known.size()), known.data(), model::value::of_string(text)};
  }
  std::vector<intel::indicator_match> matches(const std::vector<std::pair<std::string, std::string>>& fields,
                                              unix_ns time = 1) {
    std::vector<model::slot> slots;
    for (const auto& [name, text] : fields)
      slots.push_back(slot_of(name, text));
    model::event ev;
    ev.ocsf = slots;
    ev.time = time;
    const auto all = matcher->match(ev, 0);
    return {all.begin(), all.end()};
  }
  std::optional<intel::indicator_match> match(const std::string& text, unix_ns time = 1) {
    const auto all = matches({{"any", text}}, time);
    return all.empty() ? std::nullopt : std::optional(all.front());
  }
  bool knows(const std::string& text) { return match(text).has_value(); }
};

} // namespace soc::test
