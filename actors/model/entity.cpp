#include "model/entity.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <unordered_map>

namespace soc::model {

namespace {

constexpr std::array<std::string_view, 13> type_names{"unknown", "ip",    "domain",      "file_hash",      "file",
                                                      "process", "host",  "container",   "cloud_resource", "user",
                                                      "url",     "email", "registry_key"};
constexpr std::array<std::string_view, 8> role_names{"unknown",     "actor",    "target", "source",
                                                     "destination", "observer", "parent", "related"};

std::string lower_ascii(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

/// What vendors write when there is nothing.
bool is_placeholder(std::string_view text) {
  static constexpr std::array<std::string_view, 14> words{"-",
                                                          "--",
                                                          "N/A",
                                                          "n/a",
                                                          "null",
                                                          "NULL",
                                                          "none",
                                                          "(null)",
                                                          "None",
                                                          "unknown",
                                                          "undefined",
                                                          "?",
                                                          "<unknown process>",
                                                          "&lt;unknown process&gt;"};
  return text.empty() || std::find(words.begin(), words.end(), text) != words.end();
}

std::string domain_key(std::string_view text) {
  while (!text.empty() && text.back() == '.')
    text.remove_suffix(1);
  if (text.empty() || text.size() > 253 || text.find_first_of(" /\\\"'<>\t") != std::string_view::npos)
    return {};
  return lower_ascii(text);
}

std::string hash_key(std::string_view text) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); };
  const auto n = text.size();
  if ((n != 32 && n != 40 && n != 56 && n != 64 && n != 96 && n != 128) ||
      !std::all_of(text.begin(), text.end(), is_hex))
    return {};
  if (std::all_of(text.begin(), text.end(), [](char c) { return c == '0'; }))
    return {};
  return lower_ascii(text);
}

std::string url_key(std::string_view text) {
  text = trim(text.substr(0, text.find('#')));
  const auto scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos)
    return std::string(text);
  auto host_end = text.find('/', scheme_end + 3);
  if (host_end == std::string_view::npos)
    host_end = text.size();
  return lower_ascii(text.substr(0, host_end)) + std::string(text.substr(host_end));
}

std::string user_key(std::string_view text, std::string_view scope) {
  if (text == "S-1-0-0" || text == "s-1-0-0") // Windows: nobody
    return {};
  // DOMAIN\user carries its own scope; machine accounts and well-known locals need the host's.
  if (text.find('\\') != std::string_view::npos || text.find('@') != std::string_view::npos || scope.empty())
    return lower_ascii(text);
  return lower_ascii(scope) + "\\" + lower_ascii(text);
}

std::string scoped(std::string_view scope, std::string_view text) {
  return scope.empty() ? std::string(text) : lower_ascii(scope) + "|" + std::string(text);
}

constexpr entity_slot slots[] = {
    {"src_endpoint.ip", entity_type::ip, entity_role::source, "src_endpoint.vpc_uid"},
    {"dst_endpoint.ip", entity_type::ip, entity_role::destination, "dst_endpoint.vpc_uid"},
    {"src_endpoint.hostname", entity_type::host, entity_role::source, ""},
    {"dst_endpoint.hostname", entity_type::domain, entity_role::destination, ""},
    {"src_endpoint.domain", entity_type::domain, entity_role::source, ""},
    {"dst_endpoint.domain", entity_type::domain, entity_role::destination, ""},
    {"src_endpoint.instance_uid", entity_type::cloud_resource, entity_role::source, ""},
    {"dst_endpoint.instance_uid", entity_type::cloud_resource, entity_role::destination, ""},
    {"proxy_endpoint.ip", entity_type::ip, entity_role::observer, ""},
    {"device.hostname", entity_type::host, entity_role::target, ""},
    {"device.ip", entity_type::ip, entity_role::target, "device.vpc_uid"},
    {"device.instance_uid", entity_type::cloud_resource, entity_role::target, ""},
    {"device.uid", entity_type::cloud_resource, entity_role::target, ""},
    {"container.uid", entity_type::container, entity_role::target, ""},
    {"actor.user.name", entity_type::user, entity_role::actor, "device.hostname"},
    {"actor.user.uid", entity_type::user, entity_role::actor, "cloud.account.uid"},
    {"actor.user.email_addr", entity_type::email, entity_role::actor, ""},
    {"user.name", entity_type::user, entity_role::target, "device.hostname"},
    {"user.email_addr", entity_type::email, entity_role::target, ""},
    {"actor.process.file.path", entity_type::file, entity_role::actor, "device.hostname"},
    {"actor.process.file.hashes[0].value", entity_type::file_hash, entity_role::actor, ""},
    {"process.file.path", entity_type::file, entity_role::target, "device.hostname"},
    {"process.file.hashes[0].value", entity_type::file_hash, entity_role::target, ""},
    {"process.file.hashes[1].value", entity_type::file_hash, entity_role::target, ""},
    {"process.parent_process.file.path", entity_type::file, entity_role::parent, "device.hostname"},
    {"file.path", entity_type::file, entity_role::target, "device.hostname"},
    {"file.hashes[0].value", entity_type::file_hash, entity_role::target, ""},
    {"file.hashes[1].value", entity_type::file_hash, entity_role::target, ""},
    {"http_request.url.hostname", entity_type::domain, entity_role::destination, ""},
    {"http_request.url.url_string", entity_type::url, entity_role::target, ""},
    {"url.url_string", entity_type::url, entity_role::target, ""},
    {"query.hostname", entity_type::domain, entity_role::target, ""},
    {"answers[0].rdata", entity_type::ip, entity_role::related, ""},
    {"resources[0].uid", entity_type::cloud_resource, entity_role::target, ""},
    {"resource.uid", entity_type::cloud_resource, entity_role::target, ""},
    {"reg_key.path", entity_type::registry_key, entity_role::target, "device.hostname"},
    {"reg_value.path", entity_type::registry_key, entity_role::target, "device.hostname"},
    {"email.from", entity_type::email, entity_role::source, ""},
    // Findings of other products (OCSF 2004) keep what they saw below their first evidence.
    {"evidences[0].src_endpoint.ip", entity_type::ip, entity_role::source, ""},
    {"evidences[0].dst_endpoint.ip", entity_type::ip, entity_role::destination, ""},
    {"evidences[0].actor.user.name", entity_type::user, entity_role::actor, "device.hostname"},
    {"evidences[0].user.name", entity_type::user, entity_role::target, "device.hostname"},
    {"evidences[0].process.file.path", entity_type::file, entity_role::target, "device.hostname"},
    {"evidences[0].process.file.hashes[0].value", entity_type::file_hash, entity_role::target, ""},
    {"evidences[0].file.path", entity_type::file, entity_role::target, "device.hostname"},
    {"evidences[0].file.hashes[0].value", entity_type::file_hash, entity_role::target, ""},
    {"evidences[0].query.hostname", entity_type::domain, entity_role::target, ""},
    {"evidences[0].url.url_string", entity_type::url, entity_role::target, ""},
};

void add_entity(std::vector<entity>& out, entity_type type, entity_role role, std::string_view text,
                std::string_view scope) {
  if (type == entity_type::domain && canonical_ip(text))
    type = entity_type::ip;
  auto key = canonical_key(type, text, scope);
  if (key.empty())
    return;
  for (const auto& known : out)
    if (known.type == type && known.key == key)
      return;
  out.push_back({type, role, std::move(key), std::string(text)});
}

std::int64_t integer_of(const value& v) {
  if (v.kind() == value_kind::integer)
    return v.integer();
  std::int64_t n = 0;
  if (v.is_string())
    for (const char c : v.text()) {
      if (c < '0' || c > '9' || n > 99'999'999'999'999'999)
        return 0;
      n = n * 10 + (c - '0');
    }
  return n;
}

/// An account of a domain is the same on every machine of it, however the domain is spelled (CORP, corp.example,
/// name@CORP.EXAMPLE); one of the machine, or of what every machine has, is not.
struct account {
  std::string name, scope;
};

account account_of(const event_batch& batch, const event& ev, std::string_view name_path, std::string name,
                   std::string host) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> services{
      {{"S-1-5-18", "SYSTEM"}, {"S-1-5-19", "LOCAL SERVICE"}, {"S-1-5-20", "NETWORK SERVICE"}}};
  for (const auto& [sid, service] : services)
    if (name == sid)
      return {std::string(service),
              canonical_key(entity_type::host, ev.ocsf_value(batch.dictionary->find("device.hostname")).to_text())};
  const auto slash = name_path.rfind('.');
  if (slash == std::string_view::npos || name_path.substr(slash) != ".name")
    return {std::move(name), std::move(host)};
  const auto whole =
      lower_ascii(ev.ocsf_value(batch.dictionary->find(std::string(name_path.substr(0, slash)) + ".domain")).to_text());
  const auto domain = whole.substr(0, whole.find('.'));
  static constexpr std::array<std::string_view, 6> everywhere{"nt authority",     "nt service", "window manager",
                                                              "font driver host", "builtin",    "workgroup"};
  const bool local = is_placeholder(domain) || domain == lower_ascii(host.substr(0, host.find('.'))) ||
                     std::find(everywhere.begin(), everywhere.end(), domain) != everywhere.end();
  if (local)
    return {std::move(name), std::move(host)};
  if (const auto at = name.find('@'); at != std::string::npos && lower_ascii(name.substr(at + 1)) == whole)
    name.resize(at);
  return {std::move(name), domain};
}

/// What is done to a process that ran already: it was opened, or code was put into it. It is not what was started.
bool is_only_touched(const event_batch& batch, const event& ev) {
  constexpr std::uint32_t process_activity = 1007;
  constexpr std::int64_t open = 3, inject = 4;
  if (ev.class_uid != process_activity)
    return false;
  const auto activity = integer_of(ev.ocsf_value(batch.dictionary->find("activity_id")));
  return activity == open || activity == inject;
}

/// Who a record was written about is no other machine that it speaks of.
void leave_out_own_name(std::vector<entity>& found, const std::string& host) {
  if (!host.empty())
    std::erase_if(found, [&](const entity& e) { return e.type == entity_type::domain && e.key == host; });
}

/// A process needs host, pid and start time together: pids are reused.
void add_process(std::vector<entity>& out, const event_batch& batch, const event& ev, std::string_view prefix,
                 entity_role role, std::string_view host) {
  const auto path = [&](std::string_view leaf) {
    return batch.dictionary->find(std::string(prefix) + std::string(leaf));
  };
  const auto pid = integer_of(ev.ocsf_value(path(".pid")));
  if (pid <= 0 || host.empty())
    return;
  auto uid = ev.ocsf_value(path(".uid")).to_text();
  if (uid.empty())
    uid = std::to_string(pid);
  auto label = ev.ocsf_value(path(".cmd_line")).to_text();
  const auto image = ev.ocsf_value(path(".file.path")).to_text();
  if (!image.empty() && is_placeholder(image))
    return;
  if (label.empty())
    label = image;
  if (label.empty())
    label = ev.ocsf_value(path(".name")).to_text();
  const auto key = canonical_key(entity_type::process, uid, host);
  for (const auto& known : out)
    if (known.type == entity_type::process && known.key == key)
      return;
  out.push_back({entity_type::process, role, key, label.empty() ? uid : label});
}

} // namespace

std::string_view to_string(entity_type type) {
  const auto i = static_cast<std::size_t>(type);
  return i < type_names.size() ? type_names[i] : type_names[0];
}

std::string_view to_string(entity_role role) {
  const auto i = static_cast<std::size_t>(role);
  return i < role_names.size() ? role_names[i] : role_names[0];
}

entity_type entity_type_from(std::string_view name) {
  for (std::size_t i = 0; i < type_names.size(); ++i)
    if (type_names[i] == name)
      return static_cast<entity_type>(i);
  return entity_type::unknown;
}

entity_role entity_role_from(std::string_view name) {
  for (std::size_t i = 0; i < role_names.size(); ++i)
    if (role_names[i] == name)
      return static_cast<entity_role>(i);
  return entity_role::unknown;
}

std::optional<std::string> canonical_ip(std::string_view text) {
  if (text.size() > 63)
    return std::nullopt;
  if (text.size() > 2 && text.front() == '[' && text.back() == ']')
    text = text.substr(1, text.size() - 2);
  char buffer[64];
  text = text.substr(0, text.find('%'));
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = 0;
  char spelled[INET6_ADDRSTRLEN];
  in_addr v4;
  if (inet_pton(AF_INET, buffer, &v4) == 1)
    return std::string(inet_ntop(AF_INET, &v4, spelled, sizeof spelled));
  in6_addr v6;
  if (inet_pton(AF_INET6, buffer, &v6) != 1)
    return std::nullopt;
  if (IN6_IS_ADDR_V4MAPPED(&v6))
    return std::string(inet_ntop(AF_INET, &v6.s6_addr[12], spelled, sizeof spelled));
  return std::string(inet_ntop(AF_INET6, &v6, spelled, sizeof spelled));
}

bool is_private_ip(std::string_view ip) {
  const std::string text(ip.substr(0, ip.find('@')));
  in_addr v4;
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) {
    const std::uint32_t a = ntohl(v4.s_addr);
    return (a >> 24) == 10 || (a >> 24) == 127 || (a >> 20) == 0xAC1 || (a >> 16) == 0xC0A8 || (a >> 16) == 0xA9FE ||
           (a >> 22) == (0x64400000U >> 22) || a == 0 || (a >> 28) >= 14;
  }
  in6_addr v6;
  if (inet_pton(AF_INET6, text.c_str(), &v6) != 1)
    return false;
  return IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_UNSPECIFIED(&v6) || IN6_IS_ADDR_LINKLOCAL(&v6) ||
         IN6_IS_ADDR_MULTICAST(&v6) || (v6.s6_addr[0] & 0xFE) == 0xFC;
}

namespace {

std::string spelled_key(entity_type type, std::string_view text, std::string_view scope) {
  switch (type) {
  case entity_type::unknown:
    return std::string(text);
  case entity_type::ip: {
    auto ip = canonical_ip(text);
    if (!ip || *ip == "0.0.0.0" || *ip == "::")
      return {};
    return !scope.empty() && is_private_ip(*ip) ? *ip + "@" + std::string(scope) : *ip;
  }
  case entity_type::domain:
    return domain_key(text);
  case entity_type::host: {
    if (auto ip = canonical_ip(text))
      return *ip;
    return domain_key(text);
  }
  case entity_type::file_hash:
    return hash_key(text);
  case entity_type::file:
  case entity_type::process:
  case entity_type::registry_key:
    return scoped(scope, text);
  case entity_type::container:
  case entity_type::cloud_resource:
    return std::string(text);
  case entity_type::user:
    return user_key(text, scope);
  case entity_type::url:
    return url_key(text);
  case entity_type::email:
    return text.find('@') == std::string_view::npos ? std::string{} : lower_ascii(text);
  }
  return {};
}

} // namespace

std::string canonical_key(entity_type type, std::string_view text, std::string_view scope) {
  text = trim(text);
  if (is_placeholder(text))
    return {};
  auto key = spelled_key(type, text, scope);
  // "unknown." and "NONE" are only seen to be placeholders once they are spelled canonically.
  return is_placeholder(key) ? std::string{} : key;
}

std::span<const entity_slot> entity_slots() {
  return slots;
}

std::vector<entity> entities_of(const event_batch& batch, const event& ev) {
  std::vector<entity> out;
  for (const auto& s : slots) {
    const auto v = ev.ocsf_value(batch.dictionary->find(s.path));
    if (v.is_null())
      continue;
    std::string scope;
    if (!s.scope_path.empty())
      scope = ev.ocsf_value(batch.dictionary->find(s.scope_path)).to_text();
    if (s.type == entity_type::user && !v.is_list()) {
      auto known = account_of(batch, ev, s.path, v.to_text(), std::move(scope));
      add_entity(out, s.type, s.role, known.name, known.scope);
    } else if (v.is_list())
      for (const auto& item : v.items())
        add_entity(out, s.type, s.role, item.to_text(), scope);
    else
      add_entity(out, s.type, s.role, v.to_text(), scope);
  }
  const auto host =
      canonical_key(entity_type::host, ev.ocsf_value(batch.dictionary->find("device.hostname")).to_text());
  leave_out_own_name(out, host);
  add_process(out, batch, ev, "process", is_only_touched(batch, ev) ? entity_role::related : entity_role::target, host);
  add_process(out, batch, ev, "actor.process", entity_role::actor, host);
  add_process(out, batch, ev, "process.parent_process", entity_role::parent, host);
  if (out.size() > 64)
    out.resize(64);
  return out;
}

} // namespace soc::model
