#include "connectors/targets/agent/agent_order.hpp"

namespace soc::targets {

using nlohmann::json;

std::string to_text(const agent_order& order) {
  return json{{"key", order.key},  {"host", order.host},     {"action", order.action}, {"parameters", order.parameters},
              {"at_ns", order.at}, {"until_ns", order.until}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string signed_text(const std::string& order_text) {
  return "soc agent order 1\n" + order_text;
}

result<agent_order> read_order(const std::string& text) {
  const auto from = json::parse(text, nullptr, false);
  const auto is_text = [&](const char* key) { return from.contains(key) && from[key].is_string(); };
  if (!from.is_object() || !is_text("key") || !is_text("host") || !is_text("action") || !from.contains("parameters") ||
      !from["parameters"].is_object() || !from.value("until_ns", json()).is_number_integer())
    return failure{ec::invalid_input, "that is no order"};
  agent_order out;
  out.key = from["key"];
  out.host = from["host"];
  out.action = from["action"];
  out.parameters = from["parameters"];
  out.at = from.value("at_ns", json(0)).is_number_integer() ? from["at_ns"].get<unix_ns>() : 0;
  out.until = from["until_ns"];
  return out;
}

std::string to_text(const agent_answer& answer) {
  return json{{"what", static_cast<int>(answer.what)}, {"output", answer.output}, {"detail", answer.detail}}.dump(
      -1, ' ', false, json::error_handler_t::replace);
}

result<agent_answer> read_answer(const std::string& text) {
  const auto from = json::parse(text, nullptr, false);
  if (!from.is_object() || !from.value("what", json()).is_number_integer() || from["what"] < 0 || from["what"] > 3 ||
      !from.value("detail", json("")).is_string())
    return failure{ec::invalid_input, "that is no answer"};
  agent_answer out;
  out.what = static_cast<agent_answer::kind>(from["what"].get<int>());
  out.output = from.value("output", json::object());
  out.detail = from.value("detail", "");
  return out;
}

std::string agent_subject(const std::string& host) {
  std::string token;
  for (const char c : host.substr(0, 128)) {
    const char low = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    token += (low >= 'a' && low <= 'z') || (low >= '0' && low <= '9') || low == '-' ? low : '_';
  }
  return "soc.agent." + (token.empty() ? "_" : token) + ".do";
}

host_scoped split_key(const std::string& key) {
  const auto bar = key.find('|');
  return bar == std::string::npos ? host_scoped{"", key} : host_scoped{key.substr(0, bar), key.substr(bar + 1)};
}

} // namespace soc::targets
