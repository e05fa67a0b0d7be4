#include "tools/soc/control_client.hpp"

#include "transport/nats_identity.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nats/nats.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <openssl/evp.h>
#include <optional>
#include <utility>

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

natsStatus apply_options(natsOptions* o, const transport::nats_options& options) {
  std::vector<const char*> urls;
  for (const auto& url : options.urls)
    urls.push_back(url.c_str());
  natsStatus status = natsOptions_SetServers(o, urls.data(), static_cast<int>(urls.size()));
  if (status == NATS_OK)
    status = transport::identify(o, options);
  if (status == NATS_OK)
    status = natsOptions_SetSendAsap(o, true);
  if (status == NATS_OK)
    status = natsOptions_SetTimeout(o, options.connect_timeout.count());
  return status;
}

std::string take_text(natsMsg* message) {
  std::string text(natsMsg_GetData(message), static_cast<std::size_t>(natsMsg_GetDataLength(message)));
  natsMsg_Destroy(message);
  return text;
}

/// JetStream's number for "no message found": the end of what is stored. Any other error is none.
constexpr int no_message_found = 10037;

/// A message of a stream, as JetStream's API gives it.
struct stored_message {
  std::uint64_t sequence = 0;
  std::string payload;
};

std::optional<std::string> from_base64(const std::string& text) {
  std::string bytes(text.size(), '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  const int padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  if (size < padding)
    return std::nullopt;
  bytes.resize(static_cast<std::size_t>(size - padding));
  return bytes;
}

/// The message of an answer, or none at the end of the stream.
result<std::optional<stored_message>> read_stored(const std::string& reply) {
  const auto answer = nlohmann::json::parse(reply, nullptr, false);
  const auto part = [&](const char* name) {
    return answer.is_object() && answer.contains(name) && answer[name].is_object() ? answer[name] : nlohmann::json();
  };
  if (const auto error = part("error"); error.is_object()) {
    if (error.value("err_code", 0) == no_message_found)
      return std::optional<stored_message>();
    return failure{ec::unavailable, error.value("description", error.dump())};
  }
  const auto message = part("message");
  const auto bytes = from_base64(message.is_object() ? message.value("data", "") : "");
  if (!message.is_object() || !message.contains("seq") || !bytes)
    return failure{ec::corrupt, "the server's answer is none: " + reply.substr(0, 200)};
  return std::optional(stored_message{message["seq"].get<std::uint64_t>(), *bytes});
}

} // namespace

control_client::control_client(std::unique_ptr<connection> c) : connection_(std::move(c)) {}
control_client::~control_client() = default;

result<std::unique_ptr<control_client>> control_client::connect(const transport::nats_options& options) {
  if (auto fine = transport::validate(options); !fine)
    return fine.error();
  auto c = std::make_unique<connection>();
  auto status = natsOptions_Create(&c->options);
  if (status == NATS_OK)
    status = apply_options(c->options, options);
  if (status == NATS_OK)
    status = natsConnection_Connect(&c->nats, c->options);
  if (status != NATS_OK)
    return nats_failure(status,
                        fmt::format("can't reach NATS at {}; is the node running?", fmt::join(options.urls, ", ")));
  return std::unique_ptr<control_client>(new control_client(std::move(c)));
}

namespace {

/// As natsConnection_Request, but a person can stop waiting: OK without a reply then.
natsStatus request_until(natsConnection* nats, const std::string& subject, const std::string& bytes,
                         std::chrono::milliseconds timeout, const volatile bool& stopped, natsMsg*& reply) {
  using clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds slice{250};
  natsInbox* inbox = nullptr;
  natsSubscription* answers = nullptr;
  auto status = natsInbox_Create(&inbox);
  if (status == NATS_OK)
    status = natsConnection_SubscribeSync(&answers, nats, inbox);
  if (status == NATS_OK)
    status = natsConnection_PublishRequest(nats, subject.c_str(), inbox, bytes.data(), static_cast<int>(bytes.size()));
  for (const auto until = clock::now() + timeout; status == NATS_OK && reply == nullptr && !stopped;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - clock::now());
    status = natsSubscription_NextMsg(&reply, answers, std::clamp(left, std::chrono::milliseconds{1}, slice).count());
    if (status == NATS_TIMEOUT && left > slice)
      status = NATS_OK;
  }
  if (reply != nullptr && natsMsg_IsNoResponders(reply)) {
    natsMsg_Destroy(std::exchange(reply, nullptr));
    status = NATS_NO_RESPONDERS;
  }
  natsSubscription_Destroy(answers);
  natsInbox_Destroy(inbox);
  return status;
}

} // namespace

result<wire::control_reply> control_client::ask(const std::string& node, const wire::control_request& request,
                                                std::chrono::milliseconds timeout, const volatile bool& until_stopped) {
  const auto bytes = wire::encode(request);
  if (!bytes)
    return bytes.error();
  const auto subject = node.empty() ? std::string("soc.control") : fmt::format("soc.node.{}.control", node);
  natsMsg* reply = nullptr;
  const auto status = request_until(connection_->nats, subject, *bytes, timeout, until_stopped, reply);
  if (status != NATS_OK)
    return nats_failure(status, node.empty() ? "no node answers" : fmt::format("node '{}' does not answer", node));
  if (reply == nullptr)
    return failure{ec::closed, "no longer waited for; what was asked for goes on"};
  return wire::decode_control_reply(take_text(reply));
}

result<std::vector<std::string>> control_client::stored(const std::string& stream, const std::string& filter) {
  std::vector<std::string> out;
  const auto subject = "$JS.API.STREAM.MSG.GET." + stream;
  for (std::uint64_t next = 1;;) {
    const auto question = nlohmann::json{{"seq", next}, {"next_by_subj", filter}}.dump();
    natsMsg* reply = nullptr;
    const auto status = natsConnection_Request(&reply, connection_->nats, subject.c_str(), question.data(),
                                               static_cast<int>(question.size()), 5000);
    if (status != NATS_OK)
      return nats_failure(status, "the stream " + stream + " can't be read");
    auto message = read_stored(take_text(reply));
    if (!message)
      return failure{message.error().code,
                     fmt::format("the stream {} can't be read: {}", stream, message.error().what)};
    if (!*message)
      return out;
    next = (*message)->sequence + 1;
    out.push_back(std::move((*message)->payload));
  }
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
