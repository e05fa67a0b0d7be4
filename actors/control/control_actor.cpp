#include "control/control_actor.hpp"

#include "base/diagnostic.hpp"
#include "base/hash.hpp"
#include "base/token.hpp"
#include "runtime/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace soc::control {

namespace {

/// Marks a request that came from another node's control actor: answer for yourself only.
constexpr const char* local_mark = "@local";

/// Replies of several nodes on their way to one answer.
struct gathering {
  std::size_t waiting = 0;
  std::vector<std::pair<std::string, wire::control_reply>> replies;
  std::vector<std::string> silent;
};

json body_of(const wire::control_reply& reply) {
  auto body = json::parse(reply.body, nullptr, false);
  return body.is_object() ? body : json::object();
}

/// Rows of all nodes under one header; notes one after the other.
wire::control_reply merge(const gathering& g) {
  json merged = json::object();
  std::string notes, errors;
  std::uint8_t exit_code = g.silent.empty() ? 0 : 1;
  for (const auto& [node, reply] : g.replies) {
    exit_code = std::max(exit_code, reply.exit_code);
    if (!reply.ok) {
      errors += (errors.empty() ? "" : "; ") + node + ": " + reply.error;
      continue;
    }
    const auto body = body_of(reply);
    if (body.contains("columns")) {
      if (!merged.contains("columns")) {
        merged["columns"] = body["columns"];
        merged["columns"].insert(merged["columns"].begin(), "node");
        merged["rows"] = json::array();
      }
      for (auto row : body["rows"]) {
        row.insert(row.begin(), node);
        merged["rows"].push_back(std::move(row));
      }
      if (body.contains("data") && body["data"].is_array())
        for (auto item : body["data"]) {
          if (item.is_object())
            item["node"] = node;
          merged["data"].push_back(std::move(item));
        }
    } else if (!body.empty()) {
      auto section = body;
      section["title"] = node;
      merged["sections"].push_back(std::move(section));
    }
    if (body.contains("note"))
      notes += (notes.empty() ? "" : "; ") + body["note"].get<std::string>();
  }
  for (const auto& node : g.silent)
    notes += (notes.empty() ? "" : "; ") + fmt::format("node {} did not answer", node);
  if (!notes.empty())
    merged["note"] = notes;
  wire::control_reply out;
  out.ok = errors.empty() && !g.replies.empty();
  out.exit_code = exit_code;
  out.error = errors;
  out.content_type = "application/json";
  out.body = merged.dump(-1, ' ', false, json::error_handler_t::replace);
  return out;
}

void run_here(control_self* self, const command& c, const wire::control_request& request, answer reply) {
  call one{self, &self->state.services, request.user, request.words, std::move(reply)};
  try {
    c.run(one);
  } catch (const std::exception& e) { // a command must never take the control actor down
    one.reply.fail(failure{ec::internal, e.what()});
  }
}

/// What whoever asked still waits; but a node that lives and is silent holds nobody up for more than a minute, unless
/// it is a run's end that is waited for.
std::chrono::milliseconds patience_with_node(const control_self* self, const wire::control_request& request) {
  constexpr std::chrono::milliseconds undated{4000}, most{60'000};
  const auto left = wire::patience_of(request, self->now(), undated);
  const bool for_the_end = std::find(request.words.begin(), request.words.end(), "--wait") != request.words.end();
  return for_the_end ? left : std::min(left, most);
}

void ask_node(control_self* self, const std::string& node, wire::control_request request,
              std::function<void(result<wire::control_reply>)> then) {
  const auto patience = patience_with_node(self, request);
  request.words.insert(request.words.begin(), local_mark);
  const auto bytes = wire::encode(request);
  if (!bytes) {
    then(bytes.error());
    return;
  }
  self->request(self->state.services.bus.actor(), patience + wire::handing_on,
                bus_request{fmt::format("soc.node.{}.control", node), *bytes, patience})
      .then([then](const bus_reply& r) { then(wire::decode_control_reply(r.payload)); },
            [then](const caf::error& e) { then(to_failure(e)); });
}

wire::control_reply refusal(const failure& why, int exit_code = 1) {
  wire::control_reply out;
  out.exit_code = static_cast<std::uint8_t>(exit_code);
  out.content_type = "application/json";
  out.error = why.what;
  out.body = json{{"code", to_string(why.code)}, {"data", {{"error", why.what}}}}.dump(-1, ' ', false,
                                                                                       json::error_handler_t::replace);
  return out;
}

/// What is said when another node gave no answer.
wire::control_reply without_answer(const std::string& node, const failure& why, bool changes) {
  if (why.code == ec::timed_out)
    return refusal(
        {why.code, fmt::format("node {} did not answer in time{}", node, changes ? "; it may have obeyed" : "")});
  return refusal({why.code, fmt::format("node {}: {}", node, why.what)});
}

void run_merged(control_self* self, const command& c, const wire::control_request& request,
                std::function<void(wire::control_reply)> deliver) {
  auto g = std::make_shared<gathering>();
  const auto own = self->state.services.node;
  const auto nodes = self->state.services.living_nodes();
  g->waiting =
      1 + static_cast<std::size_t>(std::count_if(nodes.begin(), nodes.end(), [&](auto& n) { return n != own; }));
  const auto arrived = [g, deliver] {
    if (--g->waiting > 0)
      return;
    std::sort(g->replies.begin(), g->replies.end(), [](auto& a, auto& b) { return a.first < b.first; });
    deliver(merge(*g));
  };
  for (const auto& node : nodes)
    if (node != own)
      ask_node(self, node, request, [g, node, arrived](result<wire::control_reply> r) {
        if (r)
          g->replies.emplace_back(node, *r);
        else
          g->silent.push_back(node);
        arrived();
      });
  run_here(self, c, request, answer([g, own, arrived](wire::control_reply r) {
             g->replies.emplace_back(own, std::move(r));
             arrived();
           }));
}

bool is_not_found(const wire::control_reply& reply) {
  return !reply.ok && body_of(reply).value("code", std::string{}) == to_string(ec::not_found);
}

/// A command that looks for the node that has the thing.
struct owner_search {
  std::vector<std::string> nodes; ///< not asked yet
  wire::control_request request;
  bool changes = false;
  std::string nowhere; ///< what is said when no node has it
  std::function<void(wire::control_reply)> deliver;
};

/// A node that is not there is passed over; one that is late may have obeyed: no other is asked then.
void try_next(control_self* self, owner_search s) {
  if (s.nodes.empty()) {
    s.deliver(refusal({ec::not_found, s.nowhere}));
    return;
  }
  const auto node = s.nodes.back();
  s.nodes.pop_back();
  ask_node(self, node, s.request, [self, node, s](const result<wire::control_reply>& r) mutable {
    if (r && !is_not_found(*r))
      return s.deliver(*r);
    if (!r && r.error().code != ec::unavailable)
      return s.deliver(without_answer(node, r.error(), s.changes));
    if (!r)
      s.nowhere += fmt::format("; node {} can't be asked: {}", node, r.error().what);
    try_next(self, std::move(s));
  });
}

void run_first(control_self* self, const command& c, const wire::control_request& request,
               std::function<void(wire::control_reply)> deliver) {
  run_here(self, c, request, answer([self, request, changes = c.changes, deliver](wire::control_reply r) {
             if (!is_not_found(r)) {
               deliver(std::move(r));
               return;
             }
             auto nodes = self->state.services.living_nodes();
             std::erase(nodes, self->state.services.node);
             try_next(self, {std::move(nodes), request, changes, r.error, deliver});
           }));
}

bool is_number(const std::string& word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// What the words are about has the same names at every node: with more than one, nobody may guess which is meant.
void run_named(control_self* self, const command& c, wire::control_request request,
               std::function<void(wire::control_reply)> deliver) {
  const auto& own = self->state.services.node;
  auto others = self->state.services.living_nodes();
  std::erase(others, own);
  const auto node = request.words[2];
  if (others.empty() && (is_number(node) || node != own))
    return run_here(self, c, request, answer(deliver));
  if (node != own && std::find(others.begin(), others.end(), node) == others.end())
    return deliver(refusal({ec::invalid_input, fmt::format("name the node, one of {} and {}; usage: {}",
                                                           fmt::join(others, ", "), own, c.usage)},
                           2));
  request.words.erase(request.words.begin() + 2);
  if (node == own)
    return run_here(self, c, request, answer(deliver));
  ask_node(self, node, request, [node, changes = c.changes, deliver](const result<wire::control_reply>& r) {
    deliver(r ? *r : without_answer(node, r.error(), changes));
  });
}

/// Tenants become part of NATS subjects: a name that can't is refused before anything is made of it.
bool names_no_tenant(const std::vector<std::string>& words) {
  for (std::size_t i = 1; i < words.size(); ++i)
    if (words[i] == "--tenant" && (i + 1 == words.size() || !is_token(words[i + 1])))
      return true;
  return false;
}

void audit(control_self* self, const wire::control_request& request) {
  std::string words;
  for (const auto& word : request.words)
    words += (words.empty() ? "" : " ") + word;
  self->state.services.audit.send(self, audit_note{"default", request.user, words, request.id, "", "asked"});
}

/// The command that `words` begin with.
command_table::const_iterator find_command(const command_table& all, const std::vector<std::string>& words) {
  if (words.size() > 1)
    if (const auto two = all.find(words[0] + " " + words[1]); two != all.end())
      return two;
  return all.find(words[0]);
}

std::string unknown_command(const control_self* self, const std::string& name) {
  std::vector<std::string> known;
  for (const auto& [key, c] : self->state.commands)
    known.push_back(key);
  const auto near = did_you_mean(name, known);
  return fmt::format("unknown command '{}'{}", name,
                     near.empty() ? "; see help" : fmt::format(", did you mean '{}'?", near));
}

void answer_query(control_self* self, wire::control_request request, std::function<void(wire::control_reply)> deliver) {
  const bool local = !request.words.empty() && request.words[0] == local_mark;
  if (local)
    request.words.erase(request.words.begin());
  const answer direct(deliver);
  if (request.words.empty())
    return direct.fail(failure{ec::invalid_input, "no command; see help"}, 2);
  const auto found = find_command(self->state.commands, request.words);
  if (found == self->state.commands.end())
    return direct.fail(failure{ec::invalid_input, unknown_command(self, request.words[0])}, 2);
  const auto& c = found->second;
  if (request.words.size() < c.min_words)
    return direct.fail(failure{ec::invalid_input, "usage: " + c.usage}, 2);
  if (c.has_options && names_no_tenant(request.words))
    return direct.fail(failure{ec::invalid_input, "--tenant takes a name of letters, digits, '-' and '_'"}, 2);
  if (c.changes) // each node writes down what it is asked: it can't know that another one did
    audit(self, request);
  if (local || c.scope == command_scope::here)
    run_here(self, c, request, direct);
  else if (c.scope == command_scope::merged)
    run_merged(self, c, request, deliver);
  else if (c.scope == command_scope::named)
    run_named(self, c, request, deliver);
  else
    run_first(self, c, request, deliver);
}

} // namespace

void answer::ok(const json& body, int exit_code) const {
  wire::control_reply out;
  out.ok = true;
  out.exit_code = static_cast<std::uint8_t>(exit_code);
  out.content_type = "application/json";
  out.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  deliver_(std::move(out));
}

void answer::fail(const failure& why, int exit_code) const {
  deliver_(refusal(why, exit_code));
}

void answer::fail(const caf::error& why) const {
  fail(to_failure(why));
}

std::string call::option(const std::string& name, std::string otherwise) const {
  for (std::size_t i = 1; i + 1 < words.size(); ++i)
    if (words[i] == "--" + name)
      return words[i + 1];
  return otherwise;
}

std::vector<std::string> call::options(const std::string& name) const {
  std::vector<std::string> out;
  for (std::size_t i = 1; i + 1 < words.size(); ++i)
    if (words[i] == "--" + name)
      out.push_back(words[i + 1]);
  return out;
}

std::size_t call::number(const std::string& name, std::size_t otherwise, std::size_t low, std::size_t high) const {
  const auto text = option(name);
  if (text.empty() || text.size() > 9 ||
      !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return otherwise;
  return std::clamp<std::size_t>(std::stoul(text), low, high);
}

std::vector<std::string> call::plain(std::size_t i, const std::vector<std::string>& options) const {
  const auto is_option = [&](const std::string& word) {
    return std::any_of(options.begin(), options.end(), [&](const auto& name) { return word == "--" + name; });
  };
  std::vector<std::string> out;
  for (; i < words.size(); ++i)
    if (i + 1 < words.size() && is_option(words[i]))
      ++i;
    else
      out.push_back(words[i]);
  return out;
}

std::string call::rest(std::size_t i, const std::vector<std::string>& options) const {
  return fmt::format("{}", fmt::join(plain(i, options), " "));
}

unix_ns span_of(std::string_view text) {
  if (text.size() < 2 || text.size() > 9)
    return 0;
  unix_ns n = 0;
  for (const char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9')
      return 0;
    n = n * 10 + (c - '0');
  }
  const auto unit = text.back();
  const unix_ns seconds = unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : unit == 'd' ? 86400 : 0;
  return n > INT64_MAX / ns_per_s / 86400 ? 0 : n * seconds * ns_per_s;
}

std::string span_text(unix_ns span) {
  const auto s = std::max<std::int64_t>(0, span / ns_per_s);
  if (s < 120)
    return fmt::format("{} s", s);
  if (s < 7200)
    return fmt::format("{} min", s / 60);
  if (s < 172800)
    return fmt::format("{} h", s / 3600);
  return fmt::format("{} d", s / 86400);
}

std::string ago(unix_ns then, unix_ns now) {
  return then == 0 ? "-" : span_text(now - then) + " ago";
}

std::string bytes_text(std::uint64_t bytes) {
  if (bytes < 1024)
    return fmt::format("{} B", bytes);
  if (bytes < (1u << 20))
    return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / 1024);
  if (bytes < (1ull << 30))
    return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1ull << 30));
}

caf::behavior control_actor(control_self* self, node_services services) {
  auto& state = self->state;
  state.services = std::move(services);
  add_actor_commands(state.commands);
  add_store_commands(state.commands);
  add_incident_commands(state.commands);
  add_response_commands(state.commands);
  add_node_commands(state.commands);
  add_event_commands(state.commands);
  return {
      [self](const control_query& query) -> caf::result<wire::control_reply> {
        auto promise = self->make_response_promise<wire::control_reply>();
        auto shared = std::make_shared<decltype(promise)>(promise);
        answer_query(self, query.request, [shared, id = query.request.id](wire::control_reply reply) {
          reply.id = id;
          shared->deliver(std::move(reply));
        });
        return promise;
      },
      [](const trace_ended& ended) { ended.deliver(); },
  };
}

} // namespace soc::control
