// targets/http/http_driver.hpp - sends an HTTP component's calls with libcurl: time-outs, no redirects, a bound on the
// answer, secrets added last. A call that was sent and got no answer is `unknown`; one that surely never left is
// `transient`. Thread-safe.
#pragma once
#include "base/time.hpp"
#include "response/core/http_call.hpp"

namespace soc::targets {

class http_driver final : public response::component_driver {
public:
  /// `clock` stamps signed requests.
  explicit http_driver(std::shared_ptr<const clock_source> clock);
  response::call_outcome call(const response::component_call& what) override;

private:
  outcome sign(const response::component_call& what, response::http_request& request) const;

  std::shared_ptr<const clock_source> clock_;
};

/// "<prefix><hex of HMAC-SHA256(secret, [time '.'] body)>": the value of a webhook's signature header.
std::string hmac_signature(const std::string& secret, const std::string& time, const std::string& body,
                           const std::string& prefix);

} // namespace soc::targets
