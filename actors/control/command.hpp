// control/command.hpp - what an operator can ask of a node: a table of commands, each a function from words to an
// answer that may come later. The control actor owns the table and the services; commands only talk to actors and read
// the registry.
#pragma once
#include "runtime/actor.hpp"
#include "runtime/audit_interfaces.hpp"
#include "runtime/interfaces.hpp"
#include "runtime/lake_interfaces.hpp"
#include "runtime/quarantine_interfaces.hpp"
#include "runtime/response_interfaces.hpp"
#include "wire/control_wire.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace soc::control {

using json = nlohmann::json;

/// Who answers a command given to any node.
enum class command_scope {
  here,   ///< this node
  merged, ///< every living node; rows are put together, each with its node
  first,  ///< the node that has the thing: here first, then the others
  named,  ///< the node that the word after the command names; it may be left out while there is only one
};

/// The answer to one command. Shapes of `body`: {"columns","rows","note"}, {"text"}, {"fields"}, {"sections":[…]}, each
/// with an optional "title" and "data" (what `-o json` prints).
class answer {
public:
  explicit answer(std::function<void(wire::control_reply)> deliver) : deliver_(std::move(deliver)) {}
  void ok(const json& body, int exit_code = 0) const;
  /// code ec::not_found lets the next node try (command_scope::first).
  void fail(const failure& why, int exit_code = 1) const;
  void fail(const caf::error& why) const;

private:
  std::function<void(wire::control_reply)> deliver_;
};

/// A question to a node, as the transport hands it on. The reply is a wire::control_reply.
struct control_query {
  wire::control_request request;
};

/// Asked of the composition root. → json_answer.
struct rules_query {};
/// Reads content and connectors again: all are checked, then swapped, or nothing is. → json_answer.
struct reload_query {};
struct json_answer {
  json body;
};

/// What the shell may ask for that only the composition root can do.
struct node_services {
  std::string node;
  std::string version;
  std::shared_ptr<actor_registry> registry;
  store_ref store;
  bus_ref bus;
  journal_ref journal;
  audit_ref audit;
  response::manager_ref response;
  quarantine_replay_ref replayer;
  lake::search_ref events; ///< empty when the event store is off
  caf::actor incidents;    ///< incident::manager_interface
  std::function<std::vector<std::string>()> living_nodes;
  std::function<json(std::size_t)> alerts; ///< the newest alerts as a table
  std::function<json()> connectors;        ///< rows: name, kind, tenant, state, and the source's counters
  std::function<json()> drift;             ///< rows: type, kind, name, records
  std::function<std::string()> metrics;    ///< Prometheus text
  caf::actor root_side;                    ///< answers rules_query and reload_query
};

/// A trace has run its time.
struct trace_ended {
  std::function<void()> deliver;
};

struct control_state;
using control_self = caf::stateful_actor<control_state, observed_actor>;

/// One command as it runs.
struct call {
  control_self* self = nullptr;
  const node_services* services = nullptr;
  std::string user;
  std::vector<std::string> words; ///< [0] is the command
  answer reply;

  /// Word `i` or `otherwise`.
  std::string word(std::size_t i, std::string otherwise = {}) const {
    return i < words.size() ? words[i] : std::move(otherwise);
  }
  /// The value after `--name`, else `otherwise`.
  std::string option(const std::string& name, std::string otherwise = {}) const;
  /// Every value after a `--name`.
  std::vector<std::string> options(const std::string& name) const;
  /// A whole number in [low, high] after `--name`, else `otherwise`.
  std::size_t number(const std::string& name, std::size_t otherwise, std::size_t low, std::size_t high) const;
  /// The words from `i` on, but for these options, each with the word after it.
  std::vector<std::string> plain(std::size_t i, const std::vector<std::string>& options) const;
  /// The same, joined by blanks.
  std::string rest(std::size_t i, const std::vector<std::string>& options = {}) const;
};

struct command {
  std::string usage; ///< "actor PATH"; the words of the table's key are the name
  std::string help;
  command_scope scope = command_scope::here;
  std::size_t min_words = 1;
  bool changes = false; ///< goes into the audit stream
  std::function<void(const call&)> run;
  bool has_options = true; ///< false: words that begin with -- are text like any other
};

/// By name: one word ("incidents") or two ("quarantine replay"); two go before one.
using command_table = std::map<std::string, command>;

// Each part of the table in a file of its own.
void add_actor_commands(command_table& table);
void add_store_commands(command_table& table);
void add_incident_commands(command_table& table);
void add_response_commands(command_table& table);
void add_node_commands(command_table& table);
void add_event_commands(command_table& table);

constexpr std::chrono::seconds ask_timeout{8};

/// "90s", "30m", "24h", "7d" in nanoseconds; 0 if it is none.
unix_ns span_of(std::string_view text);
/// "3 s", "12 min", "2 h", "3 d".
std::string span_text(unix_ns span);
/// "3 s ago", "2 h ago"; "-" for 0.
std::string ago(unix_ns then, unix_ns now);
/// "12.3 MiB".
std::string bytes_text(std::uint64_t bytes);

} // namespace soc::control

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::control::control_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::control::trace_ended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::control::rules_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::control::reload_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::control::json_answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::wire::control_reply)
