// targets/agent/agent_order.hpp - what a node asks of an endpoint's agent, and the answer: JSON over NATS request/reply
// on soc.agent.<host>.do, signed with the cluster's key where the agent has been told to trust one. Values and codecs;
// pure.
#pragma once
#include "base/result.hpp"
#include "base/time.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace soc::targets {

struct agent_order {
  std::string key;  ///< the same for each repetition of the same call
  std::string host; ///< whom it is for: an order for another host is refused
  std::string action;
  nlohmann::json parameters = nlohmann::json::object();
  unix_ns at = 0, until = 0; ///< after `until` it is not begun any more
};

struct agent_answer {
  enum class kind : std::uint8_t { done = 0, failed = 1, refused = 2, again = 3 } what = kind::failed;
  nlohmann::json output = nlohmann::json::object();
  std::string detail;
};

/// The bytes that are signed, and sent as "order" beside "signature".
std::string to_text(const agent_order& order);
/// What the signature is over: a signature over something else is none over an order.
std::string signed_text(const std::string& order_text);
result<agent_order> read_order(const std::string& text);
std::string to_text(const agent_answer& answer);
result<agent_answer> read_answer(const std::string& text);

/// "soc.agent.<token>.do": the host's name in lower case, other characters than [a-z0-9-] as '_'.
std::string agent_subject(const std::string& host);

/// "host|rest" of an entity key; the host is empty when there is none.
struct host_scoped {
  std::string host, rest;
};
host_scoped split_key(const std::string& key);

} // namespace soc::targets
