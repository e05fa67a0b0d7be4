// response/core/component.hpp - components and their actions as data (connectors/targets/<name>/component.yaml): what
// an action takes, what it does to the world, how it is undone and how its effect is read back. Loaded once, shared
// read-only. Pure.
#pragma once
#include "base/json_condition.hpp"
#include "base/result.hpp"
#include "model/entity.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace soc::response {

/// What an action does outside. Numbers cross the disk: append only.
enum class action_effect : std::uint8_t { read = 0, reversible = 1, irreversible = 2 };
std::string_view to_string(action_effect effect);

/// What happens when a call is made twice.
enum class idempotency : std::uint8_t {
  none,    ///< it acts twice: a doubtful call is never repeated by itself
  natural, ///< the second changes nothing (adding to a set)
  key,     ///< the target recognizes the idempotency key
};

/// Who ends a reversible action when its time is up.
enum class expiry_by : std::uint8_t {
  platform, ///< we call the inverse
  target,   ///< the target does it itself (an element with a timeout)
};

enum class parameter_type : std::uint8_t {
  text,
  integer,
  boolean,
  duration,
  ip,
  network,
  domain,
  url,
  list,
  object,
  any
};
std::string_view to_string(parameter_type type);

struct parameter {
  std::string name, description;
  parameter_type type = parameter_type::text;
  bool required = false;
  nlohmann::json fallback; ///< null = none
};

/// How the effect is seen: a read action of the same component, with the same parameters, and a condition on
/// {"output": …} that holds while the effect stands.
struct verification {
  std::string read_action;
  json_condition in_effect;
};

/// An HTTP call as data; every string may hold ${params.…}, ${instance.…}, ${call.…}. Secrets are never in scope.
struct http_exchange {
  std::string method = "GET";
  std::string path; ///< after the instance's endpoint; references are percent-encoded
  std::map<std::string, std::string> query, headers;
  nlohmann::json body;                     ///< null = none; sent as JSON
  std::optional<json_condition> success;   ///< on {"status","body","headers"}; default: 200–299
  std::optional<json_condition> transient; ///< failed, but worth another try; default: 408, 425, 429, 500, 502–504
  std::optional<json_condition> missing;   ///< what was to be removed isn't there: success for an inverse
  nlohmann::json output;                   ///< from the same scope; null = the body
};

struct action {
  std::string name, title;
  action_effect effect = action_effect::read;
  std::vector<model::entity_type> fits; ///< empty: no entity (a notification)
  std::string target;                   ///< the parameter that takes the entity's value, empty = none
  std::vector<parameter> parameters;
  std::string inverse; ///< of a reversible action
  std::optional<verification> verify;
  idempotency repeat = idempotency::none;
  expiry_by expiry = expiry_by::platform;
  std::int64_t rate_most = 0, rate_per_s = 0; ///< calls an instance takes; 0 = no limit
  std::string cost = "low";                   ///< of being wrong: low, medium, high
  std::int64_t timeout_ms = 10'000;
  std::optional<http_exchange> http;
};

struct authentication {
  enum class kind { none, bearer, api_key, basic, hmac } how = kind::none;
  std::string secret = "token";         ///< name among the instance's credentials
  std::string header = "Authorization"; ///< api_key: header that takes the secret; hmac: that takes the signature
  std::string time_header;              ///< hmac: header with unix seconds, signed before the body ("<time>.<body>")
  std::string prefix;                   ///< before the signature: "sha256="
  std::string user = "user";            ///< basic: name of the credential with the user
};

struct component {
  std::string name, title, kind; ///< kind: firewall, notify, …
  std::string driver = "http";   ///< or the name of a driver in connectors/targets
  authentication auth;
  std::map<std::string, action> actions;
};
using component_ptr = std::shared_ptr<const component>;

/// All components of a node by name.
struct catalogue {
  std::map<std::string, component_ptr> components;

  const action* find(const std::string& component, const std::string& action) const;
  /// Names of all actions, for checks and hints.
  std::vector<std::string> action_names() const;
  /// The first component that has this action, null if none.
  const action* any(const std::string& action) const;
};

/// Reads one component.yaml. Errors are CMP001…; nothing is returned when there were any.
component_ptr load_component(const std::string& file, const std::string& text, diagnostics& found);

/// `given` checked against the action's parameters: types, required ones, defaults; durations become whole seconds,
/// addresses canonical. The failure names the parameter.
result<nlohmann::json> checked_parameters(const action& what, const nlohmann::json& given);

/// "90s", "15m", "24h", "7d", "500ms" (rounded up) or plain seconds; nothing for other text.
std::optional<std::int64_t> parse_duration_s(std::string_view text);

} // namespace soc::response
