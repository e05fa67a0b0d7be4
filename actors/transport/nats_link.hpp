// transport/nats_link.hpp - a node's two connections to NATS: `bulk` for publishing and pulling, `prompt` (SendAsap)
// for requests and journals. Opened once by the node, shared by the transport actors, closed when the node drops it -
// after its actors have ended and before their actor system. Reconnects for ever. Callbacks of libnats threads only
// send messages to actors.
#pragma once
#include "base/result.hpp"
#include "transport/nats_options.hpp"

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace soc::transport {

enum class lane : std::uint8_t { bulk = 0, prompt = 1 };

/// Sent to watchers at once and on every change.
struct nats_status {
  bool connected = false; ///< both lanes are up
  bool closed = false;    ///< libnats gave up (authorization): the node must open a new link
  std::string what;       ///< why not, empty when connected
};

/// A message that came in on a subscription.
struct nats_delivery {
  std::uint64_t subscription = 0; ///< nats_subscription::id
  std::uint64_t token = 0;        ///< last token of the subject if it came to our inbox, else 0
  int status = 0;                 ///< JetStream status of a message without data: 100, 404, 408, 409, 503
  std::string subject, reply, payload;
  std::string status_text;
};

/// A subscription; ends with it. Its messages go to one actor.
class nats_subscription {
public:
  nats_subscription() = default;
  nats_subscription(nats_subscription&& other) noexcept;
  nats_subscription& operator=(nats_subscription&& other) noexcept;
  ~nats_subscription();
  std::uint64_t id() const { return id_; }
  explicit operator bool() const { return handle_ != nullptr; }

private:
  friend class nats_link;
  struct target;
  void close();
  void* handle_ = nullptr; ///< natsSubscription
  std::shared_ptr<target> target_;
  std::uint64_t id_ = 0;
};

/// Keeps an actor among the watchers of a link.
class nats_watch {
public:
  nats_watch() = default;
  nats_watch(nats_watch&& other) noexcept;
  nats_watch& operator=(nats_watch&& other) noexcept;
  ~nats_watch();

private:
  friend class nats_link;
  struct watchers;
  void close();
  std::shared_ptr<watchers> watchers_;
  std::uint64_t id_ = 0;
};

struct nats_link_stats {
  bool connected = false;
  std::uint64_t reconnects = 0, disconnects = 0, errors = 0;
  std::uint64_t published_messages = 0, published_bytes = 0, received_messages = 0, received_bytes = 0;
  std::string last_error;
};

using header_list = std::initializer_list<std::pair<const char*, const std::string&>>;

class nats_link {
public:
  /// Checks the options and starts to connect; returns before there is a connection. Fails for options that cannot
  /// work.
  static result<std::shared_ptr<nats_link>> open(const nats_options& options);
  ~nats_link();
  nats_link(const nats_link&) = delete;
  nats_link& operator=(const nats_link&) = delete;

  bool connected() const;
  bool connected(lane which) const;
  /// Largest payload the server takes; 1 MiB until connected.
  std::size_t max_payload() const;
  nats_link_stats stats() const;
  /// Of either lane.
  std::uint64_t reconnects() const;

  /// Hands bytes to the connection. unavailable when it is not connected (nothing was sent), too_large over
  /// max_payload.
  outcome publish(lane which, const std::string& subject, const std::string& reply, std::string_view payload,
                  header_list headers = {});
  /// Messages on `subject` go to `to` as nats_delivery. A subscription made while away takes effect on connecting.
  result<nats_subscription> subscribe(lane which, const std::string& subject, caf::actor to,
                                      const std::string& queue_group = {});
  /// `who` hears nats_status now and on changes.
  nats_watch watch(caf::actor who);

private:
  struct core;
  explicit nats_link(std::shared_ptr<core> shared) : core_(std::move(shared)) {}
  std::shared_ptr<core> core_;
};

using nats_link_ptr = std::shared_ptr<nats_link>;

/// An inbox of an actor: requests go out with a reply subject that ends in a token; answers come back as nats_delivery
/// with it.
class nats_inbox {
public:
  static result<nats_inbox> open(nats_link_ptr link, lane which, caf::actor owner);
  /// Time-outs are the owner's: unanswered tokens are simply never heard of again.
  outcome request(std::uint64_t token, const std::string& subject, std::string_view payload, header_list headers = {});
  /// Out by another lane; answers come back by the inbox's own. Until the first one has come (see heard) the request
  /// takes that lane, too: the server may read two connections in any order, and an answer to an inbox it doesn't know
  /// yet is lost.
  outcome request(lane by, std::uint64_t token, const std::string& subject, std::string_view payload,
                  header_list headers);
  std::string reply_subject(std::uint64_t token) const { return prefix_ + std::to_string(token); }
  /// Unique within the process, so also among the incarnations of an actor.
  std::uint64_t id() const { return subscription_.id(); }
  bool owns(const nats_delivery& d) const { return d.subscription == subscription_.id(); }
  /// An answer has come: the server knows the inbox, until the connection is made again.
  void heard() { known_since_ = link_->reconnects() + 1; }

private:
  nats_link_ptr link_;
  lane lane_ = lane::prompt;
  std::string prefix_;            ///< "_INBOX.<unique>."
  std::uint64_t known_since_ = 0; ///< the link's reconnects then, and one
  nats_subscription subscription_;
};

} // namespace soc::transport

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::nats_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::nats_delivery)
