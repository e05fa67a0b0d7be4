#include "connectors/sources/api/api_driver.hpp"

#include "connectors/sources/common/credentials.hpp"
#include "connectors/sources/common/request_signing.hpp"
#include "connectors/sources/http/json_values.hpp"
#include "runtime/secrets.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>

namespace soc::sources {

namespace {

constexpr int attempts = 6;
constexpr std::size_t details_at_a_time = 50;
constexpr unix_ns token_slack_ns = 60 * ns_per_s;
constexpr std::chrono::seconds longest_poll_pause{60};

struct url_pieces {
  std::string base, path;
  text_pairs query;
};

/// The address of a call without its query, which is signed apart.
url_pieces pieces_of(const std::string& url) {
  url_pieces out;
  const auto host = url.find("://");
  const auto slash = url.find('/', host == std::string::npos ? 0 : host + 3);
  const auto question = url.find('?');
  const auto path_end = std::min(question, url.size());
  out.base = url.substr(0, std::min(slash, path_end));
  out.path = slash == std::string::npos || slash > path_end ? "/" : url.substr(slash, path_end - slash);
  return out;
}

std::string encoded(std::string bytes, const std::string& how) {
  if (how == "hex")
    return hex_of(bytes);
  auto out = base64_of(bytes);
  if (how == "base64url")
    for (auto& c : out)
      c = c == '+' ? '-' : c == '/' ? '_' : c;
  return out;
}

std::string signature_of(const api_auth& auth, const std::string& secret, const std::string& text) {
  if (auth.algorithm == "sha256") {
    const auto hex = sha256_hex(text);
    if (auth.encoding == "hex")
      return hex;
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
      bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return encoded(bytes, auth.encoding);
  }
  return encoded(hmac_of(auth.algorithm == "hmac-sha1" ? hash_kind::sha1 : hash_kind::sha256, secret, text),
                 auth.encoding);
}

} // namespace

bool hand_on_page(fetch_session& session, batch_builder builder, const std::vector<std::string_view>& records,
                  const std::string& place, unix_ns now) {
  for (std::size_t i = 0; i < records.size(); ++i) {
    const bool last = i + 1 == records.size();
    builder.add(records[i], 0, now);
    if ((builder.full() || last) && !session.hand_on(builder.take(), last ? place : std::string{}))
      return false;
  }
  return true;
}

api_fetcher::api_fetcher(api_options options, std::shared_ptr<const model::connector_context> context,
                         source_counts_ptr counts, std::shared_ptr<const clock_source> clock)
    : options_(std::move(options)), context_(std::move(context)), counts_(std::move(counts)), clock_(std::move(clock)),
      client_({.tls_ca = options_.tls_ca}) {}

void api_fetcher::complain(const std::string& what) {
  count(counts_->errors);
  if (std::exchange(complaint_, what) != what)
    spdlog::warn("connector {}: api: {}", context_->connector, what);
}

outcome api_fetcher::prepare() {
  id_ = options_.auth.id;
  for (auto [reference, into] : {std::pair{options_.auth.secret, &secret_}, std::pair{options_.auth.id, &id_}}) {
    if (!is_secret_reference(reference))
      continue;
    auto secret = read_secret(reference);
    if (!secret)
      return secret.error();
    *into = std::move(secret).take();
  }
  return done{};
}

std::string api_fetcher::nonce() {
  std::string out;
  for (int i = 0; i < 4; ++i)
    out += fmt::format("{:08x}", random_());
  return out;
}

/// RFC 6749, 4.4: the token is kept until a minute before its end.
result<std::string> api_fetcher::access_token(const place_values& values) {
  if (!token_.empty() && clock_->now() < token_until_)
    return token_;
  const auto& auth = options_.auth;
  fetch_request request;
  request.method = "POST";
  request.url = filled(auth.token_url, values);
  request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  text_pairs form{{"grant_type", "client_credentials"}, {"client_id", id_}, {"client_secret", secret_}};
  if (!auth.scope.empty())
    form.emplace_back("scope", filled(auth.scope, values));
  if (!auth.audience.empty())
    form.emplace_back("audience", auth.audience);
  request.body = encoded_query(form);
  const auto response = client_.fetch(request);
  if (!response)
    return response.error();
  token_ = json_text(json_at(response->body, "access_token"));
  if (response->status != 200 || token_.empty()) {
    token_.clear();
    return failure{ec::refused, fmt::format("no access token: HTTP {}", response->status)};
  }
  std::int64_t seconds = 300;
  const auto text = json_text(json_at(response->body, "expires_in"));
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  token_until_ = clock_->now() + seconds * ns_per_s - token_slack_ns;
  return token_;
}

outcome api_fetcher::authorize(fetch_request& request, const std::string& base, const std::string& path,
                               text_pairs& query, place_values& values) {
  const auto& auth = options_.auth;
  const signing_key key{id_, secret_, {}};
  const auto plain_url = [&] {
    const auto text = encoded_query(query);
    request.url = base + path + (text.empty() ? "" : "?" + text);
    return done{};
  };
  switch (auth.kind) {
  case api_auth_kind::aws:
    sign_aws(request, base, path, query, {auth.region, auth.service}, key, clock_->now());
    return done{};
  case api_auth_kind::alibaba:
    sign_alibaba_rpc(request, base, query, key, clock_->now(), nonce());
    return done{};
  case api_auth_kind::alibaba_log:
    sign_alibaba_log(request, base, path, query, key, clock_->now());
    return done{};
  case api_auth_kind::none:
    return plain_url();
  case api_auth_kind::bearer:
    request.headers.emplace_back("Authorization", "Bearer " + secret_);
    return plain_url();
  case api_auth_kind::header:
    request.headers.emplace_back(auth.name, auth.prefix + secret_);
    return plain_url();
  case api_auth_kind::query:
    query.emplace_back(auth.name, secret_);
    return plain_url();
  case api_auth_kind::basic:
    request.headers.emplace_back("Authorization", "Basic " + base64_of(id_ + ":" + secret_));
    return plain_url();
  case api_auth_kind::oauth2: {
    const auto token = access_token(values);
    if (!token)
      return token.error();
    request.headers.emplace_back("Authorization", "Bearer " + *token);
    return plain_url();
  }
  case api_auth_kind::signature: {
    values["secret"] = secret_;
    values["body"] = request.body;
    const auto value = auth.prefix + signature_of(auth, secret_, filled(auth.over, values));
    if (auth.in_query)
      query.emplace_back(auth.name, value);
    else
      request.headers.emplace_back(auth.name, value);
    return plain_url();
  }
  }
  return done{};
}

result<fetch_request> api_fetcher::request_of(const api_call& call, place_values values, const std::string& link) {
  const auto now = clock_->now();
  values["nonce"] = nonce();
  values["timestamp"] = std::to_string(now / ns_per_s);
  values["timestamp_ms"] = std::to_string(now / ns_per_ms);
  values["id"] = id_;
  fetch_request request;
  request.method = call.method;
  request.body = filled(call.body, values);
  for (const auto& [name, value] : call.headers)
    request.headers.emplace_back(name, filled(value, values));
  const auto url = filled(call.url, values);
  const auto pieces = pieces_of(url);
  text_pairs query;
  for (const auto& [name, value] : call.query)
    query.emplace_back(name, filled(value, values));
  const auto& paging = options_.paging;
  const bool first = values["token"].empty() && paging.kind == api_paging_kind::token;
  if (!paging.param.empty() && !first)
    query.emplace_back(paging.param, paging.kind == api_paging_kind::token ? values["token"] : values["page"]);
  if (const auto allowed = authorize(request, pieces.base, pieces.path, query, values); !allowed)
    return allowed.error();
  if (!link.empty()) {
    // A link leads on within the API; elsewhere it would carry the credentials away.
    if (pieces_of(link).base != pieces.base)
      return failure{ec::refused, "the next page is at another host"};
    request.url = link;
  }
  return request;
}

bool api_fetcher::keep_rate(fetch_session& session) {
  const auto now = clock_->now();
  if (now < next_request_ && !session.sleep(std::chrono::nanoseconds(next_request_ - now)))
    return false;
  next_request_ = clock_->now() + 60 * ns_per_s / options_.requests_per_minute;
  return !session.stopped();
}

result<fetch_response> api_fetcher::ask(fetch_session& session, const api_call& call, const place_values& values,
                                        const std::string& link) {
  std::string why = "stopped";
  for (int attempt = 0; attempt < attempts; ++attempt) {
    if (!keep_rate(session))
      return failure{ec::closed, "stopped"};
    auto request = request_of(call, values, link);
    auto response = request ? client_.fetch(*request) : result<fetch_response>(request.error());
    std::int64_t wait_s = std::int64_t{1} << attempt;
    if (response && response->status >= 200 && response->status < 300)
      return response;
    if (!response) {
      why = response.error().what;
      if (response.error().code == ec::closed || response.error().code == ec::too_large)
        return response.error();
    } else {
      why = fmt::format("HTTP {}", response->status);
      if (response->status == 401)
        token_.clear();
      const bool again = response->status == 429 || response->status >= 500 ||
                         (response->status == 401 && options_.auth.kind == api_auth_kind::oauth2 && attempt == 0);
      if (!again)
        return failure{ec::refused, why};
      wait_s = std::max(wait_s, retry_after_s(response->header("retry-after")));
      if (response->status == 429)
        count(counts_->refused);
    }
    if (!session.sleep(std::chrono::seconds(wait_s)))
      return failure{ec::closed, "stopped"};
  }
  return failure{ec::unavailable, why};
}

bool api_fetcher::hand_on(fetch_session& session, const std::vector<std::string_view>& records) {
  return records.empty() ||
         hand_on_page(session, batch_builder(context_, context_->connector), records, memory_.text(), clock_->now());
}

api_fetcher::step api_fetcher::details(fetch_session& session, api_poll& poll,
                                       const std::vector<std::string_view>& names) {
  for (std::size_t at = 0; at < names.size(); at += details_at_a_time) {
    const auto end = std::min(names.size(), at + details_at_a_time);
    auto values = poll.values();
    values["ids"] = poll.ids_of(
        {names.begin() + static_cast<std::ptrdiff_t>(at), names.begin() + static_cast<std::ptrdiff_t>(end)});
    const auto answer = ask(session, options_.detail.front(), values, {});
    if (!answer) {
      complain(answer.error().what);
      return session.stopped() ? step::stopped : step::failed;
    }
    const auto page = poll.take_detail(answer->body);
    if (!page) {
      complain(page.error().what);
      return step::failed;
    }
    if (!hand_on(session, page->fresh))
      return step::stopped;
  }
  return step::done;
}

api_fetcher::step api_fetcher::page(fetch_session& session, api_poll& poll) {
  const auto answer = ask(session, options_.list, poll.values(), poll.next_link());
  if (!answer) {
    if (!session.stopped())
      complain(answer.error().what);
    return session.stopped() ? step::stopped : step::failed;
  }
  const auto page = poll.take(answer->body, answer->header("link"));
  if (!page) {
    complain(page.error().what);
    return step::failed;
  }
  if (!options_.detail.empty())
    return details(session, poll, page->fresh);
  return hand_on(session, page->fresh) ? step::done : step::stopped;
}

api_fetcher::step api_fetcher::poll(fetch_session& session) {
  api_poll poll(options_, memory_, clock_->now());
  do {
    if (const auto turned = page(session, poll); turned != step::done)
      return turned;
  } while (!poll.last());
  if (poll.cut() && options_.paging.kind != api_paging_kind::none)
    complain(fmt::format("a poll of {} pages was ended: max_pages", options_.max_pages));
  poll.finish();
  return session.reached(memory_.text()) ? step::done : step::stopped;
}

void api_fetcher::run(fetch_session& session, const std::string& place) {
  memory_ = api_memory::read(place);
  auto pause = std::chrono::seconds(1);
  while (!session.stopped()) {
    const auto polled = poll(session);
    if (polled == step::stopped)
      return;
    if (polled == step::done) {
      pause = std::chrono::seconds(1);
      complaint_.clear();
    }
    if (!session.sleep(polled == step::done ? options_.poll : pause))
      return;
    if (polled == step::failed)
      pause = std::min(pause * 2, longest_poll_pause);
  }
}

std::unique_ptr<source_driver> make_api_driver(api_options options,
                                               std::shared_ptr<const model::connector_context> context,
                                               source_counts_ptr counts, std::shared_ptr<const clock_source> clock) {
  const auto queue_bytes = options.queue_bytes;
  auto fetcher =
      std::make_shared<api_fetcher>(std::move(options), std::move(context), std::move(counts), std::move(clock));
  return std::make_unique<fetching_driver>(
      queue_bytes, [fetcher] { return fetcher->prepare(); },
      [fetcher](fetch_session& session, const std::string& place) { fetcher->run(session, place); },
      [fetcher] { fetcher->interrupt(); });
}

} // namespace soc::sources
