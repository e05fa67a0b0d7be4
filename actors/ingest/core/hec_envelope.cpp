#include "ingest/core/hec_envelope.hpp"

#include "ingest/core/json_decoder.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>

namespace soc::ingest {

namespace {

struct hec_key {
  std::string_view name, field;
};
constexpr std::array<hec_key, 7> hec_keys{{{"event", ""},
                                           {"time", "hec.time"},
                                           {"host", "hec.host"},
                                           {"source", "hec.source"},
                                           {"sourcetype", "hec.sourcetype"},
                                           {"index", "hec.index"},
                                           {"fields", "hec.fields"}}};

const hec_key* find_hec_key(std::string_view name) {
  const auto* at = std::find_if(hec_keys.begin(), hec_keys.end(), [&](const auto& k) { return k.name == name; });
  return at == hec_keys.end() ? nullptr : at;
}

/// The text of a string, without its escapes and with room to read past; anything else as it is written.
std::string_view text_of_member(simdjson::ondemand::value value, arena& memory) {
  namespace od = simdjson::ondemand;
  const od::json_type type = value.type();
  if (type == od::json_type::string) {
    const std::string_view plain = value.get_string();
    auto* copy = memory.make_array<char>(plain.size() + json_decoder::padding);
    std::copy(plain.begin(), plain.end(), copy);
    std::fill_n(copy + plain.size(), json_decoder::padding, '\0');
    return {copy, plain.size()};
  }
  if (type == od::json_type::object) {
    od::object object = value.get_object();
    return object.raw_json();
  }
  if (type == od::json_type::array) {
    od::array list = value.get_array();
    return list.raw_json();
  }
  const std::string_view token = value.raw_json_token();
  return token.substr(0, token.find_last_not_of(" \t\r\n") + 1);
}

} // namespace

bool may_be_hec(std::string_view text) {
  const auto open = text.find_first_not_of(" \t\r\n", 1);
  if (text.empty() || text.front() != '{' || open == std::string_view::npos || text[open] != '"')
    return false;
  const auto close = text.substr(open + 1, 12).find('"');
  return close != std::string_view::npos && find_hec_key(text.substr(open + 1, close)) != nullptr;
}

std::optional<hec_envelope> peel_hec(std::string_view text, arena& memory) {
  if (!may_be_hec(text))
    return std::nullopt;
  hec_envelope out;
  try {
    simdjson::ondemand::parser parser;
    simdjson::ondemand::document document = parser.iterate(text, text.size() + json_decoder::padding);
    for (auto entry : document.get_object()) {
      const std::string_view name = entry.unescaped_key();
      const auto* key = find_hec_key(name);
      if (key == nullptr)
        return std::nullopt;
      const auto value = text_of_member(entry.value(), memory);
      if (key->field.empty())
        out.event = value;
      else
        out.fields.emplace_back(key->field, value);
      if (name == "time")
        out.time = value;
    }
  } catch (const simdjson::simdjson_error&) {
    return std::nullopt;
  }
  if (out.event.empty() || out.event == "null" || out.fields.empty())
    return std::nullopt;
  return out;
}

} // namespace soc::ingest
