// targets/http/http_driver.hpp - makes an HTTP component's calls: its exchanges one after the other, page by page,
// signed last. What was sent and got no answer is `unknown` when it may have changed something; what surely changed
// nothing is `transient`. Thread-safe.
#pragma once
#include "base/time.hpp"
#include "connectors/targets/http/http_auth.hpp"
#include "connectors/targets/http/signing.hpp"

namespace soc::targets {

class http_driver final : public response::component_driver {
public:
  /// `clock` stamps signed requests; without `jq`, components that use it fail.
  explicit http_driver(std::shared_ptr<const clock_source> clock, jq_function jq = {}, http_sender send = send_request);
  response::call_outcome call(const response::component_call& what) override;

private:
  struct progress;
  response::call_outcome run(progress& at);
  response::call_outcome exchange(progress& at, const response::http_exchange& what);
  result<response::http_response> send(progress& at, const response::http_request& request);

  std::shared_ptr<const clock_source> clock_;
  jq_function jq_;
  http_sender send_;
  http_auth auth_;
};

} // namespace soc::targets
