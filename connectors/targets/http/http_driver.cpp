#include "connectors/targets/http/http_driver.hpp"

#include "connectors/targets/secrets.hpp"
#include "runtime/secrets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace soc::targets {

using nlohmann::json;
using response::call_outcome;
using response::component_call;
using response::http_exchange;
using response::http_response;
using kind = call_outcome::kind;

namespace {

constexpr std::size_t shortest_hidden_secret = 6;

void hide(std::string& text, const std::string& secret) {
  for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos; at += 3)
    text.replace(at, secret.size(), "***");
}

void hide_in(json& value, const std::string& secret) {
  if (value.is_string())
    hide(value.get_ref<std::string&>(), secret);
  else if (value.is_structured())
    for (auto& item : value)
      hide_in(item, secret);
}

/// A target may echo what it was asked with; none of it gets into the journal.
void hide_secrets(call_outcome& out, const response::resource_instance& instance) {
  for (const auto& [name, reference] : instance.credentials) {
    const auto secret = read_secret(reference);
    if (!secret || secret->size() < shortest_hidden_secret)
      continue;
    hide(out.detail, *secret);
    hide_in(out.output, *secret);
  }
}

result<tls_files> tls_of(const response::resource_instance& instance) {
  tls_files out;
  if (const auto at = instance.settings.find("ca_file"); at != instance.settings.end() && at->is_string())
    out.ca_file = at->get<std::string>();
  for (const auto& [name, into] :
       {std::pair{"client_certificate", &out.client_certificate}, {"client_key", &out.client_key}})
    if (instance.credentials.contains(name)) {
      auto text = credential(instance, name);
      if (!text)
        return text.error();
      *into = std::move(text).take();
    }
  return out;
}

} // namespace

/// One call under way.
struct http_driver::progress {
  const component_call& call;
  json names;
  tls_files tls;
  std::chrono::steady_clock::time_point deadline;
  std::string changed; ///< the exchanges that have changed something, for people

  long left_ms() const {
    return static_cast<long>(
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count());
  }
};

http_driver::http_driver(std::shared_ptr<const clock_source> clock, jq_function jq, http_sender send)
    : clock_(clock), jq_(jq), send_(send), auth_(clock, send, jq) {}

call_outcome http_driver::call(const component_call& what) {
  const auto at = what.component->actions.find(what.action);
  if (at == what.component->actions.end() || at->second.http.empty())
    return {kind::failed, nullptr, fmt::format("'{}' is no HTTP action", what.action)};
  auto tls = tls_of(*what.instance);
  if (!tls)
    return {kind::failed, nullptr, tls.error().what};
  progress run_state{what, response::names_of(what, clock_->now()), std::move(tls).take(),
                     std::chrono::steady_clock::now() + std::chrono::milliseconds(at->second.timeout_ms), ""};
  auto out = run(run_state);
  hide_secrets(out, *what.instance);
  return out;
}

call_outcome http_driver::run(progress& at) {
  const auto& action = at.call.component->actions.at(at.call.action);
  call_outcome last;
  last.what = kind::succeeded;
  for (const auto& what : action.http) {
    if (what.when && !what.when->matches(at.names)) {
      at.names[what.id] = {{"skipped", true}};
      continue;
    }
    last = exchange(at, what);
    if (last.what != kind::succeeded) {
      if (at.changed.empty() || last.what == kind::unknown)
        return last;
      // Half is done. Where twice changes nothing, all of it may be tried again; else a person must look.
      last.detail += "; done before it: " + at.changed;
      if (action.repeat == response::idempotency::none)
        last.what = kind::unknown;
      return last;
    }
    if (what.changes())
      at.changed += (at.changed.empty() ? "" : ", ") + (what.id.empty() ? what.method : what.id);
    if (!what.id.empty())
      at.names[what.id] = last.output;
  }
  if (action.output.is_null())
    return last;
  auto output = expand_computed(action.output, at.names, jq_);
  if (!output) // what has been changed stands, whatever the answers lack
    return {at.changed.empty() ? kind::failed : kind::unknown, nullptr,
            "the answers lack what was expected: " + output.error().what};
  last.output = std::move(output).take();
  return last;
}

result<http_response> http_driver::send(progress& at, const http_request& request) {
  for (int round = 0;; ++round) {
    auto whole = request;
    if (const auto proven = auth_.apply(at.call, at.names, at.tls, whole, at.left_ms()); !proven)
      return proven.error();
    if (at.left_ms() <= 0)
      return failure{ec::unavailable, "no time is left"};
    auto answer = send_(whole, at.tls, at.left_ms());
    if (!answer || answer->status != 401 || round > 0 || !auth_.forget_token(at.call))
      return answer;
  }
}

call_outcome http_driver::exchange(progress& at, const http_exchange& what) {
  auto request = response::request_of(what, at.call.instance->endpoint, at.names, jq_);
  if (!request)
    return {kind::failed, nullptr, request.error().what};
  if (what.pages)
    response::first_page(*what.pages, *request);
  json gathered;
  for (std::int64_t page = 1;; ++page) {
    auto answer = send(at, *request);
    if (!answer) {
      const auto& why = answer.error();
      const bool doubt = why.code == ec::timed_out && what.changes();
      const bool again = why.code == ec::unavailable || why.code == ec::timed_out;
      return {doubt ? kind::unknown : again ? kind::transient : kind::failed, nullptr, why.what};
    }
    const bool went_well = response::succeeded(what, at.names, *answer);
    if (!what.pages || !went_well) {
      auto out = response::outcome_of(what, at.names, *answer, nullptr, jq_);
      if (went_well && what.changes() && out.what == kind::failed)
        out.what = kind::unknown; // it was done; only its answer can't be used
      return out;
    }
    auto more = response::turn_page(*what.pages, *answer, page, jq_, gathered, *request);
    if (!more)
      return {kind::failed, nullptr, more.error().what};
    if (!*more)
      return response::outcome_of(what, at.names, *answer, gathered, jq_);
  }
}

} // namespace soc::targets
