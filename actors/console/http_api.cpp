#include "console/http_api.hpp"

namespace soc::console {

http_answer answer(const http_api& api, std::string_view method, std::string_view target) {
  if (method != "GET")
    return {405, {}};
  const auto path = target.substr(0, target.find('?'));
  if (path == "/healthz")
    return {200, "ok\n"};
  if (path == "/metrics")
    return {200, api.metrics(), "text/plain; version=0.0.4"};
  if (path != "/readyz")
    return {404, "there is /metrics, /healthz and /readyz\n"};
  const auto state = api.ready();
  return state.ready ? http_answer{200, "ready\n"} : http_answer{503, state.why + "\n"};
}

} // namespace soc::console
