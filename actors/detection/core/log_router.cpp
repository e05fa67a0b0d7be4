#include "detection/core/log_router.hpp"

#include "base/hash.hpp"
#include "detection/core/case_folding.hpp"

#include <algorithm>
#include <charconv>

namespace soc::detection {

namespace {

bool holds(const std::vector<std::string>& all, const std::string& one) {
  return one.empty() || std::binary_search(all.begin(), all.end(), one);
}

void sort_unique(std::vector<std::string>& all) {
  std::erase(all, std::string());
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
}

/// "webserver, proxy" or "webserver proxy".
void add_words(std::vector<std::string>& to, std::string_view words) {
  while (!words.empty()) {
    const auto end = std::min(words.find_first_of(", "), words.size());
    if (end > 0)
      to.emplace_back(words.substr(0, end));
    words.remove_prefix(std::min(words.size(), end + 1));
  }
}

std::string_view text_or_empty(const model::value& v) {
  return v.is_string() ? v.text() : std::string_view{};
}

std::int64_t integer_or(const model::value& v, std::int64_t otherwise) {
  if (v.kind() == model::value_kind::integer)
    return v.integer();
  std::int64_t out = otherwise;
  if (v.is_string())
    std::from_chars(v.text().data(), v.text().data() + v.text().size(), out);
  return out;
}

} // namespace

bool event_class::admits(const logsource& source) const {
  return holds(products, source.product) && holds(categories, source.category) && holds(services, source.service);
}

void event_class::normalize() {
  sort_unique(products);
  sort_unique(categories);
  sort_unique(services);
}

log_router::log_router(model::field_dictionary& names)
    : channel_(names.intern("Channel")), event_id_(names.intern("EventID")), provider_(names.intern("Provider_Name")),
      source_name_(names.intern("SourceName")), ocsf_activity_(names.intern("activity_id")) {}

void log_router::read_windows(const std::string& file, const YAML::Node& node, diagnostics& found) {
  for (const auto& entry : node) {
    yaml_map_reader map(file, entry, "windows route", "RTE001", found);
    windows_rule rule;
    const auto channels = map.texts("channel");
    rule.provider = fold(map.text("provider").value_or(std::string()));
    for (const auto& id : map.texts("events")) {
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
      if (error != std::errc{} || end != id.data() + id.size())
        found.error("RTE001", map.place("events"), "'" + id + "' is no event id");
      rule.events.push_back(number);
    }
    rule.categories = map.texts("category");
    rule.services = map.texts("service");
    map.reject_unknown();
    if (channels.empty())
      windows_.push_back(rule);
    for (const auto& channel : channels) {
      rule.channel = fold(channel);
      windows_.push_back(rule);
    }
  }
}

void log_router::read(const yaml_text& file, diagnostics& found) {
  for (const auto& document : file.documents) {
    if (!document.IsMap())
      continue;
    if (const auto windows = document["windows"]; windows.IsDefined() && windows.IsSequence())
      read_windows(file.file, windows, found);
    if (const auto classes = document["classes"]; classes.IsDefined() && classes.IsSequence())
      for (const auto& entry : classes) {
        yaml_map_reader map(file.file, entry, "class route", "RTE002", found);
        class_rule rule{static_cast<std::uint32_t>(map.integer("class").value_or(0)),
                        map.integer("activity").value_or(-1), map.texts("category")};
        map.reject_unknown();
        classes_.push_back(std::move(rule));
      }
    if (const auto types = document["types"]; types.IsDefined() && types.IsMap())
      for (const auto& entry : types) {
        yaml_map_reader map(file.file, entry.second, "type route", "RTE003", found);
        event_class out{map.texts("product"), map.texts("category"), map.texts("service")};
        map.reject_unknown();
        out.normalize();
        types_[entry.first.Scalar()] = std::move(out);
      }
  }
}

log_router::windows_facts log_router::windows_facts_of(const model::event& ev) const {
  windows_facts out;
  for (const auto& s : ev.native) {
    if (s.id == model::no_field)
      continue;
    if (s.id == channel_)
      out.channel = text_or_empty(s.data);
    else if (s.id == event_id_)
      out.event_id = integer_or(s.data, -1);
    else if (s.id == provider_ || s.id == source_name_)
      out.provider = text_or_empty(s.data);
  }
  out.present = out.event_id >= 0 && (!out.channel.empty() || !out.provider.empty());
  return out;
}

std::uint64_t log_router::key_of(const model::event& ev) const {
  const auto facts = windows_facts_of(ev);
  std::uint64_t key = reinterpret_cast<std::uintptr_t>(ev.type);
  if (facts.present) {
    key = hash64(facts.channel, key);
    key = hash64(facts.provider, key + static_cast<std::uint64_t>(facts.event_id));
  }
  if (ev.class_uid != 0)
    key = (key ^ ev.class_uid) * 0x9E3779B97F4A7C15ULL +
          static_cast<std::uint64_t>(integer_or(ev.ocsf_value(ocsf_activity_), 0));
  return key;
}

event_class log_router::windows_class(const std::string& channel, const std::string& provider,
                                      std::int64_t event_id) const {
  event_class out{{"windows"}, {}, {}};
  for (const auto& rule : windows_) {
    const bool fits =
        (rule.channel.empty() || rule.channel == channel) && (rule.provider.empty() || rule.provider == provider) &&
        (rule.events.empty() || std::find(rule.events.begin(), rule.events.end(), event_id) != rule.events.end());
    if (!fits)
      continue;
    out.categories.insert(out.categories.end(), rule.categories.begin(), rule.categories.end());
    out.services.insert(out.services.end(), rule.services.begin(), rule.services.end());
  }
  out.normalize();
  return out;
}

event_class log_router::classify(const model::event& ev) const {
  event_class out;
  if (const auto facts = windows_facts_of(ev); facts.present)
    out = windows_class(fold(facts.channel), fold(facts.provider), facts.event_id);
  if (ev.type != nullptr) {
    add_words(out.products, ev.type->sigma_product);
    add_words(out.services, ev.type->sigma_service);
    add_words(out.categories, ev.type->sigma_category);
    const auto product = ev.type->vendor + "/" + ev.type->product;
    for (const auto& name : {product, product + "/" + ev.type->name})
      if (const auto at = types_.find(name); at != types_.end()) {
        out.products.insert(out.products.end(), at->second.products.begin(), at->second.products.end());
        out.categories.insert(out.categories.end(), at->second.categories.begin(), at->second.categories.end());
        out.services.insert(out.services.end(), at->second.services.begin(), at->second.services.end());
      }
  }
  const auto activity = integer_or(ev.ocsf_value(ocsf_activity_), 0);
  for (const auto& rule : classes_)
    if (rule.class_uid == ev.class_uid && ev.class_uid != 0 && (rule.activity < 0 || rule.activity == activity))
      out.categories.insert(out.categories.end(), rule.categories.begin(), rule.categories.end());
  out.normalize();
  return out;
}

event_class log_router::class_of(const model::log_type& type, std::uint32_t class_uid) const {
  model::event ev;
  ev.type = &type;
  auto out = classify(ev);
  for (const auto& rule : classes_)
    if (rule.class_uid == class_uid && class_uid != 0)
      out.categories.insert(out.categories.end(), rule.categories.begin(), rule.categories.end());
  out.normalize();
  return out;
}

std::vector<event_class> log_router::known_classes() const {
  std::vector<event_class> out;
  for (const auto& rule : windows_) {
    if (rule.channel.empty())
      out.push_back(windows_class({}, rule.provider, rule.events.empty() ? -1 : rule.events.front()));
    else if (rule.events.empty())
      out.push_back(windows_class(rule.channel, rule.provider, -1));
    for (const auto id : rule.events)
      out.push_back(windows_class(rule.channel, rule.provider, id));
  }
  for (const auto& [name, one] : types_)
    out.push_back(one);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

} // namespace soc::detection
