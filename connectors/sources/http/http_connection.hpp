// sources/http/http_connection.hpp - HTTP/1.1 on one connection: Beast parses, one request at a time is answered, what
// can't be taken is refused before its body is kept. Lives on the listener's thread.
#pragma once
#include "connectors/sources/common/stream_listener.hpp"
#include "connectors/sources/http/push_request.hpp"

#include <memory>
#include <string>

namespace soc::sources {

/// What a connection needs of its server.
class http_exchange {
public:
  virtual ~http_exchange() = default;
  /// Status 200 and no body = read the body.
  virtual http_response admit(const http_request& head) = 0;
  /// Room for `bytes` of body; false = busy.
  virtual bool reserve(std::size_t bytes) = 0;
  virtual void release(std::size_t bytes) = 0;
  /// The whole request; the answer comes by respond(), now or later.
  virtual void handle(int connection, http_request request) = 0;
  /// Busy in the words of the request's protocol.
  virtual http_response busy(const http_request& head) = 0;
};

struct http_limits {
  std::size_t max_body_bytes = 16U << 20;
  std::chrono::nanoseconds request_timeout{std::chrono::seconds{30}};
};

class http_connection final : public stream_protocol {
public:
  http_connection(http_exchange& exchange, http_limits limits, std::string peer, int number);
  ~http_connection() override;

  bool feed(std::string_view bytes, unix_ns now) override;
  void finish(unix_ns) override {}
  std::string take_replies() override { return std::exchange(output_, {}); }
  bool wants_close() const override { return closing_; }
  bool overdue(unix_ns now) const override;

  /// The answer to the request that was handed over.
  void respond(const http_response& response, unix_ns now);

private:
  struct parsing;
  bool parse(unix_ns now);
  bool take_head();
  void fail(int error_status, std::string_view what);
  void begin_request();
  void write(const http_response& response, bool keep_alive);
  void refuse_body(const http_response& response);

  http_exchange& exchange_;
  http_limits limits_;
  std::string peer_;
  int number_;
  std::unique_ptr<parsing> parsing_;
  std::string input_, output_;
  std::uint64_t discard_ = 0; ///< bytes of a refused body still to come
  std::size_t reserved_ = 0;
  unix_ns request_begun_at_ = 0; ///< 0 = between requests
  bool answering_ = false, closing_ = false, parsing_now_ = false;
};

} // namespace soc::sources
