// transport/node_view.hpp - which nodes live, from their heartbeats: a pure state machine. Times are this node's own,
// so clocks of nodes need not agree. While the connection is away nobody is declared dead, nor for one dead-after span
// when it is back.
#pragma once
#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace soc::transport {

/// A node as it describes itself in KV soc_nodes, key = its name.
struct node_info {
  std::string node;
  std::string incarnation; ///< random for each start
  std::string version;
  std::int64_t started_at = 0;                  ///< unix nanoseconds
  std::map<std::string, std::string> addresses; ///< "http" → "127.0.0.1:9600"
  bool leaving = false;                         ///< said good-bye
  bool operator==(const node_info&) const = default;
};
std::string to_json(const node_info& info);
result<node_info> parse_node_info(std::string_view json);

struct known_node {
  node_info info;
  bool living = false;
  std::chrono::milliseconds silent{0}; ///< since its last heartbeat
};

class node_view {
public:
  using time_point = std::chrono::steady_clock::time_point;

  node_view(node_info self, std::chrono::milliseconds dead_after);

  /// A heartbeat that is `age` old. True when who lives has changed.
  bool hear(const node_info& info, time_point now, std::chrono::milliseconds age = {});
  void set_connected(bool connected, time_point now);
  /// Declares the silent dead. True when who lives has changed.
  bool check(time_point now);

  /// Sorted; this node is always one of them.
  std::vector<std::string> living() const;
  std::vector<known_node> all(time_point now) const;

private:
  struct entry {
    node_info info;
    time_point heard;
    bool living = false;
  };
  std::string self_;
  std::chrono::milliseconds dead_after_;
  std::map<std::string, entry> nodes_;
  bool connected_ = false;
  time_point patient_until_{};
};

} // namespace soc::transport
