#include "response/core/protected_assets.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::response {

using model::entity_type;
using nlohmann::json;

namespace {

std::string lowered(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c | 0x20);
  return out;
}

/// Parts of a canonical key that name something by themselves: "scope\user", "host|path", "host|pid|start".
struct key_parts {
  std::string_view host, rest;
};
key_parts split_key(std::string_view key, char separator) {
  const auto at = key.find(separator);
  if (at == std::string_view::npos)
    return {{}, key};
  return {key.substr(0, at), key.substr(at + 1)};
}

std::optional<std::string> first_match(const std::vector<protected_pattern>& list, std::string_view name,
                                       std::string_view what) {
  if (name.empty())
    return std::nullopt;
  const auto lower = lowered(name);
  for (const auto& p : list)
    if (name_matches(p.pattern, lower))
      return fmt::format("{} '{}' is protected: {}", what, name, p.why);
  return std::nullopt;
}

std::string_view host_of_url(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos)
    return {};
  url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  if (const auto at = url.rfind('@'); at != std::string_view::npos)
    url.remove_prefix(at + 1);
  if (url.starts_with('['))
    return url.substr(1, url.find(']') == std::string_view::npos ? url.npos : url.find(']') - 1);
  return url.substr(0, url.find(':'));
}

std::string_view without_trailing_dots(std::string_view name) {
  while (!name.empty() && name.back() == '.')
    name.remove_suffix(1);
  return name;
}

std::string why_of(const YAML::Node& item) {
  const auto why = item["why"];
  return why && why.IsScalar() ? why.Scalar() : "listed in the configuration";
}

} // namespace

bool name_matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0, n = 0, star = std::string_view::npos, mark = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*')
    ++p;
  return p == pattern.size();
}

bool asset_group::has(const model::entity& target) const {
  if (target.type == entity_type::ip) {
    const auto address = parse_network(target.key);
    return address &&
           std::any_of(networks.begin(), networks.end(), [&](const auto& n) { return n.overlaps(*address); });
  }
  const auto host = split_key(target.key, '|').host;
  for (const auto name : {std::string_view(target.key), host, std::string_view(target.label)})
    if (!name.empty() &&
        std::any_of(names.begin(), names.end(), [&](const auto& p) { return name_matches(p, lowered(name)); }))
      return true;
  return false;
}

protected_assets::protected_assets() {
  static constexpr std::pair<const char*, const char*> never[] = {
      {"127.0.0.0/8", "loopback"},
      {"::1/128", "loopback"},
      {"0.0.0.0/32", "means every address"},
      {"::/128", "means every address"},
      {"169.254.0.0/16", "link-local, cloud metadata"},
      {"fe80::/10", "link-local"},
      {"224.0.0.0/4", "multicast"},
      {"ff00::/8", "multicast"},
      {"255.255.255.255/32", "broadcast"},
  };
  for (const auto& [range, why] : never)
    networks_.push_back({*parse_network(range), why});
}

void protected_assets::add_host(std::string pattern, std::string why) {
  hosts_.push_back({lowered(pattern), std::move(why)});
}

std::vector<protected_pattern>& protected_assets::list_of(const std::string& key) {
  if (key == "hosts")
    return hosts_;
  if (key == "users")
    return users_;
  if (key == "domains")
    return domains_;
  if (key == "files")
    return files_;
  if (key == "processes")
    return processes_;
  return key == "resources" ? resources_ : tags_;
}

void protected_assets::read(const std::string& file, const YAML::Node& node, diagnostics& found) {
  static const std::vector<std::string> keys{"networks", "hosts",     "users",     "domains",
                                             "files",    "processes", "resources", "tags"};
  yaml_map_reader r(file, node, "protected", "RSP002", found);
  for (const auto& key : keys) {
    const auto list = r.get(key);
    if (!list.IsDefined())
      continue;
    for (const auto& item : list) {
      const auto value = item.IsMap() ? item["value"] : item;
      if (!value || !value.IsScalar()) {
        found.error("RSP003", place_of(file, item),
                    fmt::format("an item of protected {} must be text or {{value, why}}", key));
        continue;
      }
      const auto why = item.IsMap() ? why_of(item) : std::string("listed in the configuration");
      if (key != "networks") {
        list_of(key).push_back({lowered(value.Scalar()), why});
        continue;
      }
      if (const auto range = parse_network(value.Scalar()))
        networks_.push_back({*range, why});
      else
        found.error("RSP004", place_of(file, item), fmt::format("'{}' is no address or network", value.Scalar()),
                    "write 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32");
    }
  }
  const auto prefix = [&](const char* key, std::uint8_t& into, std::int64_t most) {
    const auto bits = r.integer(key);
    if (bits && (*bits < 1 || *bits > most))
      found.error("RSP005", r.place(key), fmt::format("'{}' must be a prefix length from 1 to {}", key, most));
    else if (bits)
      into = static_cast<std::uint8_t>(*bits);
  };
  prefix("widest_ipv4", widest_v4_, 32);
  prefix("widest_ipv6", widest_v6_, 128);
  r.reject_unknown();
}

std::optional<std::string> protected_assets::refuses_network(const network& range) const {
  const auto widest = range.v6 ? widest_v6_ : widest_v4_;
  if (range.prefix < widest)
    return fmt::format("{} is wider than /{}, the widest an action may name", to_string(range), widest);
  for (const auto& p : networks_)
    if (p.range.overlaps(range))
      return p.range == range
                 ? fmt::format("{} is protected: {}", to_string(range), p.why)
                 : fmt::format("{} touches {}, which is protected: {}", to_string(range), to_string(p.range), p.why);
  return std::nullopt;
}

std::optional<std::string> protected_assets::refuses_text(const std::string& text) const {
  if (const auto range = parse_network(text))
    return refuses_network(*range);
  if (const auto host = host_of_url(text); !host.empty())
    return refuses_text(std::string(host));
  const auto name = without_trailing_dots(text);
  if (auto why = first_match(domains_, name, "domain"))
    return why;
  return first_match(hosts_, name, "host");
}

std::optional<std::string> protected_assets::refuses_tag(const std::string& tag) const {
  return first_match(tags_, tag, "tag");
}

std::optional<std::string> protected_assets::refuses_parameters(const json& value) const {
  if (value.is_string())
    return refuses_text(value.get<std::string>());
  if (value.is_structured())
    for (const auto& item : value)
      if (auto why = refuses_parameters(item))
        return why;
  return std::nullopt;
}

std::optional<std::string> protected_assets::refuses_user(const model::entity& target) const {
  const std::string_view key(target.key), label(target.label);
  const auto bare = split_key(key, '\\').rest;
  for (const auto name : {key, bare, key.substr(0, key.find('@')), bare.substr(0, bare.find('@')), label,
                          label.substr(0, label.find('@'))})
    if (auto why = first_match(users_, name, "user"))
      return why;
  return std::nullopt;
}

std::optional<std::string> protected_assets::refuses(const model::entity& target) const {
  if (target.type == entity_type::ip) {
    const auto range = parse_network(target.key);
    return range ? refuses_network(*range) : std::optional(fmt::format("'{}' is no address", target.key));
  }
  // A directory takes its accounts by name or by address: either names a user.
  if (target.type == entity_type::user || target.type == entity_type::email) {
    if (auto why = refuses_user(target))
      return why;
    return target.type == entity_type::user ? std::nullopt : refuses_text(target.key);
  }
  if (target.type == entity_type::file || target.type == entity_type::process || target.type == entity_type::host) {
    const auto [host, rest] = split_key(target.key, '|');
    if (auto why = first_match(hosts_, target.type == entity_type::host ? std::string_view(target.key) : host, "host"))
      return why;
    if (target.type == entity_type::host)
      return first_match(hosts_, target.label, "host");
    const bool is_file = target.type == entity_type::file;
    for (const auto name : {rest, std::string_view(target.label)})
      if (auto why = first_match(is_file ? files_ : processes_, name, is_file ? "file" : "process"))
        return why;
    return std::nullopt;
  }
  if (target.type == entity_type::cloud_resource || target.type == entity_type::container)
    for (const auto name : {std::string_view(target.key), std::string_view(target.label)})
      if (auto why = first_match(resources_, name, "resource"))
        return why;
  return refuses_text(target.key);
}

std::vector<asset_group> read_groups(const std::string& file, const YAML::Node& node, diagnostics& found) {
  std::vector<asset_group> out;
  for (const auto& item : node) {
    asset_group group;
    yaml_map_reader r(file, item, "group", "RSP002", found);
    group.name = r.required_text("name");
    group.tags = r.texts("tags");
    for (const auto& name : r.texts("members"))
      group.names.push_back(lowered(name));
    for (const auto& text : r.texts("networks")) {
      if (const auto range = parse_network(text))
        group.networks.push_back(*range);
      else
        found.error("RSP004", r.place("networks"), fmt::format("'{}' is no address or network", text));
    }
    const auto size = r.integer("size").value_or(0);
    group.size = static_cast<std::uint32_t>(std::clamp<std::int64_t>(size, 0, 1'000'000'000));
    if (group.size == 0)
      group.size = static_cast<std::uint32_t>(group.names.size() + group.networks.size());
    r.reject_unknown();
    out.push_back(std::move(group));
  }
  return out;
}

} // namespace soc::response
