#include "tools/sim/firewall.hpp"

#include "base/hash.hpp"
#include "base/network.hpp"
#include "base/time.hpp"

#include <httplib.h>
#include <nlohmann/json.hpp>

#include <deque>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>

namespace soc::sim {

namespace {

using nlohmann::json;

constexpr std::size_t max_calls = 200'000;
constexpr std::int64_t longest_ttl_s = 365 * 86'400;

struct firewall_block {
  std::string id, ip, comment;
  unix_ns made_at = 0, ends_at = 0; ///< ends_at 0: for good
};

struct answered_key {
  std::string body;
  int status = 0;
  json answer;
};

/// The text at a key, empty for anything else.
std::string text_at(const json& object, const char* key) {
  const auto at = object.is_object() ? object.find(key) : object.end();
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string{};
}

class firewall {
public:
  explicit firewall(firewall_options options) : options_(std::move(options)) { load(); }

  void serve(httplib::Server& server) {
    server.Post("/v1/blocks", [this](const auto& q, auto& a) { handle(q, a, true, [&] { return add(q); }); });
    server.Delete(R"(/v1/blocks/(.+))",
                  [this](const auto& q, auto& a) { handle(q, a, true, [&] { return remove(q.matches[1]); }); });
    server.Get(R"(/v1/blocks/(.+))",
               [this](const auto& q, auto& a) { handle(q, a, false, [&] { return look(q.matches[1]); }); });
    server.Get("/v1/blocks", [this](const auto& q, auto& a) { handle(q, a, false, [&] { return list(); }); });
    server.Get("/v1/calls",
               [this](const auto& q, auto& a) { handle(q, a, false, [&] { return reply(200, calls_); }); });
  }

private:
  using reply = std::pair<int, json>;

  template <class Work>
  void handle(const httplib::Request& q, httplib::Response& a, bool changes, Work work) {
    std::lock_guard lock(mutex_);
    expire();
    const auto key = q.get_header_value("Idempotency-Key");
    reply out = before(q, changes, key);
    std::string action = out.first < 400 ? "repeat" : "refused";
    if (out.first == 0) {
      out = work();
      action = out.first == 400 ? "refused" : q.method == "POST" ? "block" : q.method == "DELETE" ? "unblock" : "look";
      if (changes && !key.empty())
        keys_[key] = {q.path + q.body, out.first, out.second};
    }
    if (changes || q.matches.size() > 1)
      record(q, key, action, out.first);
    a.status = out.first;
    if (out.first == 429)
      a.set_header("Retry-After", "1");
    a.set_content(out.second.dump(-1, ' ', false, json::error_handler_t::replace), "application/json");
    if (changes)
      save();
  }

  /// Token, repeated key, rate; 0 = go on.
  reply before(const httplib::Request& q, bool changes, const std::string& key) {
    if (q.get_header_value("Authorization") != "Bearer " + options_.token)
      return {401, {{"error", "wrong or missing token"}}};
    if (const auto known = keys_.find(key); changes && !key.empty() && known != keys_.end()) {
      if (known->second.body != q.path + q.body)
        return {409, {{"error", "this idempotency key was used for another request"}}};
      return {known->second.status, known->second.answer};
    }
    const auto now = clock_.now();
    while (!recent_.empty() && recent_.front() <= now - ns_per_s)
      recent_.pop_front();
    if (changes && recent_.size() >= static_cast<std::size_t>(options_.changes_per_s))
      return {429, {{"error", "too many changes"}}};
    if (changes)
      recent_.push_back(now);
    return {0, {}};
  }

  reply add(const httplib::Request& q) {
    const auto body = json::parse(q.body, nullptr, false);
    const auto range = parse_network(text_at(body, "ip"));
    const auto ttl = body.is_object() && body.value("ttl_seconds", json(0)).is_number_integer()
                         ? body.value("ttl_seconds", std::int64_t{0})
                         : -1;
    if (!range || ttl < 0 || ttl > longest_ttl_s)
      return {400, {{"error", "ip must be an address or network, ttl_seconds 0 to 31536000"}}};
    const auto ip = to_string(*range);
    const auto now = clock_.now();
    auto& block = blocks_[ip];
    const auto ends = ttl == 0 ? 0 : now + ttl * ns_per_s;
    const bool longer = block.id.empty() || ends == 0 || (block.ends_at != 0 && ends > block.ends_at);
    if (block.id.empty())
      block = {id_builder().add(ip).add(now).hex().substr(0, 12), ip, text_at(body, "comment"), now, ends};
    else if (longer)
      block.ends_at = ends;
    return {201, describe(block)};
  }

  reply remove(const std::string& text) {
    const auto range = parse_network(text);
    if (!range || blocks_.erase(to_string(*range)) == 0)
      return {404, {{"error", "not blocked"}, {"blocked", false}}};
    return {200, {{"blocked", false}}};
  }

  reply look(const std::string& text) const {
    const auto range = parse_network(text);
    const auto at = range ? blocks_.find(to_string(*range)) : blocks_.end();
    if (at == blocks_.end())
      return {404, {{"blocked", false}}};
    auto out = describe(at->second);
    out["blocked"] = true;
    return {200, out};
  }

  reply list() const {
    json all = json::array();
    for (const auto& [ip, block] : blocks_)
      all.push_back(describe(block));
    return {200, {{"blocks", all}}};
  }

  static json describe(const firewall_block& b) {
    json out{{"id", b.id}, {"ip", b.ip}, {"comment", b.comment}, {"made_at", format_rfc3339(b.made_at)}};
    if (b.ends_at != 0)
      out["expires_at"] = format_rfc3339(b.ends_at);
    return out;
  }

  void record(const httplib::Request& q, const std::string& key, const std::string& action, int status) {
    if (calls_.size() >= max_calls)
      calls_.erase(calls_.begin());
    const auto body = json::parse(q.body, nullptr, false);
    const auto target = q.matches.size() > 1 ? q.matches[1].str() : text_at(body, "ip");
    calls_.push_back({{"time", format_rfc3339(clock_.now())},
                      {"action", action},
                      {"target", target},
                      {"key", key},
                      {"status", status}});
  }

  void expire() {
    const auto now = clock_.now();
    std::erase_if(blocks_, [&](const auto& item) { return item.second.ends_at != 0 && item.second.ends_at <= now; });
  }

  void load() {
    if (options_.state_file.empty())
      return;
    std::ifstream in(options_.state_file);
    const auto saved = json::parse(in, nullptr, false);
    if (!saved.is_object())
      return;
    for (const auto& b : saved.value("blocks", json::array()))
      blocks_[b.value("ip", "")] = {b.value("id", ""), b.value("ip", ""), b.value("comment", ""),
                                    b.value("made", unix_ns{0}), b.value("ends", unix_ns{0})};
    for (const auto& k : saved.value("keys", json::array()))
      keys_[k.value("key", "")] = {k.value("body", ""), k.value("status", 0), k.value("answer", json())};
    calls_ = saved.value("calls", json::array());
  }

  void save() const {
    if (options_.state_file.empty())
      return;
    json blocks = json::array(), keys = json::array();
    for (const auto& [ip, b] : blocks_)
      blocks.push_back({{"id", b.id}, {"ip", ip}, {"comment", b.comment}, {"made", b.made_at}, {"ends", b.ends_at}});
    for (const auto& [key, k] : keys_)
      keys.push_back({{"key", key}, {"body", k.body}, {"status", k.status}, {"answer", k.answer}});
    const auto next = options_.state_file + ".next";
    std::ofstream(next) << json{{"blocks", blocks}, {"keys", keys}, {"calls", calls_}}.dump();
    std::rename(next.c_str(), options_.state_file.c_str());
  }

  const firewall_options options_;
  system_clock_source clock_;
  std::mutex mutex_;
  std::map<std::string, firewall_block> blocks_;
  std::map<std::string, answered_key> keys_;
  std::deque<unix_ns> recent_;
  json calls_ = json::array();
};

} // namespace

int run_firewall(const firewall_options& options) {
  firewall state(options);
  httplib::Server server;
  server.set_tcp_nodelay(true);
  server.set_payload_max_length(1 << 20);
  state.serve(server);
  const int port = options.port == 0                                ? server.bind_to_any_port("127.0.0.1")
                   : server.bind_to_port("127.0.0.1", options.port) ? options.port
                                                                    : -1;
  if (port < 0) {
    std::cerr << "port " << options.port << " is taken\n";
    return 1;
  }
  std::cout << "firewall simulator on 127.0.0.1:" << port << std::endl;
  return server.listen_after_bind() ? 0 : 1;
}

} // namespace soc::sim
