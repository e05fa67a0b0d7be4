#include "connectors/sources/nats/nats_driver.hpp"

#include "connectors/sources/common/credentials.hpp"
#include "connectors/sources/common/line_splitter.hpp"
#include "runtime/secrets.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

namespace soc::sources {

namespace {

using json = nlohmann::json;

constexpr int messages_a_pull = 512, most_subjects = 256;
/// What a killed node had, comes again after ack_wait; a living one says more often that it still works on it.
constexpr std::int64_t ack_wait_s = 20, working_every_s = 5, wait_ms = 200;
constexpr std::int64_t pull_expires_ns = ns_per_s;
/// Silence after which a pull is over even if its end was not said: a server that was restarted does not know it any
/// more.
constexpr int most_idle_waits = static_cast<int>(2 * pull_expires_ns / (wait_ms * ns_per_ms));
constexpr std::int64_t api_timeout_ms = 3000;
constexpr std::size_t max_nats_record_bytes = 16U << 20;
constexpr int most_pending_messages = 65'536, most_pending_bytes = 64 << 20;

using message_handle = std::unique_ptr<natsMsg, decltype(&natsMsg_Destroy)>;

std::string_view data_of(natsMsg* message) {
  const auto* data = natsMsg_GetData(message);
  return {data == nullptr ? "" : data, data == nullptr ? 0 : static_cast<std::size_t>(natsMsg_GetDataLength(message))};
}

/// A pull's end instead of a message: 404, 408, 409.
bool is_status(natsMsg* message) {
  const char* value = nullptr;
  return natsMsg_GetDataLength(message) == 0 && natsMsgHeader_Get(message, "Status", &value) == NATS_OK;
}

} // namespace

std::uint64_t unacknowledged::add(std::vector<std::string> replies) {
  const std::lock_guard lock(mutex_);
  open_[next_] = std::move(replies);
  return next_++;
}

void unacknowledged::done(std::uint64_t number) {
  std::vector<std::string> replies;
  {
    const std::lock_guard lock(mutex_);
    const auto it = open_.find(number);
    if (it == open_.end())
      return;
    replies = std::move(it->second);
    open_.erase(it);
  }
  for (const auto& reply : replies) // lost: delivered again
    natsConnection_PublishString(connection_.get(), reply.c_str(), "+ACK");
}

void unacknowledged::still_working() {
  const std::lock_guard lock(mutex_);
  for (const auto& [number, replies] : open_)
    for (const auto& reply : replies)
      natsConnection_PublishString(connection_.get(), reply.c_str(), "+WPI");
}

nats_fetcher::nats_fetcher(nats_source_options options, std::shared_ptr<const model::connector_context> context,
                           source_counts_ptr counts, std::shared_ptr<const clock_source> clock)
    : options_(std::move(options)), context_(std::move(context)), counts_(std::move(counts)), clock_(std::move(clock)) {
  if (options_.durable.empty())
    options_.durable = "soc-" + context_->connector;
}

nats_fetcher::~nats_fetcher() {
  subscription_.reset();
  if (connection_)
    natsConnection_Flush(connection_.get()); // the last acknowledgements
}

void nats_fetcher::complain(const std::string& what) {
  count(counts_->errors);
  if (std::exchange(complaint_, what) != what)
    spdlog::warn("connector {}: nats: {}", context_->connector, what);
}

outcome nats_fetcher::prepare() {
  natsOptions* made = nullptr;
  if (natsOptions_Create(&made) != NATS_OK)
    return failure{ec::internal, "no NATS client"};
  settings_.reset(made);
  std::string password, token;
  for (const auto& [reference, into] : {std::pair{&options_.password, &password}, std::pair{&options_.token, &token}}) {
    if (reference->empty())
      continue;
    auto secret = read_secret(*reference);
    if (!secret)
      return secret.error();
    *into = std::move(secret).take();
  }
  std::vector<const char*> urls;
  for (const auto& url : options_.urls)
    urls.push_back(url.c_str());
  auto s = natsOptions_SetServers(made, urls.data(), static_cast<int>(urls.size()));
  const auto also = [&](natsStatus next) { s = s == NATS_OK ? next : s; };
  also(natsOptions_SetName(made, ("soc " + context_->connector).c_str()));
  also(natsOptions_SetMaxReconnect(made, -1));
  also(natsOptions_SetReconnectWait(made, 1000));
  also(natsOptions_SetTimeout(made, 5000));
  if (!options_.user.empty())
    also(natsOptions_SetUserInfo(made, options_.user.c_str(), password.c_str()));
  if (!token.empty())
    also(natsOptions_SetToken(made, token.c_str()));
  if (!options_.credentials.empty())
    also(natsOptions_SetUserCredentialsFromFiles(made, options_.credentials.c_str(), nullptr));
  if (!options_.tls_ca.empty() || !options_.tls_certificate.empty())
    also(natsOptions_SetSecure(made, true));
  if (!options_.tls_ca.empty())
    also(natsOptions_LoadCATrustedCertificates(made, options_.tls_ca.c_str()));
  if (!options_.tls_certificate.empty())
    also(natsOptions_LoadCertificatesChain(made, options_.tls_certificate.c_str(), options_.tls_key.c_str()));
  return s == NATS_OK ? outcome(done{}) : failure{ec::invalid_input, std::string("nats: ") + natsStatus_GetText(s)};
}

bool nats_fetcher::connect(fetch_session& session) {
  auto pause = std::chrono::seconds(1);
  while (!session.stopped()) {
    natsConnection* made = nullptr;
    const auto s = natsConnection_Connect(&made, settings_.get());
    if (s == NATS_OK) {
      connection_.reset(made, natsConnection_Destroy);
      open_ = std::make_shared<unacknowledged>(connection_);
      return true;
    }
    complain(natsStatus_GetText(s));
    if (!session.sleep(pause))
      return false;
    pause = std::min(pause * 2, std::chrono::seconds(30));
  }
  return false;
}

/// Made if it is not there; one that is is taken as it is.
bool nats_fetcher::make_consumer() {
  json config{{"durable_name", options_.durable},
              {"ack_policy", "explicit"},
              {"deliver_policy", options_.from_end ? "new" : "all"},
              {"ack_wait", ack_wait_s * ns_per_s},
              {"max_ack_pending", most_pending_messages}};
  if (!options_.subject.empty())
    config["filter_subject"] = options_.subject;
  const auto body = json{{"stream_name", options_.stream}, {"config", config}}.dump();
  const auto ask = [&](const char* what, const std::string& text) -> json {
    const auto subject = fmt::format("$JS.API.CONSUMER.{}.{}.{}", what, options_.stream, options_.durable);
    natsMsg* made = nullptr;
    const auto s = natsConnection_Request(&made, connection_.get(), subject.c_str(), text.data(),
                                          static_cast<int>(text.size()), api_timeout_ms);
    const message_handle answer(made, natsMsg_Destroy);
    if (s != NATS_OK)
      return {{"error", {{"description", natsStatus_GetText(s)}}}};
    return json::parse(data_of(answer.get()), nullptr, false);
  };
  if (const auto info = ask("INFO", ""); info.is_object() && !info.contains("error"))
    return true;
  const auto made = ask("DURABLE.CREATE", body);
  if (made.is_object() && !made.contains("error"))
    return true;
  const auto why = made.is_object() ? made["error"].value("description", "") : "";
  complain(fmt::format("no consumer on stream {}: {}", options_.stream, why));
  return false;
}

void nats_fetcher::take(natsMsg* message) {
  std::string subject = natsMsg_GetSubject(message);
  if (batches_.size() >= most_subjects && !batches_.contains(subject))
    subject = "*";
  auto& batch = batches_.try_emplace(subject, origin_batch{batch_builder(context_, subject), {}}).first->second;
  const auto text = data_of(message);
  if (options_.split_lines) {
    line_splitter splitter(max_nats_record_bytes);
    std::vector<model::raw_record> lines;
    const auto consumed = splitter.split(text, 0, lines);
    for (const auto& line : lines)
      batch.builder.add(text.substr(line.offset, line.length), 0, clock_->now());
    if (const auto last = text.substr(consumed); !last.empty())
      batch.builder.add(last, 0, clock_->now());
  } else if (!text.empty()) {
    batch.builder.add(text, 0, clock_->now());
  }
  if (const auto* reply = natsMsg_GetReply(message); reply != nullptr && !options_.stream.empty())
    batch.replies.emplace_back(reply);
}

bool nats_fetcher::hand_on(fetch_session& session, bool only_full) {
  for (auto it = batches_.begin(); it != batches_.end();) {
    auto& [subject, batch] = *it;
    if (only_full && !batch.builder.full()) {
      ++it;
      continue;
    }
    const auto number = batch.replies.empty() ? 0 : open_->add(std::move(batch.replies));
    const auto settle = [open = open_, number] {
      if (number != 0)
        open->done(number);
    };
    if (batch.builder.empty())
      settle(); // messages without content
    else if (!session.hand_on(batch.builder.take(), {}, settle))
      return false;
    it = batches_.erase(it);
  }
  return true;
}

void nats_fetcher::note_drops() {
  std::int64_t dropped = 0;
  if (natsSubscription_GetDropped(subscription_.get(), &dropped) == NATS_OK && dropped > dropped_) {
    count(counts_->dropped_records, static_cast<std::uint64_t>(dropped - dropped_));
    dropped_ = dropped;
  }
}

/// One pull: as many messages as there are within a second. False: the consumer is gone, or the session was stopped.
bool nats_fetcher::pull_round(fetch_session& session) {
  const auto subject = fmt::format("$JS.API.CONSUMER.MSG.NEXT.{}.{}", options_.stream, options_.durable);
  const auto body = json{{"batch", messages_a_pull}, {"expires", pull_expires_ns}}.dump();
  if (natsConnection_PublishRequest(connection_.get(), subject.c_str(), inbox_.c_str(), body.data(),
                                    static_cast<int>(body.size())) != NATS_OK)
    return false;
  for (int got = 0, idle = 0; got < messages_a_pull && idle < most_idle_waits && !session.stopped();) {
    natsMsg* made = nullptr;
    const auto s = natsSubscription_NextMsg(&made, subscription_.get(), wait_ms);
    const message_handle message(made, natsMsg_Destroy);
    if (s == NATS_TIMEOUT) {
      ++idle;
      if (!hand_on(session, false)) // what is there goes on while more may come
        return false;
      continue;
    }
    if (s != NATS_OK)
      return false;
    idle = 0;
    if (is_status(message.get())) {
      const char* status = "";
      natsMsgHeader_Get(message.get(), "Status", &status);
      const std::string_view code(status);
      return hand_on(session, false) && (code == "408" || code == "404");
    }
    ++got;
    take(message.get());
    if (!hand_on(session, true))
      return false;
  }
  return hand_on(session, false);
}

void nats_fetcher::listen(fetch_session& session) {
  while (!session.stopped()) {
    natsMsg* made = nullptr;
    const auto s = natsSubscription_NextMsg(&made, subscription_.get(), wait_ms);
    const message_handle message(made, natsMsg_Destroy);
    if (s == NATS_OK)
      take(message.get());
    std::uint64_t waiting = 0;
    natsSubscription_QueuedMsgs(subscription_.get(), &waiting);
    if (!hand_on(session, waiting > 0))
      return;
    note_drops();
    // An overflow is told once, in place of a message; what came behind it follows.
    if (s != NATS_OK && s != NATS_TIMEOUT && s != NATS_SLOW_CONSUMER)
      return complain(natsStatus_GetText(s));
  }
}

void nats_fetcher::pull(fetch_session& session) {
  unix_ns worked_at = clock_->now();
  bool ready = false;
  while (!session.stopped() && natsSubscription_IsValid(subscription_.get())) {
    ready = ready || make_consumer();
    ready = ready && pull_round(session);
    if (!ready && !session.sleep(std::chrono::seconds(1)))
      return;
    if (clock_->now() - worked_at > working_every_s * ns_per_s) {
      open_->still_working();
      worked_at = clock_->now();
    }
  }
}

/// To the subject, or to the inbox that pulls are answered at.
bool nats_fetcher::subscribe() {
  natsSubscription* made = nullptr;
  natsStatus s = NATS_OK;
  if (!options_.stream.empty()) {
    natsInbox* inbox = nullptr;
    s = natsInbox_Create(&inbox);
    if (s == NATS_OK) {
      inbox_ = inbox;
      natsInbox_Destroy(inbox);
      s = natsConnection_SubscribeSync(&made, connection_.get(), inbox_.c_str());
    }
  } else if (options_.queue.empty()) {
    s = natsConnection_SubscribeSync(&made, connection_.get(), options_.subject.c_str());
  } else {
    s = natsConnection_QueueSubscribeSync(&made, connection_.get(), options_.subject.c_str(), options_.queue.c_str());
  }
  subscription_.reset(made);
  dropped_ = 0; // each subscription counts its own
  if (s != NATS_OK) {
    complain(natsStatus_GetText(s));
    return false;
  }
  if (options_.stream.empty())
    natsSubscription_SetPendingLimits(made, most_pending_messages, most_pending_bytes);
  return true;
}

/// As long as the source lives: the client gives a connection up when the server refuses its login twice.
void nats_fetcher::run(fetch_session& session) {
  while (!session.stopped()) {
    subscription_.reset();
    if ((!connection_ || natsConnection_IsClosed(connection_.get())) && !connect(session))
      return;
    if (subscribe())
      options_.stream.empty() ? listen(session) : pull(session);
    if (!session.sleep(std::chrono::seconds(1)))
      return;
  }
}

std::unique_ptr<source_driver> make_nats_driver(nats_source_options options,
                                                std::shared_ptr<const model::connector_context> context,
                                                source_counts_ptr counts, std::shared_ptr<const clock_source> clock) {
  const auto queue_bytes = options.queue_bytes;
  auto fetcher =
      std::make_shared<nats_fetcher>(std::move(options), std::move(context), std::move(counts), std::move(clock));
  return std::make_unique<fetching_driver>(
      queue_bytes, [fetcher] { return fetcher->prepare(); },
      [fetcher](fetch_session& session, const std::string&) { fetcher->run(session); }, [] {});
}

} // namespace soc::sources
