#include "connectors/sources/http/http_connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/optional.hpp>

#include <algorithm>

namespace soc::sources {

namespace {

namespace beast_http = boost::beast::http;

constexpr std::uint32_t max_head_bytes = 16U << 10;
/// A client that sends the next request before the answer may be so far ahead.
constexpr std::size_t max_ahead_bytes = 64U << 10;

std::string header_text(boost::beast::string_view value) {
  return {value.data(), value.size()};
}

std::string_view reason_of(int status) {
  const auto text = beast_http::obsolete_reason(static_cast<beast_http::status>(status));
  return {text.data(), text.size()};
}

} // namespace

struct http_connection::parsing {
  boost::optional<beast_http::request_parser<beast_http::string_body>> parser;
  http_request head;
  bool head_taken = false;
  bool keep_alive = true;
};

http_connection::http_connection(http_exchange& exchange, http_limits limits, std::string peer, int number)
    : exchange_(exchange), limits_(limits), peer_(std::move(peer)), number_(number),
      parsing_(std::make_unique<parsing>()) {
  begin_request();
}

http_connection::~http_connection() {
  exchange_.release(reserved_);
}

void http_connection::begin_request() {
  parsing_->parser.emplace();
  parsing_->parser->header_limit(max_head_bytes);
  parsing_->parser->body_limit(limits_.max_body_bytes);
  parsing_->head = {};
  parsing_->head_taken = false;
  exchange_.release(std::exchange(reserved_, 0));
  request_begun_at_ = 0;
}

bool http_connection::overdue(unix_ns now) const {
  return request_begun_at_ > 0 && !answering_ && now - request_begun_at_ > limits_.request_timeout.count();
}

bool http_connection::feed(std::string_view bytes, unix_ns now) {
  if (closing_)
    return true;
  const auto discarded = static_cast<std::size_t>(std::min<std::uint64_t>(discard_, bytes.size()));
  discard_ -= discarded;
  input_.append(bytes.substr(discarded));
  if (answering_)
    return input_.size() <= max_ahead_bytes;
  return parse(now);
}

bool http_connection::parse(unix_ns now) {
  auto& p = *parsing_;
  parsing_now_ = true;
  const auto over = [this](void*) { parsing_now_ = false; };
  const std::unique_ptr<void, decltype(over)> guard(this, over);
  while (!closing_ && !answering_ && discard_ == 0 && !input_.empty()) {
    if (request_begun_at_ == 0)
      request_begun_at_ = now;
    boost::system::error_code error;
    const auto used = p.parser->put(boost::asio::buffer(input_), error);
    input_.erase(0, used);
    if (error && error != beast_http::error::need_more) {
      const bool large = error == beast_http::error::body_limit;
      fail(large ? 413 : error == beast_http::error::header_limit ? 431 : 400, error.message());
      return true;
    }
    if (p.parser->is_header_done() && !p.head_taken && !take_head())
      continue;
    const auto body = p.head_taken ? p.parser->get().body().size() : 0;
    if (body > reserved_) { // chunked: the length is not known before
      if (!exchange_.reserve(body - reserved_)) {
        write(exchange_.busy(p.head), false);
        return true;
      }
      reserved_ = body;
    }
    if (p.parser->is_done()) {
      p.head.body = std::move(p.parser->get().body());
      answering_ = true;
      exchange_.handle(number_, std::move(p.head));
    } else if (used == 0) {
      break;
    }
  }
  return true;
}

/// False: the request was refused and what follows on the connection is dealt with.
bool http_connection::take_head() {
  auto& p = *parsing_;
  auto& request = p.parser->get();
  p.head_taken = true;
  p.keep_alive = request.keep_alive();
  p.head.method = header_text(request.method_string());
  p.head.target = header_text(request.target());
  p.head.authorization = header_text(request[beast_http::field::authorization]);
  p.head.content_encoding = header_text(request[beast_http::field::content_encoding]);
  p.head.content_type = header_text(request[beast_http::field::content_type]);
  p.head.idempotency_key = header_text(request["Idempotency-Key"]).substr(0, 256);
  p.head.peer = peer_;
  const auto refused = exchange_.admit(p.head);
  if (refused.status != 200 || !refused.body.empty()) {
    refuse_body(refused);
    return false;
  }
  const auto length = static_cast<std::size_t>(p.parser->content_length().value_or(0));
  if (!exchange_.reserve(length)) {
    refuse_body(exchange_.busy(p.head));
    return false;
  }
  reserved_ = length;
  if (boost::beast::iequals(request[beast_http::field::expect], "100-continue"))
    output_ += "HTTP/1.1 100 Continue\r\n\r\n";
  p.parser->eager(true);
  return true;
}

// A body of known length is passed over, so that the connection can be used on and the client gets to read the answer.
void http_connection::refuse_body(const http_response& response) {
  auto& p = *parsing_;
  const bool chunked = p.parser->chunked();
  const auto length = p.parser->content_length().value_or(0);
  discard_ = chunked ? 0 : length;
  const auto here = static_cast<std::size_t>(std::min<std::uint64_t>(discard_, input_.size()));
  input_.erase(0, here);
  discard_ -= here;
  write(response, p.keep_alive && !chunked);
  begin_request();
}

void http_connection::fail(int error_status, std::string_view what) {
  write(error_response(push_kind::plain, error_status, what, 0), false);
}

void http_connection::respond(const http_response& response, unix_ns now) {
  if (!answering_)
    return;
  answering_ = false;
  write(response, parsing_->keep_alive);
  begin_request();
  if (!closing_ && !parsing_now_) // else the loop that handed the request over goes on by itself
    parse(now);
}

void http_connection::write(const http_response& response, bool keep_alive) {
  output_ += "HTTP/1.1 " + std::to_string(response.status) + " ";
  output_ += reason_of(response.status);
  output_ += "\r\nContent-Type: " + response.content_type;
  output_ += "\r\nContent-Length: " + std::to_string(response.body.size());
  if (response.retry_after_s > 0)
    output_ += "\r\nRetry-After: " + std::to_string(response.retry_after_s);
  if (response.status == 401)
    output_ += "\r\nWWW-Authenticate: Bearer";
  output_ += keep_alive ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n";
  output_ += response.body;
  closing_ = closing_ || !keep_alive;
}

} // namespace soc::sources
