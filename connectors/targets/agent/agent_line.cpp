#include "connectors/targets/agent/agent_line.hpp"

#include <fmt/format.h>
#include <nats/nats.h>

#include <sstream>
#include <vector>

namespace soc::targets {

struct agent_line::connection {
  natsOptions* options = nullptr;
  natsConnection* nats = nullptr;
  ~connection() {
    natsConnection_Destroy(nats);
    natsOptions_Destroy(options);
  }
};

namespace {

constexpr int serve_poll_ms = 200;
constexpr int most_waiting_orders = 256;

failure line_failure(natsStatus status, const std::string& doing) {
  const auto code = status == NATS_TIMEOUT         ? ec::timed_out
                    : status == NATS_NO_RESPONDERS ? ec::not_found
                                                   : ec::unavailable;
  return {code, fmt::format("{}: {}", doing, natsStatus_GetText(status))};
}

natsStatus set_servers(natsOptions* o, const std::string& urls) {
  std::vector<std::string> list;
  std::istringstream in(urls);
  for (std::string url; std::getline(in, url, ',');)
    list.push_back(url);
  std::vector<const char*> raw;
  for (const auto& url : list)
    raw.push_back(url.c_str());
  return natsOptions_SetServers(o, raw.data(), static_cast<int>(raw.size()));
}

natsStatus set_line_options(natsOptions* o, const agent_line_options& from) {
  auto in_order = [status = NATS_OK](auto step) mutable { return status == NATS_OK ? status = step() : status; };
  in_order([&] { return set_servers(o, from.urls); });
  if (!from.user.empty())
    in_order([&] { return natsOptions_SetUserInfo(o, from.user.c_str(), from.password.c_str()); });
  if (!from.credentials_file.empty())
    in_order([&] { return natsOptions_SetUserCredentialsFromFiles(o, from.credentials_file.c_str(), nullptr); });
  if (!from.tls_ca.empty()) {
    in_order([&] { return natsOptions_SetSecure(o, true); });
    in_order([&] { return natsOptions_LoadCATrustedCertificates(o, from.tls_ca.c_str()); });
  }
  if (!from.tls_certificate.empty())
    in_order([&] { return natsOptions_LoadCertificatesChain(o, from.tls_certificate.c_str(), from.tls_key.c_str()); });
  in_order([&] { return natsOptions_SetName(o, from.name.c_str()); });
  in_order([&] { return natsOptions_SetSendAsap(o, true); });
  in_order([&] { return natsOptions_SetMaxReconnect(o, -1); });
  in_order([&] { return natsOptions_SetReconnectWait(o, 500); });
  in_order([&] { return natsOptions_SetTimeout(o, 2000); });
  return in_order([] { return NATS_OK; });
}

} // namespace

agent_line::agent_line(std::unique_ptr<connection> c) : connection_(std::move(c)) {}
agent_line::~agent_line() = default;

result<std::shared_ptr<agent_line>> agent_line::connect(const agent_line_options& options) {
  auto c = std::make_unique<connection>();
  auto status = natsOptions_Create(&c->options);
  if (status == NATS_OK)
    status = set_line_options(c->options, options);
  if (status == NATS_OK)
    status = natsConnection_Connect(&c->nats, c->options);
  if (status != NATS_OK)
    return line_failure(status, "NATS can't be reached");
  return std::shared_ptr<agent_line>(new agent_line(std::move(c)));
}

result<std::string> agent_line::ask(const std::string& subject, const std::string& payload,
                                    std::chrono::milliseconds limit) {
  natsMsg* reply = nullptr;
  const auto status = natsConnection_Request(&reply, connection_->nats, subject.c_str(), payload.data(),
                                             static_cast<int>(payload.size()), limit.count());
  if (status != NATS_OK)
    return line_failure(status, "no answer");
  std::string out(natsMsg_GetData(reply), static_cast<std::size_t>(natsMsg_GetDataLength(reply)));
  natsMsg_Destroy(reply);
  return out;
}

outcome agent_line::serve(const std::string& subject, const std::function<std::string(const std::string&)>& on_message,
                          const std::function<bool()>& stop) {
  natsSubscription* subscription = nullptr;
  auto status = natsConnection_SubscribeSync(&subscription, connection_->nats, subject.c_str());
  if (status != NATS_OK)
    return line_failure(status, "can't listen for orders");
  (void)natsSubscription_SetPendingLimits(subscription, most_waiting_orders, -1);
  while (!stop()) {
    natsMsg* message = nullptr;
    status = natsSubscription_NextMsg(&message, subscription, serve_poll_ms);
    if (status == NATS_TIMEOUT || status == NATS_SLOW_CONSUMER)
      continue;
    if (status != NATS_OK)
      break;
    const std::string text(natsMsg_GetData(message), static_cast<std::size_t>(natsMsg_GetDataLength(message)));
    const char* reply = natsMsg_GetReply(message);
    const std::string to = reply == nullptr ? "" : reply;
    natsMsg_Destroy(message);
    const auto answer = on_message(text);
    if (!to.empty())
      (void)natsConnection_Publish(connection_->nats, to.c_str(), answer.data(), static_cast<int>(answer.size()));
  }
  natsSubscription_Destroy(subscription);
  if (status != NATS_OK && status != NATS_TIMEOUT && status != NATS_SLOW_CONSUMER)
    return line_failure(status, "listening for orders ended");
  return done{};
}

} // namespace soc::targets
