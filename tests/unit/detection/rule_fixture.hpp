// Rules and events for tests, written as text: rules in YAML, events in JSON.
#pragma once
#include "detection/core/matcher.hpp"
#include "detection/core/sigma_reader.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

namespace soc::test {

/// An event made of a JSON object: nested names joined with '.', lists as list values.
class json_event {
public:
  json_event(const std::string& text, const model::field_dictionary& names) {
    add("", nlohmann::json::parse(text), names);
    finish(text);
  }
  const model::event& get() const { return event_; }
  model::event& get() { return event_; }

private:
  void add(const std::string& name, const nlohmann::json& v, const model::field_dictionary& names) {
    if (v.is_object()) {
      for (const auto& [key, inner] : v.items())
        add(name.empty() ? key : name + "." + key, inner, names);
      return;
    }
    model::slot s;
    s.id = names.find(name);
    const auto kept = memory_.copy(name);
    s.name_data = kept.data();
    s.name_size = static_cast<std::uint32_t>(kept.size());
    s.data = value_of(v);
    slots_.push_back(s);
  }
  model::value value_of(const nlohmann::json& v) {
    if (v.is_string())
      return model::value::of_string(memory_.copy(v.get<std::string>()));
    if (v.is_number_integer())
      return model::value::of_int(v.get<std::int64_t>());
    if (v.is_number())
      return model::value::of_real(v.get<double>());
    if (v.is_boolean())
      return model::value::of_bool(v.get<bool>());
    if (!v.is_array())
      return {};
    auto* items = memory_.make_array<model::value>(v.size());
    for (std::size_t i = 0; i < v.size(); ++i)
      items[i] = value_of(v[i]);
    return model::value::of_list({items, v.size()});
  }
  void finish(const std::string& text) {
    event_.raw = memory_.copy(text);
    event_.native = slots_;
  }

  arena memory_;
  std::vector<model::slot> slots_;
  model::event event_;
};

/// Rules read from text and compiled, without field tables.
class rule_bench {
public:
  explicit rule_bench(const std::string& yaml, detection::placeholder_values placeholders = {}) {
    detection::sigma_reader reader(std::move(placeholders), found);
    reader.read("rule.yml", yaml);
    names = std::make_shared<model::field_dictionary>();
    program = detection::program::compile(reader.finish(0), tables, detection::log_router(*names), *names, found);
  }

  /// Does rule `index` match the event, whatever its logsource?
  bool hits(const std::string& event, std::uint32_t index = 0) {
    const json_event ev(event, *names);
    detection::matcher matcher(program);
    return !matcher.match_on(*program->route_of_rule(index), ev.get()).empty();
  }
  /// "SIG005 unknown modifier …" of the first diagnostic.
  std::string first() const {
    return found.all().empty() ? std::string() : found.all().front().code + " " + found.all().front().message;
  }

  diagnostics found;
  detection::field_tables tables;
  std::shared_ptr<model::field_dictionary> names;
  std::shared_ptr<const detection::program> program;
};

/// A rule with this `detection:` block.
inline std::string rule_with(const std::string& detection, const std::string& logsource = "{category: test}") {
  return "title: t\nid: r1\nlevel: high\nlogsource: " + logsource + "\ndetection:\n" + detection;
}

} // namespace soc::test
