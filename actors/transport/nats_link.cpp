#include "transport/nats_link.hpp"

#include "base/hash.hpp"
#include "transport/nats_handles.hpp"
#include "transport/nats_identity.hpp"

#include <caf/send.hpp>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <map>
#include <mutex>

namespace soc::transport {

namespace {

constexpr int lanes = 2;
constexpr std::size_t default_max_payload = 1U << 20;

std::uint64_t next_link_id() {
  static std::atomic<std::uint64_t> last{0}; // only uniqueness within the process matters
  return ++last;
}

} // namespace

// ---- Watchers

struct nats_watch::watchers {
  std::mutex mutex;
  std::map<std::uint64_t, caf::actor> actors;
};

nats_watch::nats_watch(nats_watch&& other) noexcept : watchers_(std::move(other.watchers_)), id_(other.id_) {}

nats_watch& nats_watch::operator=(nats_watch&& other) noexcept {
  if (this != &other) {
    close();
    watchers_ = std::move(other.watchers_);
    id_ = other.id_;
  }
  return *this;
}

nats_watch::~nats_watch() {
  close();
}

void nats_watch::close() {
  if (!watchers_)
    return;
  const std::lock_guard lock(watchers_->mutex);
  watchers_->actors.erase(id_);
}

// ---- The connections

struct nats_link::core {
  nats_options wanted;
  nats_handle<natsOptions> options[lanes];
  std::shared_ptr<nats_watch::watchers> watchers = std::make_shared<nats_watch::watchers>();
  mutable std::mutex mutex; ///< guards what follows up to the counters
  std::condition_variable closed_changed;
  nats_handle<natsConnection> connections[lanes];
  int opened = 0, closed = 0;
  bool given_up = false, shutting_down = false;
  std::string last_error;
  std::atomic<std::uint64_t> reconnects{0}, disconnects{0}, errors{0};

  natsConnection* connection(lane which) const { return connections[static_cast<std::size_t>(which)].get(); }

  nats_status status() const {
    nats_status out;
    const std::lock_guard lock(mutex);
    out.closed = given_up;
    out.connected = opened == lanes;
    for (const auto& c : connections)
      out.connected = out.connected && c && natsConnection_Status(c.get()) == NATS_CONN_STATUS_CONNECTED;
    if (!out.connected)
      out.what = last_error.empty() ? "not connected" : last_error;
    return out;
  }

  void note_error(natsConnection* nc) {
    const char* text = nullptr;
    if (nc != nullptr && natsConnection_GetLastError(nc, &text) != NATS_OK && text != nullptr && *text != '\0') {
      const std::lock_guard lock(mutex);
      last_error = text;
    }
  }

  // Callbacks, on a thread of libnats.
  static void on_connected(natsConnection*, void* closure) { static_cast<core*>(closure)->tell(); }
  static void on_reconnected(natsConnection*, void* closure) {
    auto* self = static_cast<core*>(closure);
    ++self->reconnects;
    self->tell();
  }
  static void on_disconnected(natsConnection* nc, void* closure) {
    auto* self = static_cast<core*>(closure);
    ++self->disconnects;
    self->note_error(nc);
    self->tell();
  }
  static void on_closed(natsConnection* nc, void* closure) {
    auto* self = static_cast<core*>(closure);
    self->note_error(nc);
    bool by_us = false;
    {
      const std::lock_guard lock(self->mutex);
      by_us = self->shutting_down;
      self->given_up = !by_us;
    }
    if (!by_us)
      self->tell();
    const std::lock_guard lock(self->mutex);
    ++self->closed;
    self->closed_changed.notify_all();
  }
  static void on_error(natsConnection*, natsSubscription*, natsStatus status, void* closure) {
    auto* self = static_cast<core*>(closure);
    ++self->errors;
    const std::lock_guard lock(self->mutex);
    self->last_error = natsStatus_GetText(status);
  }
  static std::int64_t reconnect_delay(natsConnection*, int attempt, void* closure) {
    const auto* self = static_cast<const core*>(closure);
    const auto spread = hash64(self->wanted.name + std::to_string(attempt)) % 1000;
    return reconnect_wait(self->wanted, attempt, static_cast<double>(spread) / 1000.0).count();
  }

  /// Read and told under one lock: of two changes at once nobody hears the older one last.
  void tell() {
    const std::lock_guard lock(watchers->mutex);
    const auto now = status();
    for (const auto& [id, who] : watchers->actors)
      caf::anon_send(who, now);
  }
  natsStatus configure(natsOptions* o, lane which);
  outcome connect(lane which);
};

natsStatus nats_link::core::configure(natsOptions* o, lane which) {
  std::vector<const char*> urls;
  for (const auto& url : wanted.urls)
    urls.push_back(url.c_str());
  const auto name = wanted.name + (which == lane::bulk ? " bulk" : " prompt");
  const std::array<natsStatus, 14> all{
      natsOptions_SetServers(o, urls.data(), static_cast<int>(urls.size())),
      natsOptions_SetName(o, name.c_str()),
      natsOptions_SetTimeout(o, wanted.connect_timeout.count()),
      natsOptions_SetAllowReconnect(o, true),
      natsOptions_SetMaxReconnect(o, -1),
      natsOptions_SetCustomReconnectDelay(o, reconnect_delay, this),
      natsOptions_SetRetryOnFailedConnect(o, true, on_connected, this),
      natsOptions_SetReconnectedCB(o, on_reconnected, this),
      natsOptions_SetDisconnectedCB(o, on_disconnected, this),
      natsOptions_SetClosedCB(o, on_closed, this),
      natsOptions_SetErrorHandler(o, on_error, this),
      natsOptions_SetPingInterval(o, 5000),
      natsOptions_SetWriteDeadline(o, 2000),
      natsOptions_SetSendAsap(o, which == lane::prompt),
  };
  for (const auto s : all)
    if (s != NATS_OK)
      return s;
  return identify(o, wanted);
}

outcome nats_link::core::connect(lane which) {
  const auto at = static_cast<std::size_t>(which);
  natsOptions* o = nullptr;
  if (auto s = natsOptions_Create(&o); s != NATS_OK)
    return nats_failure(s, "NATS options");
  options[at].reset(o);
  if (auto s = configure(o, which); s != NATS_OK)
    return nats_failure(s, "NATS options");
  natsConnection* nc = nullptr;
  const auto s = natsConnection_Connect(&nc, o);
  if (s != NATS_OK && s != NATS_NOT_YET_CONNECTED)
    return nats_failure(s, "connecting to NATS");
  const std::lock_guard lock(mutex);
  connections[at].reset(nc);
  ++opened;
  return done{};
}

result<std::shared_ptr<nats_link>> nats_link::open(const nats_options& options) {
  if (auto fine = validate(options); !fine)
    return fine.error();
  auto shared = std::make_shared<core>();
  shared->wanted = options;
  std::shared_ptr<nats_link> link(new nats_link(shared));
  for (const auto which : {lane::bulk, lane::prompt})
    if (auto connected = shared->connect(which); !connected)
      return connected.error();
  shared->tell();
  return link;
}

// The closed callback is the last that libnats makes for a connection. Should it not come in time, the core stays
// behind.
nats_link::~nats_link() {
  nats_handle<natsConnection> closing[lanes];
  {
    const std::lock_guard lock(core_->mutex);
    core_->shutting_down = true;
    for (int i = 0; i < lanes; ++i)
      closing[i] = std::move(core_->connections[i]);
  }
  for (auto& connection : closing)
    connection.reset();
  std::unique_lock lock(core_->mutex);
  if (!core_->closed_changed.wait_for(lock, std::chrono::seconds(2), [&] { return core_->closed >= core_->opened; }))
    static_cast<void>(new std::shared_ptr<core>(core_));
}

bool nats_link::connected() const {
  return core_->status().connected;
}

bool nats_link::connected(lane which) const {
  auto* nc = core_->connection(which);
  return nc != nullptr && natsConnection_Status(nc) == NATS_CONN_STATUS_CONNECTED;
}

std::size_t nats_link::max_payload() const {
  auto* nc = core_->connection(lane::bulk);
  const auto bytes = nc == nullptr ? 0 : natsConnection_GetMaxPayload(nc);
  return bytes > 0 ? static_cast<std::size_t>(bytes) : default_max_payload;
}

std::uint64_t nats_link::reconnects() const {
  return core_->reconnects;
}

nats_link_stats nats_link::stats() const {
  nats_link_stats out;
  const auto status = core_->status();
  out.connected = status.connected;
  out.last_error = status.what;
  out.reconnects = core_->reconnects;
  out.disconnects = core_->disconnects;
  out.errors = core_->errors;
  for (const auto& nc : core_->connections) {
    natsStatistics* raw = nullptr;
    if (!nc || natsStatistics_Create(&raw) != NATS_OK)
      continue;
    const nats_handle<natsStatistics> counts(raw);
    std::uint64_t in = 0, in_bytes = 0, sent = 0, sent_bytes = 0, again = 0;
    if (natsConnection_GetStats(nc.get(), raw) != NATS_OK ||
        natsStatistics_GetCounts(raw, &in, &in_bytes, &sent, &sent_bytes, &again) != NATS_OK)
      continue;
    out.received_messages += in;
    out.received_bytes += in_bytes;
    out.published_messages += sent;
    out.published_bytes += sent_bytes;
  }
  return out;
}

outcome nats_link::publish(lane which, const std::string& subject, const std::string& reply, std::string_view payload,
                           header_list headers) {
  auto* nc = core_->connection(which);
  if (!connected(which))
    return failure{ec::unavailable, "NATS is not connected"};
  if (payload.size() > max_payload())
    return failure{ec::too_large, "a message of " + std::to_string(payload.size()) + " bytes"};
  const auto size = static_cast<int>(payload.size());
  natsStatus s = NATS_OK;
  if (headers.size() == 0) {
    s = reply.empty() ? natsConnection_Publish(nc, subject.c_str(), payload.data(), size)
                      : natsConnection_PublishRequest(nc, subject.c_str(), reply.c_str(), payload.data(), size);
  } else {
    natsMsg* raw = nullptr;
    s = natsMsg_Create(&raw, subject.c_str(), reply.empty() ? nullptr : reply.c_str(), payload.data(), size);
    const nats_handle<natsMsg> message(raw);
    for (const auto& [key, value] : headers)
      if (s == NATS_OK && !value.empty())
        s = natsMsgHeader_Set(raw, key, value.c_str());
    if (s == NATS_OK)
      s = natsConnection_PublishMsg(nc, raw);
  }
  if (s != NATS_OK)
    return nats_failure(s, "publishing to NATS");
  return done{};
}

nats_watch nats_link::watch(caf::actor who) {
  nats_watch out;
  out.watchers_ = core_->watchers;
  out.id_ = next_link_id();
  const std::lock_guard lock(core_->watchers->mutex);
  core_->watchers->actors.emplace(out.id_, who);
  caf::anon_send(who, core_->status());
  return out;
}

// ---- Subscriptions

/// Where messages go. libnats holds a share until its delivery thread has ended; the actor is let go of with the
/// subscription.
struct nats_subscription::target {
  std::mutex mutex;
  caf::actor to;
  std::uint64_t id = 0;
  std::string inbox_prefix; ///< without the "*", empty when it is no inbox

  static void on_message(natsConnection*, natsSubscription*, natsMsg* raw, void* closure) {
    const nats_handle<natsMsg> message(raw);
    auto& self = **static_cast<std::shared_ptr<target>*>(closure);
    auto delivery = self.read(raw);
    const std::lock_guard lock(self.mutex);
    if (self.to)
      caf::anon_send(self.to, std::move(delivery));
  }
  static void on_complete(void* closure) { delete static_cast<std::shared_ptr<target>*>(closure); }

  nats_delivery read(natsMsg* message) const {
    nats_delivery out;
    out.subscription = id;
    out.subject = natsMsg_GetSubject(message);
    if (const char* reply = natsMsg_GetReply(message))
      out.reply = reply;
    const auto size = natsMsg_GetDataLength(message);
    if (size > 0)
      out.payload.assign(natsMsg_GetData(message), static_cast<std::size_t>(size));
    else
      read_status(message, out);
    if (!inbox_prefix.empty() && out.subject.rfind(inbox_prefix, 0) == 0)
      out.token = std::strtoull(out.subject.c_str() + inbox_prefix.size(), nullptr, 10);
    return out;
  }

  static void read_status(natsMsg* message, nats_delivery& out) {
    const char* text = nullptr;
    if (natsMsgHeader_Get(message, "Status", &text) == NATS_OK && text != nullptr)
      out.status = std::atoi(text);
    if (natsMsgHeader_Get(message, "Description", &text) == NATS_OK && text != nullptr)
      out.status_text = text;
  }
};

nats_subscription::nats_subscription(nats_subscription&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), target_(std::move(other.target_)), id_(other.id_) {}

nats_subscription& nats_subscription::operator=(nats_subscription&& other) noexcept {
  if (this != &other) {
    close();
    handle_ = std::exchange(other.handle_, nullptr);
    target_ = std::move(other.target_);
    id_ = other.id_;
  }
  return *this;
}

nats_subscription::~nats_subscription() {
  close();
}

void nats_subscription::close() {
  if (handle_ == nullptr)
    return;
  {
    const std::lock_guard lock(target_->mutex);
    target_->to = nullptr;
  }
  natsSubscription_Destroy(static_cast<natsSubscription*>(std::exchange(handle_, nullptr)));
}

result<nats_subscription> nats_link::subscribe(lane which, const std::string& subject, caf::actor to,
                                               const std::string& queue_group) {
  auto* nc = core_->connection(which);
  if (nc == nullptr)
    return failure{ec::unavailable, "NATS is closed"};
  nats_subscription out;
  out.id_ = next_link_id();
  out.target_ = std::make_shared<nats_subscription::target>();
  out.target_->to = std::move(to);
  out.target_->id = out.id_;
  if (subject.rfind("_INBOX.", 0) == 0)
    out.target_->inbox_prefix = subject.substr(0, subject.size() - 1);
  auto closure = std::make_unique<std::shared_ptr<nats_subscription::target>>(out.target_);
  natsSubscription* raw = nullptr;
  const auto on_message = nats_subscription::target::on_message;
  const auto s = queue_group.empty() ? natsConnection_Subscribe(&raw, nc, subject.c_str(), on_message, closure.get())
                                     : natsConnection_QueueSubscribe(&raw, nc, subject.c_str(), queue_group.c_str(),
                                                                     on_message, closure.get());
  if (s != NATS_OK)
    return nats_failure(s, "subscribing to " + subject);
  out.handle_ = raw;
  // What is outstanding is bounded by the subscriber (credit, requests in flight), not by libnats, which would drop.
  natsSubscription_SetPendingLimits(raw, -1, -1);
  if (natsSubscription_SetOnCompleteCB(raw, nats_subscription::target::on_complete, closure.get()) == NATS_OK)
    static_cast<void>(closure.release());
  else
    return failure{ec::unavailable, "NATS is closed"};
  return out;
}

// ---- Inbox

result<nats_inbox> nats_inbox::open(nats_link_ptr link, lane which, caf::actor owner) {
  natsInbox* raw = nullptr;
  if (auto s = natsInbox_Create(&raw); s != NATS_OK)
    return nats_failure(s, "making an inbox");
  const nats_handle<natsInbox> unique(raw);
  nats_inbox out;
  out.prefix_ = std::string(raw) + ".";
  auto subscription = link->subscribe(which, out.prefix_ + "*", std::move(owner));
  if (!subscription)
    return subscription.error();
  out.subscription_ = std::move(*subscription);
  out.link_ = std::move(link);
  out.lane_ = which;
  return out;
}

outcome nats_inbox::request(std::uint64_t token, const std::string& subject, std::string_view payload,
                            header_list headers) {
  return request(lane_, token, subject, payload, headers);
}

outcome nats_inbox::request(lane by, std::uint64_t token, const std::string& subject, std::string_view payload,
                            header_list headers) {
  const bool known = known_since_ == link_->reconnects() + 1 && link_->connected(lane_);
  return link_->publish(known ? by : lane_, subject, reply_subject(token), payload, headers);
}

} // namespace soc::transport
