// targets/smtp/smtp_driver.hpp - sends notifications by mail, with libcurl: STARTTLS or TLS, verified; plain only where
// the instance says so. The message's id is made of the idempotency key: a mail that is sent twice can be told as one.
// Thread-safe.
#pragma once
#include "base/time.hpp"
#include "response/core/driver.hpp"

namespace soc::targets {

/// Action send_notification (title, text, severity, details). Settings: host, port, from, to (list), tls (starttls,
/// tls, none), ca_file. Credentials: user, password; both or none.
class smtp_driver final : public response::component_driver {
public:
  explicit smtp_driver(std::shared_ptr<const clock_source> clock) : clock_(std::move(clock)) {}
  response::call_outcome call(const response::component_call& what) override;

private:
  std::shared_ptr<const clock_source> clock_;
};

/// The mail's text: headers encoded by RFC 2047, body as base64 UTF-8. Nothing of a parameter gets into a header
/// unencoded.
std::string mail_text(const std::string& from, const std::vector<std::string>& to, const nlohmann::json& parameters,
                      const std::string& id, unix_ns time);

} // namespace soc::targets
