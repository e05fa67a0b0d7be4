#include "connectors/targets/agent/agent_host.hpp"

#include "base/hash.hpp"
#include "base/yaml_text.hpp"
#include "connectors/targets/agent/evidence.hpp"
#include "runtime/signing_key.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fcntl.h>
#include <fstream>
#include <unistd.h>

namespace soc::targets {

namespace fs = std::filesystem;
using nlohmann::json;
using answer_kind = agent_answer::kind;

namespace {

const std::set<std::string> known_actions{"kill_process",  "kill_process_tree", "get_process",  "quarantine_file",
                                          "restore_file",  "get_file",          "isolate_host", "release_host",
                                          "get_isolation", "collect_evidence"};

/// On the disk before it returns.
bool write_note(const fs::path& file, const json& note) {
  const auto text = note.dump(-1, ' ', false, json::error_handler_t::replace);
  const auto next = file.string() + ".next";
  const int fd = ::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0)
    return false;
  const bool good = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  ::close(fd);
  return good && ::rename(next.c_str(), file.c_str()) == 0;
}

json read_note(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  auto out = json::parse(in, nullptr, false);
  return out.is_object() ? out : json();
}

bool reads_only(const std::string& action) {
  return action.starts_with("get_") || action == "collect_evidence";
}

std::string text_in(const json& parameters, const char* name) {
  const auto at = parameters.find(name);
  return at != parameters.end() && at->is_string() ? at->get<std::string>() : std::string{};
}

std::string lower_host(std::string text) {
  for (auto& c : text)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

std::vector<std::string> texts_in(const json& parameters, const char* name) {
  std::vector<std::string> out;
  if (const auto at = parameters.find(name); at != parameters.end() && at->is_array())
    for (const auto& item : *at)
      if (item.is_string())
        out.push_back(item.get<std::string>());
  return out;
}

} // namespace

agent_settings load_agent_settings(const std::string& file, const std::string& text, diagnostics& found) {
  agent_settings out;
  const auto yaml = parse_yaml(file, text, "AGT001", found);
  if (yaml.documents.size() != 1) {
    found.error("AGT001", {file, 0, 0}, "one document expected");
    return out;
  }
  yaml_map_reader r(file, yaml.documents[0], "agent", "AGT002", found);
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  out.host = lower_host(r.text("host").value_or(name));
  out.folder = r.text("folder").value_or(out.folder.string());
  for (const auto& action : r.texts("allow")) {
    if (!known_actions.contains(action))
      found.error("AGT003", r.place("allow"), fmt::format("the agent has no action '{}'", action));
    out.allowed.insert(action);
  }
  out.trusted_key = r.text("trusted_key").value_or("");
  for (const auto& spared : r.texts("never_end"))
    out.processes.spared.insert(spared);
  for (const auto& spared : r.texts("never_touch"))
    out.files.spared.push_back(spared);
  out.isolation.allowed = r.texts("reachable");
  out.isolation.network_namespace = r.text("network_namespace").value_or("");
  out.most_per_minute = r.integer("most_per_minute").value_or(out.most_per_minute);
  const auto nats = r.get("nats");
  yaml_map_reader n(file, nats, "nats", "AGT002", found);
  out.urls = n.texts("urls");
  out.user = n.text("user").value_or("");
  out.password = n.text("password").value_or("");
  out.credentials_file = n.text("credentials").value_or("");
  out.nkey_seed_file = n.text("nkey_seed").value_or("");
  out.tls_ca = n.text("ca").value_or("");
  out.tls_certificate = n.text("certificate").value_or("");
  out.tls_key = n.text("key").value_or("");
  n.reject_unknown();
  r.reject_unknown();
  if (out.urls.empty())
    found.error("AGT004", n.place(), "the agent needs `nats: {urls: [nats://host:4222]}`");
  if (out.allowed.empty())
    found.warning("AGT005", r.place(), "the agent may do nothing", "add `allow: [kill_process_tree, …]`");
  out.files.quarantine = out.folder / "quarantine";
  return out;
}

agent_host::agent_host(agent_settings settings, std::shared_ptr<const clock_source> clock)
    : settings_(std::move(settings)), clock_(std::move(clock)) {
  std::error_code error;
  fs::create_directories(settings_.folder / "orders", error);
  fs::permissions(settings_.folder, fs::perms::owner_all, error);
}

std::string agent_host::take(const std::string& message) {
  try {
    return to_text(judge(message));
  } catch (const std::exception&) { // a JSON type that nobody thought of, a folder that vanished
    return to_text(agent_answer{answer_kind::failed, {}, "the agent could not carry it out"});
  }
}

agent_answer agent_host::judge(const std::string& message) {
  const auto envelope = json::parse(message, nullptr, false);
  const auto text = envelope.is_object() ? text_in(envelope, "order") : std::string{};
  const auto signature = envelope.is_object() ? text_in(envelope, "signature") : std::string{};
  if (!settings_.trusted_key.empty() && !signature_is_good(settings_.trusted_key, signed_text(text), signature))
    return {answer_kind::refused, {}, "the order is not signed by the key this agent trusts"};
  const auto order = read_order(text);
  if (!order)
    return {answer_kind::refused, {}, order.error().what};
  if (const auto why = refusal(*order); !why.empty())
    return {answer_kind::refused, {}, why};
  return reads_only(order->action) ? act(*order) : perform(*order);
}

std::string agent_host::refusal(const agent_order& order) {
  if (lower_host(order.host) != settings_.host)
    return "the order is for another host";
  if (!settings_.allowed.contains(order.action))
    return fmt::format("'{}' is not allowed on this host", order.action);
  if (order.until < clock_->now())
    return "the order came too late";
  return {};
}

fs::path agent_host::note_of(const agent_order& order) const {
  return settings_.folder / "orders" / (to_hex(hash128(order.key + "\n" + order.action)) + ".json");
}

agent_answer agent_host::perform(const agent_order& order) {
  const auto file = note_of(order);
  const auto before = read_note(file);
  if (before.is_object() && before.contains("answer"))
    if (auto answer = read_answer(before["answer"].dump()))
      return *answer;
  const auto now = clock_->now();
  std::erase_if(recent_, [&](unix_ns at) { return at <= now - 60 * ns_per_s; });
  if (static_cast<std::int64_t>(recent_.size()) >= settings_.most_per_minute)
    return {answer_kind::again, {}, fmt::format("more than {} orders a minute", settings_.most_per_minute)};
  recent_.push_back(now);
  json note{{"order", json::parse(to_text(order), nullptr, false)}, {"begun", format_rfc3339(now)}};
  if (!write_note(file, note))
    return {answer_kind::again, {}, "the order can't be written down"};
  auto answer = act(order);
  if (answer.what == answer_kind::done) { // what failed or was refused may be asked for again
    note["answer"] = json::parse(to_text(answer), nullptr, false);
    (void)write_note(file, note);
  }
  return answer;
}

agent_answer agent_host::act(const agent_order& order) {
  const auto& p = order.parameters;
  const auto& action = order.action;
  if (action == "kill_process" || action == "kill_process_tree" || action == "get_process") {
    auto name = read_process_name(split_key(text_in(p, "process")).rest);
    if (!name)
      return {answer_kind::refused, {}, "'process' must be host|pid|start"};
    name->seen_at = parse_rfc3339(text_in(p, "seen_at")).value_or(0);
    if (action == "get_process" && !can_be_told(*name))
      return {answer_kind::refused, {}, "'process' must be host|pid|start, or 'seen_at' be given"};
    if (action == "get_process") {
      const auto facts = process_of(name->pid);
      return {answer_kind::done, {{"running", facts && is_same(*facts, *name)}}, ""};
    }
    return kill_process(*name, action == "kill_process_tree", settings_.processes);
  }
  const auto path = split_key(text_in(p, "file")).rest;
  if (action == "quarantine_file")
    return quarantine_file(path, text_in(p, "sha256"), settings_.files);
  if (action == "restore_file")
    return restore_file(path, settings_.files);
  if (action == "get_file")
    return look_at_file(path, settings_.files);
  if (action == "isolate_host")
    return isolate_host(settings_.isolation);
  if (action == "release_host")
    return release_host(settings_.isolation);
  if (action == "get_isolation")
    return look_at_isolation(settings_.isolation);
  return collect_evidence(texts_in(p, "what"), path, order.key, settings_.folder / "evidence");
}

} // namespace soc::targets
