// response/core/http_call.hpp - an HTTP component's exchanges as data: from a template to a request, from a response to
// what it means, from a page to the next. Secrets are not here: the driver adds them when it sends. Pure, but for the
// jq engine that is passed in.
#pragma once
#include "base/computed_value.hpp"
#include "base/time.hpp"
#include "response/core/driver.hpp"

namespace soc::response {

using name_values = std::vector<std::pair<std::string, std::string>>;

/// Kept in parts: signatures are made over them.
struct http_request {
  std::string method, origin; ///< "https://host:8443"
  std::string path;           ///< begins with '/'; encoded
  name_values query;          ///< not encoded
  name_values headers;
  std::string body;
  nlohmann::json json_body; ///< what `body` was made of, null when it was text; a signature may add to it
  bool has_body = false;

  std::string host() const; ///< with the port when it is given
  std::string url() const;
};

struct http_response {
  int status = 0;
  std::map<std::string, std::string> headers; ///< names in lower case
  std::string body;
};

/// What templates may refer to, besides outputs of earlier exchanges.
nlohmann::json names_of(const component_call& call, unix_ns now);

/// The request of one exchange; a failure names the reference that leads nowhere. References within path and query are
/// percent-encoded, line breaks never get into a header.
result<http_request> request_of(const http_exchange& exchange, const std::string& endpoint, const nlohmann::json& names,
                                const jq_function& jq);

/// Whether the response is a success by the exchange's conditions.
bool succeeded(const http_exchange& exchange, const nlohmann::json& names, const http_response& response);
/// What the response means, by the exchange's conditions. `gathered`: items of earlier pages and this, null without
/// pages.
call_outcome outcome_of(const http_exchange& exchange, const nlohmann::json& names, const http_response& response,
                        const nlohmann::json& gathered, const jq_function& jq);

/// Asks for the first page by its number, where pages are numbered.
void first_page(const page_rule& rule, http_request& request);
/// Adds the page's items to `gathered` (a list) and changes `request` into that for the next page; false: it was the
/// last.
result<bool> turn_page(const page_rule& rule, const http_response& response, std::int64_t pages_read,
                       const jq_function& jq, nlohmann::json& gathered, http_request& request);

std::string percent_encoded(std::string_view text);
/// name=value&…, both encoded.
std::string form_encoded(const name_values& entries);

} // namespace soc::response
