// The HTTP half of component.yaml: exchanges, pagination and auth.
#include "base/computed_value.hpp"
#include "base/yaml_json.hpp"
#include "response/core/component.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace soc::response {

using nlohmann::json;

namespace {

using auth_kind = authentication::kind;

constexpr std::array<std::string_view, 13> auth_names{
    "none", "bearer",    "api_key",      "basic",       "oauth2",      "login",     "hmac",
    "hash", "aws_sigv4", "alibaba_acs3", "alibaba_rpc", "tencent_tc3", "huawei_sdk"};

std::optional<json_condition> read_condition(const std::string& file, yaml_map_reader& r, const std::string& key,
                                             diagnostics& found) {
  const auto node = r.get(key);
  return node.IsDefined() ? json_condition::parse(file, node, "CMP007", found) : std::nullopt;
}

json read_map(const std::string& file, yaml_map_reader& r, const std::string& key, diagnostics& found) {
  const auto node = r.get(key);
  if (!node.IsDefined())
    return nullptr;
  auto out = yaml_to_json(node);
  if (!out.is_object()) {
    found.error("CMP004", place_of(file, node), fmt::format("'{}' must be a map", key));
    return nullptr;
  }
  return out;
}

/// Sees that references and jq maps are well formed, so that no call fails for a typing mistake.
void check_pattern(const source_place& at, const json& pattern, diagnostics& found) {
  if (const auto all = references(pattern); !all)
    found.error("CMP013", at, all.error().what);
}

void read_pages(http_exchange& out, const std::string& file, const YAML::Node& node, diagnostics& found) {
  if (!node.IsDefined())
    return;
  page_rule rule;
  yaml_map_reader r(file, node, "pagination", "CMP002", found);
  rule.items = r.required_text("items");
  rule.next = yaml_to_json(r.get("next"));
  rule.most = std::clamp<std::int64_t>(r.integer("most").value_or(rule.most), 1, 1000);
  const bool by_token = !rule.next.is_null();
  const auto where = r.get(by_token ? "as" : "page");
  if (!where.IsDefined() || !where.IsMap()) {
    found.error("CMP014", r.place(),
                "pagination needs `next` with `as: {query|body|url: …}`, or `page: {query|body: …, size: …}`");
    return;
  }
  yaml_map_reader w(file, where, by_token ? "as" : "page", "CMP002", found);
  const auto query = w.text("query"), body = w.text("body");
  const bool url = by_token && w.boolean("url").value_or(false);
  if (!by_token) {
    rule.from = w.integer("from").value_or(1);
    rule.size = w.integer("size").value_or(0);
  }
  w.reject_unknown();
  r.reject_unknown();
  rule.name = query.value_or(body.value_or(""));
  using by = page_rule::by;
  rule.how = url        ? by::url
             : by_token ? (query ? by::token_query : by::token_body)
             : query    ? by::number_query
                        : by::number_body;
  if ((rule.name.empty() && !url) || (!by_token && rule.size <= 0))
    found.error("CMP014", r.place(),
                by_token ? "`as` needs query, body or url" : "`page` needs query or body, and size");
  out.pages = std::move(rule);
}

/// The host of an absolute address must not come from what an attacker wrote.
void check_url(const http_exchange& e, const source_place& at, diagnostics& found) {
  if (e.url.empty())
    return;
  const auto scheme = e.url.find("://");
  const auto host = scheme == std::string::npos
                        ? std::string{}
                        : e.url.substr(scheme + 3, e.url.find_first_of("/?", scheme + 3) - scheme - 3);
  if (!e.url.starts_with("https://") && !e.url.starts_with("http://"))
    found.error("CMP015", at, "`url` must begin with https:// or http://");
  const auto used = references(json(host));
  if (used &&
      std::any_of(used->begin(), used->end(), [](const auto& r) { return !r.path.starts_with("instance.settings."); }))
    found.error("CMP015", at, "the host of `url` may only hold ${instance.settings.…}");
}

void read_hash_keys(authentication& out, yaml_map_reader& r, diagnostics& found) {
  out.hash = r.text("hash").value_or(out.hash);
  if (out.hash != "sha256" && out.hash != "sha1" && out.hash != "sha512")
    found.error("CMP004", r.place("hash"), fmt::format("'hash' must be sha256, sha1 or sha512, not '{}'", out.hash));
  const auto encoding = r.text("encoding").value_or("hex");
  if (encoding != "hex" && encoding != "base64")
    found.error("CMP004", r.place("encoding"), fmt::format("'encoding' must be hex or base64, not '{}'", encoding));
  out.base64 = encoding == "base64";
  out.time_header = r.text("time_header").value_or("");
  out.time_query = r.text("time_query").value_or("");
  out.time_body = r.text("time_body").value_or("");
  out.nonce_header = r.text("nonce_header").value_or("");
  out.milliseconds = r.text("time_unit").value_or("s") == "ms";
  const bool timed = !out.time_header.empty() || !out.time_query.empty() || !out.time_body.empty();
  if (out.how == auth_kind::hmac)
    out.key = r.text("key").value_or(out.key);
  out.message = r.text("message").value_or(timed ? "{time}.{body}" : out.message);
  if (out.header.empty() && out.query.empty() && out.body.empty())
    out.header = "X-Signature";
}

void read_oauth2(authentication& out, const std::string& file, yaml_map_reader& r, diagnostics& found) {
  out.token_url = r.required_text("token_url");
  const auto used = references(json(out.token_url));
  if (!used ||
      std::any_of(used->begin(), used->end(), [](const auto& u) { return !u.path.starts_with("instance.settings."); }))
    found.error("CMP015", r.place("token_url"), "`token_url` may only hold ${instance.settings.…}");
  out.client_id = r.text("client_id").value_or(out.client_id);
  out.scope = r.text("scope").value_or("");
  out.fields = read_map(file, r, "fields", found);
  out.basic_client = r.text("client_auth").value_or("body") == "basic";
}

void read_login(authentication& out, const std::string& file, yaml_map_reader& r, diagnostics& found) {
  const auto request = r.get("request");
  if (request.IsDefined())
    out.login = std::make_shared<const http_exchange>(read_exchange(file, request, found));
  else
    found.error("CMP006", r.place(), "login needs a `request`");
  out.token_path = r.required_text("token");
  if (out.header.empty())
    out.header = "Authorization";
  if (const auto text = r.text("lifetime"))
    out.lifetime_s = parse_duration_s(*text).value_or(out.lifetime_s);
}

} // namespace

http_exchange read_exchange(const std::string& file, const YAML::Node& node, diagnostics& found) {
  http_exchange out;
  yaml_map_reader r(file, node, "request", "CMP002", found);
  out.id = r.text("id").value_or("");
  out.when = read_condition(file, r, "when", found);
  out.method = r.text("method").value_or("GET");
  out.url = r.text("url").value_or("");
  const auto path = r.text("path");
  if (!path && out.url.empty())
    found.error("CMP006", r.place(), "a request needs `path` or `url`");
  out.path = path.value_or("");
  out.query = read_map(file, r, "query", found);
  out.headers = read_map(file, r, "headers", found);
  out.body = yaml_to_json(r.get("body"));
  out.form = read_map(file, r, "form", found);
  out.text = r.text("text").value_or("");
  out.content_type = r.text("content_type").value_or("");
  out.reads = r.boolean("reads").value_or(false);
  out.success = read_condition(file, r, "success", found);
  out.transient = read_condition(file, r, "transient", found);
  out.missing = read_condition(file, r, "missing", found);
  out.already = read_condition(file, r, "already", found);
  read_pages(out, file, r.get("pagination"), found);
  out.output = yaml_to_json(r.get("output"));
  r.reject_unknown();
  if (!out.body.is_null() + !out.form.is_null() + !out.text.empty() > 1)
    found.error("CMP016", r.place(), "a request has one of `body`, `form` and `text`");
  check_pattern(r.place(), json{out.path, out.url, out.query, out.headers, out.body, out.form, out.text, out.output},
                found);
  check_url(out, r.place("url"), found);
  return out;
}

authentication read_authentication(const std::string& file, const YAML::Node& node, diagnostics& found) {
  authentication out;
  yaml_map_reader r(file, node, "auth", "CMP002", found);
  const auto type = r.required_text("type");
  const auto at = std::find(auth_names.begin(), auth_names.end(), type);
  if (at == auth_names.end())
    found.error("CMP004", r.place("type"),
                fmt::format("'type' must be one of {}, not '{}'", fmt::join(auth_names, ", "), type));
  else
    out.how = static_cast<auth_kind>(at - auth_names.begin());
  const bool cloud = out.how >= auth_kind::aws_sigv4;
  out.secret = r.text("secret").value_or(cloud                          ? "secret_key"
                                         : out.how == auth_kind::oauth2 ? "client_secret"
                                                                        : out.secret);
  out.header = r.text("header").value_or("");
  out.query = r.text("query").value_or("");
  out.body = r.text("body").value_or("");
  out.prefix = r.text("prefix").value_or("");
  out.user = r.text("user").value_or(out.user);
  out.extra_headers = read_map(file, r, "extra_headers", found);
  if (out.how == auth_kind::hmac || out.how == auth_kind::hash)
    read_hash_keys(out, r, found);
  if (out.how == auth_kind::oauth2)
    read_oauth2(out, file, r, found);
  if (out.how == auth_kind::login)
    read_login(out, file, r, found);
  if (out.how == auth_kind::api_key) {
    out.in_path = r.boolean("path").value_or(false);
    if (out.header.empty() && out.query.empty() && !out.in_path)
      out.header = "Authorization";
  }
  if (cloud) {
    out.access_key = r.text("access_key").value_or(out.access_key);
    out.session_token = r.text("session_token").value_or(out.session_token);
    out.service = r.text("service").value_or("");
    out.region = r.text("region").value_or("");
    if ((out.how == auth_kind::aws_sigv4 || out.how == auth_kind::tencent_tc3) && out.service.empty())
      found.error("CMP004", r.place(), fmt::format("auth '{}' needs `service`", type));
  }
  r.reject_unknown();
  return out;
}

} // namespace soc::response
