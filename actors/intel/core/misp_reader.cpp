// MISP's JSON: events with attributes and objects, as exported, as answered by restSearch, as in feeds. Source: MISP
// core format (draft-dulaunoy-misp-core-format), section 2.
#include "intel/core/reading.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <charconv>

namespace soc::intel {

namespace {

namespace dom = simdjson::dom;

std::string_view misp_text(dom::element object, std::string_view key) {
  std::string_view out;
  return object[key].get(out) ? std::string_view{} : out;
}

/// MISP writes numbers and truths as themselves or as text.
std::int64_t misp_number(dom::element object, std::string_view key) {
  std::int64_t out = 0;
  if (!object[key].get(out))
    return out;
  const auto text = misp_text(object, key);
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

bool misp_truth(dom::element object, std::string_view key) {
  bool out = false;
  if (!object[key].get(out))
    return out;
  const auto text = misp_text(object, key);
  return text == "1" || text == "true" || misp_number(object, key) == 1;
}

struct misp_type {
  std::string_view name;
  indicator_kind kind;
  int part; ///< of a value "a|b": 0 or 1
};

constexpr misp_type misp_types[] = {
    {"ip-src", indicator_kind::ip, 0},
    {"ip-dst", indicator_kind::ip, 0},
    {"ip-src|port", indicator_kind::ip, 0},
    {"ip-dst|port", indicator_kind::ip, 0},
    {"domain", indicator_kind::domain, 0},
    {"hostname", indicator_kind::domain, 0},
    {"hostname|port", indicator_kind::domain, 0},
    {"domain|ip", indicator_kind::domain, 0}, // the address of a shared server says little
    {"url", indicator_kind::url, 0},
    {"uri", indicator_kind::url, 0},
    {"email", indicator_kind::email, 0},
    {"email-src", indicator_kind::email, 0},
    {"email-dst", indicator_kind::email, 0},
    {"email-reply-to", indicator_kind::email, 0},
    {"md5", indicator_kind::hash, 0},
    {"sha1", indicator_kind::hash, 0},
    {"sha224", indicator_kind::hash, 0},
    {"sha256", indicator_kind::hash, 0},
    {"sha384", indicator_kind::hash, 0},
    {"sha512", indicator_kind::hash, 0},
    {"filename|md5", indicator_kind::hash, 1},
    {"filename|sha1", indicator_kind::hash, 1},
    {"filename|sha224", indicator_kind::hash, 1},
    {"filename|sha256", indicator_kind::hash, 1},
    {"filename|sha384", indicator_kind::hash, 1},
    {"filename|sha512", indicator_kind::hash, 1},
    {"malware-sample", indicator_kind::hash, 1},
};

model::severity threat_level(std::int64_t id) {
  switch (id) {
  case 1:
    return model::severity::high;
  case 2:
    return model::severity::medium;
  case 3:
    return model::severity::low;
  default:
    return model::severity::unknown;
  }
}

class misp_reader {
public:
  misp_reader(const indicator_text& from, indicator_sink& sink) : file_(from.file), sink_(sink) {}

  void read(dom::element element) {
    dom::array all;
    if (!element.get(all)) {
      for (const auto one : all)
        read(one);
      return;
    }
    dom::element inner;
    if (!element["response"].get(inner))
      return read(inner);
    if (!element["Event"].get(inner))
      return read_event(inner);
    if (!element["Attribute"].get(all))
      return read_attributes(all, {});
    if (!misp_text(element, "type").empty())
      read_attribute(element, {});
  }

private:
  void read_event(dom::element event) {
    indicator_facts facts;
    facts.title = misp_text(event, "info").substr(0, 200);
    facts.level = sink_.source().level == model::severity::unknown ? threat_level(misp_number(event, "threat_level_id"))
                                                                   : model::severity::unknown;
    dom::array all;
    if (!event["Attribute"].get(all))
      read_attributes(all, facts);
    if (!event["Object"].get(all))
      for (const auto object : all) {
        dom::array of_object;
        if (!misp_truth(object, "deleted") && !object["Attribute"].get(of_object))
          read_attributes(of_object, facts);
      }
  }

  void read_attributes(dom::array all, const indicator_facts& facts) {
    for (const auto attribute : all)
      read_attribute(attribute, facts);
  }

  void read_attribute(dom::element attribute, indicator_facts facts) {
    ++number_;
    const auto type = misp_text(attribute, "type");
    const auto* known =
        std::find_if(std::begin(misp_types), std::end(misp_types), [&](const misp_type& t) { return t.name == type; });
    if (misp_truth(attribute, "deleted") || !misp_truth(attribute, "to_ids") || known == std::end(misp_types))
      return sink_.skip();
    const source_place place{file_, number_, 0};
    auto value = misp_text(attribute, "value");
    if (const auto bar = value.find('|'); bar != std::string_view::npos && type.find('|') != std::string_view::npos)
      value = known->part == 0 ? value.substr(0, bar) : value.substr(bar + 1);
    else if (type == "malware-sample")
      value = value.substr(value.find('|') + 1);
    const auto spelled = spell(known->kind, refang(value));
    if (!spelled)
      return sink_.warn("INT003", place, fmt::format("'{}' is no {}", value.substr(0, 80), type));
    facts.id = misp_text(attribute, "uuid");
    const auto at = misp_number(attribute, "timestamp");
    if (const auto lifetime = sink_.source().lifetime; lifetime != 0 && at > 0)
      facts.valid_until = std::min(std::min(at, last_second) * ns_per_s, last_second * ns_per_s - lifetime) + lifetime;
    sink_.add({{known->kind, *spelled}}, facts, place);
  }

  std::string file_;
  indicator_sink& sink_;
  int number_ = 0;
};

} // namespace

void read_misp(const indicator_text& from, indicator_sink& sink, diagnostics& found) {
  dom::parser parser;
  dom::element document;
  if (const auto code = parser.parse(from.text.data(), from.text.size(), false).get(document)) {
    found.error("INT001", {from.file, 0, 0}, fmt::format("broken JSON: {}", simdjson::error_message(code)));
    return;
  }
  misp_reader(from, sink).read(document);
}

} // namespace soc::intel
