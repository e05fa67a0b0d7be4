// response/core/component.hpp - components and their actions as data (connectors/targets/<name>/component.yaml): what
// an action takes, what it does to the world, how it is undone and how its effect is read back. Loaded once, shared
// read-only. Pure.
#pragma once
#include "base/duration.hpp"
#include "base/json_condition.hpp"
#include "base/result.hpp"
#include "model/entity.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace YAML {
class Node;
}

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

/// How the pages of a reading exchange follow one another.
struct page_rule {
  enum class by : std::uint8_t { token_query, token_body, url, number_query, number_body } how = by::token_query;
  std::string items;   ///< path of the list on each page
  nlohmann::json next; ///< token or address of the next page: a path, or {jq: …}
  std::string name;    ///< of the query entry or body field ("a.b") that takes token or number
  std::int64_t from = 1, size = 0, most = 50;
};

/// An HTTP exchange as data; every value may hold ${params.…}, ${instance.…}, ${call.…} and outputs of earlier ones, or
/// be {jq: …}. Secrets are never in scope. docs/response.md, "Component reference".
struct http_exchange {
  std::string id;                     ///< of several: its output's name
  std::optional<json_condition> when; ///< of several: else it is left out
  std::string method = "GET";
  std::string path;       ///< after the instance's endpoint; references are percent-encoded
  std::string url;        ///< instead of path
  nlohmann::json query;   ///< map; empty values are left out
  nlohmann::json headers; ///< map
  nlohmann::json body;    ///< null = none; sent as JSON
  nlohmann::json form;    ///< map; null = none
  std::string text, content_type;
  bool reads = false;                      ///< changes nothing, whatever its method
  std::optional<json_condition> success;   ///< on {"status","body","headers"}; default: 200–299
  std::optional<json_condition> transient; ///< failed, but worth another try; default: 408, 425, 429, 500, 502–504
  std::optional<json_condition> missing;   ///< what was to be removed isn't there: success
  std::optional<json_condition> already;   ///< what was to be made is there: success
  std::optional<page_rule> pages;
  nlohmann::json output; ///< from the same scope; null = the body

  bool changes() const { return !reads && method != "GET" && method != "HEAD"; }
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
  std::vector<http_exchange> http; ///< in this order
  nlohmann::json output;           ///< of several exchanges; null = the last one's
  std::string driver_action;       ///< what the driver calls it
};

/// How requests are signed or vouched for. `docs/response.md` has the keys of each kind.
struct authentication {
  enum class kind : std::uint8_t {
    none,
    bearer,
    api_key,
    basic,
    oauth2,
    login,
    hmac,
    hash,
    aws_sigv4,
    alibaba_acs3,
    alibaba_rpc,
    tencent_tc3,
    huawei_sdk
  } how = kind::none;
  // Names among the instance's credentials:
  std::string secret = "token", user = "user", access_key = "access_key", session_token = "session_token",
              client_id = "client_id";
  // Where secret or signature, and the time it was signed at, go:
  std::string header, query, body, prefix;
  std::string time_header, time_query, time_body, nonce_header;
  bool in_path = false;      ///< api_key: appended to the endpoint
  bool milliseconds = false; ///< the time's unit
  // hmac, hash:
  std::string hash = "sha256", key = "{secret}", message = "{body}";
  bool base64 = false;
  // Cloud signatures; may hold ${instance.settings.…}:
  std::string service, region;
  // oauth2:
  std::string token_url, scope;
  nlohmann::json fields;
  bool basic_client = false;
  // login:
  std::shared_ptr<const http_exchange> login;
  std::string token_path;
  std::int64_t lifetime_s = 600;
  nlohmann::json extra_headers;
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

/// One exchange and the `auth` part of a component.yaml; used by load_component. Errors are CMP002….
http_exchange read_exchange(const std::string& file, const YAML::Node& node, diagnostics& found);
authentication read_authentication(const std::string& file, const YAML::Node& node, diagnostics& found);

/// `given` checked against the action's parameters: types, required ones, defaults; durations become whole seconds,
/// addresses canonical. The failure names the parameter.
result<nlohmann::json> checked_parameters(const action& what, const nlohmann::json& given);

} // namespace soc::response
