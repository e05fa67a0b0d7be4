// incident/codec.hpp - incidents to and from schemas/incident.capnp: journal entries, snapshots, the public view,
// requests between nodes. Pure. A reader takes what any version of ours wrote and fails with corrupt, too_large or
// version_mismatch, never with an exception.
#pragma once
#include "incident/core/view.hpp"

#include <variant>

namespace soc::incident {

/// Events of one append. too_large over wire::max_message_bytes.
result<std::string> encode_entry(const std::vector<event>& events);
result<std::vector<event>> decode_entry(std::string_view bytes);

result<std::string> encode_snapshot(const state& s);
result<state> decode_snapshot(std::string_view bytes);

struct published_change {
  std::string change; ///< opened, updated, merged, split, status, closed, overdue, due_soon
  view incident;
};
result<std::string> encode_change(std::string_view change, const view& v);
result<published_change> decode_change(std::string_view bytes);

/// What one node asks of the node that owns an incident.
struct owner_request {
  enum class kind : std::uint8_t { change, join, get, content, alerts } what = kind::get;
  std::string tenant, id, who;
  std::optional<command> asked;       ///< change, join (an add_alert)
  std::string why_json;               ///< content
  std::vector<std::string> alert_ids; ///< alerts
};
struct owner_reply {
  bool changed = false;
  std::uint64_t version = 0;
  std::optional<view> incident;
  std::optional<take_merge> content;
  std::vector<sample> samples;
};
result<std::string> encode_request(const owner_request& request);
result<owner_request> decode_request(std::string_view bytes);
result<std::string> encode_reply(const owner_reply& reply);
result<owner_reply> decode_reply(std::string_view bytes);

} // namespace soc::incident
