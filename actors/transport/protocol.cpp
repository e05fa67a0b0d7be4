#include "transport/protocol.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <charconv>

namespace soc::transport {

namespace {

using nlohmann::json;

// Numbers of nats-server's errors.json that change what we do.
constexpr int error_wrong_last_sequence = 10071;

constexpr int http_unavailable = 503;

/// An empty object for anything else.
json parse_object(std::string_view text) {
  auto parsed = json::parse(text.begin(), text.end(), nullptr, false);
  return parsed.is_object() ? parsed : json::object();
}

/// A member of the wanted type, else `otherwise`: answers come from the network.
std::string text_at(const json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::uint64_t number_at(const json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_number_integer() ? at->get<std::uint64_t>() : 0;
}

api_error error_of(const json& answer) {
  const auto at = answer.find("error");
  if (at == answer.end() || !at->is_object())
    return {};
  api_error out{static_cast<int>(number_at(*at, "code")), static_cast<int>(number_at(*at, "err_code")),
                text_at(*at, "description")};
  if (out.error_code == 0)
    out.error_code = out.code != 0 ? out.code : -1;
  return out;
}

failure failure_of(const api_error& error) {
  constexpr int http_bad_request = 400;
  const auto what = fmt::format("{} (JetStream error {})", error.description, error.error_code);
  if (error.error_code == error_wrong_last_sequence)
    return {ec::conflict, what};
  // A full stream and a missing leader pass; 400 says that this message will never be taken.
  return {error.code == http_bad_request ? ec::invalid_input : ec::unavailable, what};
}

bool read_number(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

} // namespace

result<publish_ack> parse_publish_ack(std::string_view payload) {
  const auto answer = parse_object(payload);
  if (const auto error = error_of(answer); error.error_code != 0)
    return failure_of(error);
  publish_ack ack{text_at(answer, "stream"), number_at(answer, "seq"),
                  answer.contains("duplicate") && answer["duplicate"] == true};
  if (ack.stream.empty() || ack.sequence == 0)
    return failure{ec::corrupt, "not an acknowledgement of JetStream"};
  return ack;
}

api_error parse_api_error(std::string_view payload) {
  const auto answer = parse_object(payload);
  if (answer.empty())
    return {http_unavailable, -1, "not an answer of JetStream"};
  return error_of(answer);
}

// $JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>, and since server 2.10 possibly
// $JS.ACK.<domain>.<account>.<stream>.….<pending>.<random>.
std::optional<delivery_place> parse_delivery_subject(std::string_view reply) {
  std::array<std::string_view, 13> tokens;
  std::size_t count = 0;
  while (count < tokens.size()) {
    const auto dot = reply.find('.');
    tokens[count++] = reply.substr(0, dot);
    if (dot == std::string_view::npos)
      break;
    reply.remove_prefix(dot + 1);
  }
  if (count < 9 || tokens[0] != "$JS" || tokens[1] != "ACK")
    return std::nullopt;
  const std::size_t first = count == 9 ? 4 : 6;
  delivery_place out;
  std::uint64_t stored = 0;
  if (count < first + 5 || !read_number(tokens[first], out.deliveries) ||
      !read_number(tokens[first + 1], out.stream_sequence) || !read_number(tokens[first + 2], out.consumer_sequence) ||
      !read_number(tokens[first + 3], stored) || !read_number(tokens[first + 4], out.pending))
    return std::nullopt;
  out.stored_at = static_cast<unix_ns>(stored);
  out.consumer = tokens[first - 1];
  return out;
}

std::string consumer_create_subject(const consumer_definition& consumer) {
  return consumer.durable.empty()
             ? fmt::format("$JS.API.CONSUMER.CREATE.{}", consumer.stream)
             : fmt::format("$JS.API.CONSUMER.DURABLE.CREATE.{}.{}", consumer.stream, consumer.durable);
}

std::string to_json(const consumer_definition& consumer) {
  const auto ns = [](std::chrono::milliseconds span) { return span.count() * ns_per_ms; };
  json config{{"ack_policy", consumer.acknowledged ? "explicit" : "none"}, {"replay_policy", "instant"}};
  if (!consumer.durable.empty())
    config["durable_name"] = consumer.durable;
  else
    config.update({{"inactive_threshold", ns(consumer.inactive)}, {"mem_storage", true}, {"num_replicas", 1}});
  if (!consumer.filter.empty())
    config["filter_subject"] = consumer.filter;
  if (!consumer.deliver_to.empty())
    config["deliver_subject"] = consumer.deliver_to;
  if (consumer.acknowledged)
    config.update({{"max_ack_pending", consumer.max_ack_pending}, {"ack_wait", ns(consumer.ack_wait)}});
  if (consumer.last_per_subject)
    config["deliver_policy"] = "last_per_subject";
  else if (consumer.from_sequence > 0)
    config.update({{"deliver_policy", "by_start_sequence"}, {"opt_start_seq", consumer.from_sequence}});
  else
    config["deliver_policy"] = "all";
  return json{{"stream_name", consumer.stream}, {"config", std::move(config)}}.dump();
}

result<consumer_created> parse_consumer_created(std::string_view payload) {
  const auto answer = parse_object(payload);
  if (const auto error = error_of(answer); error.error_code != 0)
    return failure_of(error);
  consumer_created out{text_at(answer, "name"), number_at(answer, "num_pending")};
  if (out.name.empty())
    return failure{ec::corrupt, "not a consumer of JetStream"};
  return out;
}

std::string consumer_info_subject(std::string_view stream, std::string_view consumer) {
  return fmt::format("$JS.API.CONSUMER.INFO.{}.{}", stream, consumer);
}

result<consumer_backlog> parse_consumer_backlog(std::string_view payload) {
  const auto answer = parse_object(payload);
  if (const auto error = error_of(answer); error.error_code != 0)
    return failure_of(error);
  if (!answer.contains("num_pending"))
    return failure{ec::corrupt, "no state of a consumer"};
  const auto floor = answer.value("ack_floor", json::object());
  return consumer_backlog{number_at(answer, "num_pending"), number_at(answer, "num_ack_pending"),
                          floor.is_object() ? number_at(floor, "stream_seq") : 0};
}

std::string pull_subject(std::string_view stream, std::string_view consumer) {
  return fmt::format("$JS.API.CONSUMER.MSG.NEXT.{}.{}", stream, consumer);
}

std::string pull_json(std::uint32_t batch, std::chrono::milliseconds expires) {
  return fmt::format(R"({{"batch":{},"expires":{}}})", batch, expires.count() * ns_per_ms);
}

std::string consumer_delete_subject(std::string_view stream, std::string_view consumer) {
  return fmt::format("$JS.API.CONSUMER.DELETE.{}.{}", stream, consumer);
}

std::string nak_text(std::chrono::milliseconds delay) {
  return delay.count() <= 0 ? std::string("-NAK") : fmt::format(R"(-NAK {{"delay": {}}})", delay.count() * ns_per_ms);
}

} // namespace soc::transport
