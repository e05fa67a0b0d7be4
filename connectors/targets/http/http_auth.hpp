// targets/http/http_auth.hpp - puts onto a request what proves who asks: keys, tokens, signatures. Tokens of OAuth2 and
// logins are kept until a minute before their end, in memory alone. Credentials are resolved for each request.
// Thread-safe.
#pragma once
#include "connectors/targets/http/http_transport.hpp"

#include <mutex>

namespace soc::targets {

class http_auth {
public:
  http_auth(std::shared_ptr<const clock_source> clock, http_sender send, jq_function jq)
      : clock_(std::move(clock)), send_(std::move(send)), jq_(std::move(jq)) {}

  /// The failure's text holds no secret. unavailable: the token's issuer is away.
  outcome apply(const response::component_call& call, const nlohmann::json& names, const tls_files& tls,
                response::http_request& request, long timeout_ms);
  /// Whether the component's tokens can grow old: then one is thrown away, and another try is worth it.
  bool forget_token(const response::component_call& call);

private:
  struct token {
    std::string text;
    unix_ns until = 0;
  };
  struct asking {
    const response::component_call& call;
    const nlohmann::json& names;
    const tls_files& tls;
    long timeout_ms;
  };
  result<token> fetch_oauth2(const asking& what);
  result<token> fetch_login(const asking& what);
  result<std::string> token_of(const asking& what);

  std::shared_ptr<const clock_source> clock_;
  http_sender send_;
  jq_function jq_;
  std::mutex mutex_;
  std::map<std::string, token> tokens_; ///< by instance
};

} // namespace soc::targets
