#include "tools/soc/control_client.hpp"

#include <fmt/format.h>
#include <nats/nats.h>

namespace soc::cli {

struct control_client::connection {
  natsOptions* options = nullptr;
  natsConnection* nats = nullptr;
  ~connection() {
    natsConnection_Destroy(nats);
    natsOptions_Destroy(options);
  }
};

namespace {

failure nats_failure(natsStatus status, const std::string& doing) {
  const auto code = status == NATS_TIMEOUT         ? ec::timed_out
                    : status == NATS_NO_RESPONDERS ? ec::not_found
                                                   : ec::unavailable;
  return {code, fmt::format("{}: {}", doing, natsStatus_GetText(status))};
}

natsStatus apply_options(natsOptions* o, const client_options& options) {
  natsStatus status = natsOptions_SetURL(o, options.url.c_str());
  if (status == NATS_OK && !options.user.empty())
    status = natsOptions_SetUserInfo(o, options.user.c_str(), options.password.c_str());
  if (status == NATS_OK && !options.credentials_file.empty())
    status = natsOptions_SetUserCredentialsFromFiles(o, options.credentials_file.c_str(), nullptr);
  if (status == NATS_OK && !options.tls_ca.empty()) {
    status = natsOptions_SetSecure(o, true);
    if (status == NATS_OK)
      status = natsOptions_LoadCATrustedCertificates(o, options.tls_ca.c_str());
  }
  if (status == NATS_OK)
    status = natsOptions_SetSendAsap(o, true);
  if (status == NATS_OK)
    status = natsOptions_SetTimeout(o, 2000);
  return status;
}

std::string take_text(natsMsg* message) {
  std::string text(natsMsg_GetData(message), static_cast<std::size_t>(natsMsg_GetDataLength(message)));
  natsMsg_Destroy(message);
  return text;
}

} // namespace

control_client::control_client(std::unique_ptr<connection> c) : connection_(std::move(c)) {}
control_client::~control_client() = default;

result<std::unique_ptr<control_client>> control_client::connect(const client_options& options) {
  auto c = std::make_unique<connection>();
  auto status = natsOptions_Create(&c->options);
  if (status == NATS_OK)
    status = apply_options(c->options, options);
  if (status == NATS_OK)
    status = natsConnection_Connect(&c->nats, c->options);
  if (status != NATS_OK)
    return nats_failure(status, fmt::format("can't reach NATS at {}; is the node running?", options.url));
  return std::unique_ptr<control_client>(new control_client(std::move(c)));
}

result<wire::control_reply> control_client::ask(const std::string& node, const wire::control_request& request,
                                                std::chrono::milliseconds timeout) {
  const auto bytes = wire::encode(request);
  if (!bytes)
    return bytes.error();
  const auto subject = node.empty() ? std::string("soc.control") : fmt::format("soc.node.{}.control", node);
  natsMsg* reply = nullptr;
  const auto status = natsConnection_Request(&reply, connection_->nats, subject.c_str(), bytes->data(),
                                             static_cast<int>(bytes->size()), timeout.count());
  if (status != NATS_OK)
    return nats_failure(status, node.empty() ? "no node answers" : fmt::format("node '{}' does not answer", node));
  return wire::decode_control_reply(take_text(reply));
}

outcome control_client::listen(const std::string& subject,
                               const std::function<bool(const std::string&, const std::string&)>& on_message,
                               const volatile bool& until_stopped) {
  natsSubscription* subscription = nullptr;
  auto status = natsConnection_SubscribeSync(&subscription, connection_->nats, subject.c_str());
  if (status != NATS_OK)
    return nats_failure(status, "can't subscribe to " + subject);
  bool go_on = true;
  while (go_on && !until_stopped) {
    natsMsg* message = nullptr;
    status = natsSubscription_NextMsg(&message, subscription, 250);
    if (status == NATS_TIMEOUT)
      continue;
    if (status != NATS_OK)
      break;
    const std::string from = natsMsg_GetSubject(message);
    go_on = on_message(from, take_text(message));
  }
  natsSubscription_Destroy(subscription);
  if (status != NATS_OK && status != NATS_TIMEOUT)
    return nats_failure(status, "the subscription ended");
  return done{};
}

} // namespace soc::cli
