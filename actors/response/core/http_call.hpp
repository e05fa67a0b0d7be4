// response/core/http_call.hpp - an HTTP component's calls as data: from an action's template to a request, from a
// response to an outcome. Secrets are not here: the driver adds them when it sends. Pure.
#pragma once
#include "response/core/driver.hpp"

namespace soc::response {

struct http_request {
  std::string method, url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool has_body = false;
};

struct http_response {
  int status = 0;
  std::map<std::string, std::string> headers; ///< names in lower case
  std::string body;
};

/// The request of a call; a failure names the reference that leads nowhere. References within path and query are
/// percent-encoded, line breaks never get into a header.
result<http_request> request_of(const component_call& call);

/// What the response means, by the action's conditions.
call_outcome outcome_of(const component_call& call, const http_response& response);

std::string percent_encoded(std::string_view text);

} // namespace soc::response
