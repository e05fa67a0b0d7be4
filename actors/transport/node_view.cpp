#include "transport/node_view.hpp"

#include "transport/subjects.hpp"

#include <nlohmann/json.hpp>

namespace soc::transport {

std::string to_json(const node_info& info) {
  nlohmann::json out{{"node", info.node},           {"incarnation", info.incarnation},
                     {"version", info.version},     {"started_ns", info.started_at},
                     {"addresses", info.addresses}, {"leaving", info.leaving}};
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

result<node_info> parse_node_info(std::string_view json) {
  const failure broken{ec::corrupt, "not a node's heartbeat"};
  const auto in = nlohmann::json::parse(json.begin(), json.end(), nullptr, false);
  if (!in.is_object())
    return broken;
  try {
    node_info out;
    out.node = in.value("node", "");
    out.incarnation = in.value("incarnation", "");
    out.version = in.value("version", "");
    out.started_at = in.value("started_ns", std::int64_t{0});
    out.addresses = in.value("addresses", std::map<std::string, std::string>());
    out.leaving = in.value("leaving", false);
    if (!is_node_name(out.node))
      return broken;
    return out;
  } catch (const nlohmann::json::exception&) {
    return broken;
  }
}

node_view::node_view(node_info self, std::chrono::milliseconds dead_after) : self_(self.node), dead_after_(dead_after) {
  nodes_[self_] = entry{std::move(self), {}, true};
}

bool node_view::hear(const node_info& info, time_point now, std::chrono::milliseconds age) {
  const bool is_self = info.node == self_;
  auto& known = nodes_[info.node];
  if (is_self) {
    known.heard = now;
    return false;
  }
  const bool lives = !info.leaving && age < dead_after_;
  const bool changed = known.living != lives || (lives && known.info.incarnation != info.incarnation);
  known.info = info;
  known.heard = now - age;
  known.living = lives;
  return changed;
}

void node_view::set_connected(bool connected, time_point now) {
  if (connected && !connected_)
    patient_until_ = now + dead_after_;
  connected_ = connected;
}

bool node_view::check(time_point now) {
  if (!connected_ || now < patient_until_)
    return false;
  bool changed = false;
  for (auto& [name, known] : nodes_)
    if (known.living && name != self_ && now - known.heard >= dead_after_) {
      known.living = false;
      changed = true;
    }
  return changed;
}

std::vector<std::string> node_view::living() const {
  std::vector<std::string> out;
  for (const auto& [name, known] : nodes_)
    if (known.living)
      out.push_back(name);
  return out;
}

std::vector<known_node> node_view::all(time_point now) const {
  std::vector<known_node> out;
  for (const auto& [name, known] : nodes_) {
    const auto silent = name == self_ ? std::chrono::milliseconds{0}
                                      : std::chrono::duration_cast<std::chrono::milliseconds>(now - known.heard);
    out.push_back({known.info, known.living, silent});
  }
  return out;
}

} // namespace soc::transport
