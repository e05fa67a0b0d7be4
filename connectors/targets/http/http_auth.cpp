#include "connectors/targets/http/http_auth.hpp"

#include "connectors/targets/http/signing.hpp"
#include "connectors/targets/secrets.hpp"

#include <fmt/format.h>

#include <random>

namespace soc::targets {

using nlohmann::json;
using response::authentication;
using response::component_call;
using auth_kind = authentication::kind;

namespace {

constexpr unix_ns token_margin_ns = 60 * ns_per_s;
constexpr std::int64_t default_token_s = 300;

/// Used once; it need not be secret, only new.
std::string fresh_nonce() {
  thread_local std::random_device device;
  std::string out;
  for (int i = 0; i < 4; ++i)
    out += fmt::format("{:08x}", device());
  return out;
}

result<std::string> text_of(const std::string& pattern, const json& names) {
  auto out = expand(pattern, names);
  if (!out)
    return out.error();
  return json_to_text(*out);
}

/// `{secret: NAME}` maps of a login's body become the credential; its "${" is no reference.
outcome put_secrets(json& pattern, const response::resource_instance& instance) {
  if (pattern.is_object() && pattern.size() == 1 && pattern.contains("secret") && pattern["secret"].is_string()) {
    auto secret = credential(instance, pattern["secret"].get<std::string>());
    if (!secret)
      return secret.error();
    auto escaped = *secret;
    for (std::size_t at = 0; (at = escaped.find("${", at)) != std::string::npos; at += 3)
      escaped.insert(at, "$");
    pattern = std::move(escaped);
    return done{};
  }
  if (pattern.is_structured())
    for (auto& item : pattern)
      if (auto put = put_secrets(item, instance); !put)
        return put;
  return done{};
}

result<signer> signer_of(const component_call& call, const json& names, unix_ns now) {
  const auto& auth = call.component->auth;
  signer out;
  out.now = now;
  out.nonce = fresh_nonce();
  auto secret = credential(*call.instance, auth.secret);
  if (!secret)
    return secret.error();
  out.secret = std::move(secret).take();
  if (auth.how < auth_kind::aws_sigv4)
    return out;
  auto access_key = credential(*call.instance, auth.access_key);
  auto region = text_of(auth.region, names), service = text_of(auth.service, names);
  for (const auto* part : {&access_key, &region, &service})
    if (!*part)
      return part->error();
  out.access_key = std::move(access_key).take();
  out.region = std::move(region).take();
  out.service = std::move(service).take();
  if (call.instance->credentials.contains(auth.session_token)) {
    auto token = credential(*call.instance, auth.session_token);
    if (!token)
      return token.error();
    out.session_token = std::move(token).take();
  }
  return out;
}

outcome put_key(response::http_request& request, const authentication& auth, const std::string& secret) {
  if (auth.in_path) {
    if (request.path.ends_with('/'))
      request.path.pop_back();
    for (const char c : secret)
      if (static_cast<unsigned char>(c) <= 0x20 || c == '?' || c == '#')
        return failure{ec::invalid_input, "the credential can't be part of an address"};
    request.path += (secret.starts_with('/') ? "" : "/") + secret;
  } else if (!auth.query.empty()) {
    request.query.emplace_back(auth.query, auth.prefix + secret);
  } else {
    request.headers.emplace_back(auth.header, auth.prefix + secret);
  }
  return done{};
}

void sign(response::http_request& request, const authentication& auth, const signer& by) {
  switch (auth.how) {
  case auth_kind::hmac:
  case auth_kind::hash:
    return sign_by_hmac(request, auth, by);
  case auth_kind::aws_sigv4:
    return sign_aws_sigv4(request, by);
  case auth_kind::alibaba_acs3:
    return sign_alibaba_acs3(request, by);
  case auth_kind::alibaba_rpc:
    return sign_alibaba_rpc(request, by);
  case auth_kind::tencent_tc3:
    return sign_tencent_tc3(request, by);
  case auth_kind::huawei_sdk:
    return sign_huawei_sdk(request, by);
  default:
    return;
  }
}

outcome no_line_breaks(const response::http_request& request) {
  for (const auto& [name, value] : request.headers)
    if (value.find_first_of("\r\n") != std::string::npos)
      return failure{ec::invalid_input, "the credential holds a line break"};
  return done{};
}

} // namespace

result<http_auth::token> http_auth::fetch_oauth2(const asking& what) {
  const auto& auth = what.call.component->auth;
  const auto id = credential(*what.call.instance, auth.client_id),
             secret = credential(*what.call.instance, auth.secret);
  if (!id || !secret)
    return !id ? id.error() : secret.error();
  response::http_exchange exchange;
  exchange.method = "POST";
  // Its parts are the instance's settings, an address among them: not values to be escaped.
  const auto url = expand(json(auth.token_url), what.names);
  if (!url)
    return url.error();
  exchange.url = url->is_string() ? url->get<std::string>() : std::string();
  exchange.form = auth.fields.is_object() ? auth.fields : json::object();
  exchange.form["grant_type"] = "client_credentials";
  if (!auth.scope.empty())
    exchange.form["scope"] = auth.scope;
  auto request = response::request_of(exchange, "", what.names, jq_);
  if (!request)
    return request.error();
  if (auth.basic_client)
    request->headers.emplace_back("Authorization", "Basic " + base64_of(*id + ":" + *secret));
  else
    request->body += "&" + response::form_encoded({{"client_id", *id}, {"client_secret", *secret}});
  auto answer = send_(*request, what.tls, what.timeout_ms);
  if (!answer)
    return failure{ec::unavailable, "no token: " + answer.error().what};
  const auto body = json::parse(answer->body, nullptr, false);
  if (answer->status != 200 || !body.is_object() || !body.contains("access_token") || !body["access_token"].is_string())
    return failure{answer->status >= 500 || answer->status == 429 ? ec::unavailable : ec::refused,
                   fmt::format("the token was refused: HTTP {}", answer->status)};
  std::int64_t lifetime = default_token_s;
  if (const auto at = body.find("expires_in"); at != body.end())
    lifetime =
        at->is_number_integer() ? at->get<std::int64_t>() : parse_duration_s(json_to_text(*at)).value_or(lifetime);
  return token{body["access_token"].get<std::string>(), clock_->now() + lifetime * ns_per_s};
}

result<http_auth::token> http_auth::fetch_login(const asking& what) {
  const auto& auth = what.call.component->auth;
  auto exchange = *auth.login;
  for (auto* part : {&exchange.body, &exchange.form, &exchange.headers, &exchange.query})
    if (auto put = put_secrets(*part, *what.call.instance); !put)
      return put.error();
  auto request = response::request_of(exchange, what.call.instance->endpoint, what.names, jq_);
  if (!request)
    return request.error();
  auto answer = send_(*request, what.tls, what.timeout_ms);
  if (!answer)
    return failure{ec::unavailable, "no login: " + answer.error().what};
  const auto body = json::parse(answer->body, nullptr, false);
  const json scope{{"status", answer->status},
                   {"headers", answer->headers},
                   {"body", body.is_discarded() ? json(answer->body) : body}};
  const auto* at = find_path(scope, auth.token_path);
  if (answer->status < 200 || answer->status > 299 || at == nullptr || !at->is_string())
    return failure{answer->status >= 500 || answer->status == 429 ? ec::unavailable : ec::refused,
                   fmt::format("the login was refused: HTTP {}", answer->status)};
  return token{at->get<std::string>(), clock_->now() + auth.lifetime_s * ns_per_s};
}

result<std::string> http_auth::token_of(const asking& what) {
  const auto& name = what.call.instance->name;
  {
    std::lock_guard lock(mutex_);
    if (const auto at = tokens_.find(name); at != tokens_.end() && at->second.until - token_margin_ns > clock_->now())
      return at->second.text;
  }
  auto fetched = what.call.component->auth.how == auth_kind::oauth2 ? fetch_oauth2(what) : fetch_login(what);
  if (!fetched)
    return fetched.error();
  std::lock_guard lock(mutex_);
  tokens_[name] = *fetched;
  return fetched->text;
}

bool http_auth::forget_token(const component_call& call) {
  const auto how = call.component->auth.how;
  std::lock_guard lock(mutex_);
  return (how == auth_kind::oauth2 || how == auth_kind::login) && tokens_.erase(call.instance->name) > 0;
}

outcome http_auth::apply(const component_call& call, const json& names, const tls_files& tls,
                         response::http_request& request, long timeout_ms) {
  const auto& auth = call.component->auth;
  if (auth.extra_headers.is_object())
    for (const auto& item : auth.extra_headers.items()) {
      auto value = expand(item.value(), names);
      if (!value)
        return value.error();
      request.headers.emplace_back(item.key(), json_to_text(*value));
    }
  if (auth.how == auth_kind::none)
    return no_line_breaks(request);
  if (auth.how == auth_kind::oauth2 || auth.how == auth_kind::login) {
    auto text = token_of({call, names, tls, timeout_ms});
    if (!text)
      return text.error();
    request.headers.emplace_back(auth.header.empty() ? "Authorization" : auth.header,
                                 (auth.how == auth_kind::oauth2 ? "Bearer " : auth.prefix) + *text);
    return no_line_breaks(request);
  }
  auto by = signer_of(call, names, clock_->now());
  if (!by)
    return by.error();
  if (auth.how == auth_kind::bearer) {
    request.headers.emplace_back("Authorization", "Bearer " + by->secret);
  } else if (auth.how == auth_kind::basic) {
    const auto user = credential(*call.instance, auth.user);
    if (!user)
      return user.error();
    request.headers.emplace_back("Authorization", "Basic " + base64_of(*user + ":" + by->secret));
  } else if (auth.how == auth_kind::api_key) {
    if (auto put = put_key(request, auth, by->secret); !put)
      return put;
  } else {
    sign(request, auth, *by);
  }
  return no_line_breaks(request);
}

} // namespace soc::targets
