// sources/api/api_driver.hpp - the api source: polls an HTTP API as its options say: signs, pages, waits as the server
// asks. At least once: a poll's cursor is stored when its records are durable; what comes twice is known by its id. The
// fetching thread owns an api_fetcher.
#pragma once
#include "base/time.hpp"
#include "connectors/sources/api/api_poll.hpp"
#include "connectors/sources/common/batch_builder.hpp"
#include "connectors/sources/common/fetching_driver.hpp"

#include <memory>
#include <random>

namespace soc::sources {

/// Hands on the records of an answer. `place` knows all of them already: it goes with the last batch, so that a kill
/// before it is durable brings them again. False once the source is to stop.
bool hand_on_page(fetch_session& session, batch_builder builder, const std::vector<std::string_view>& records,
                  const std::string& place, unix_ns now);

class api_fetcher {
public:
  api_fetcher(api_options options, std::shared_ptr<const model::connector_context> context, source_counts_ptr counts,
              std::shared_ptr<const clock_source> clock);

  /// Reads the secrets.
  outcome prepare();
  void run(fetch_session& session, const std::string& place);
  void interrupt() { client_.stop(); }

private:
  enum class step { done, failed, stopped };
  step poll(fetch_session& session);
  step page(fetch_session& session, api_poll& poll);
  step details(fetch_session& session, api_poll& poll, const std::vector<std::string_view>& names);
  /// A call with its retries; the answer of a 2xx.
  result<fetch_response> ask(fetch_session& session, const api_call& call, const place_values& values,
                             const std::string& link);
  result<fetch_request> request_of(const api_call& call, place_values values, const std::string& link);
  outcome authorize(fetch_request& request, const std::string& base, const std::string& path, text_pairs& query,
                    place_values& values);
  result<std::string> access_token(const place_values& values);
  bool keep_rate(fetch_session& session);
  bool hand_on(fetch_session& session, const std::vector<std::string_view>& records);
  std::string nonce();
  void complain(const std::string& what);

  api_options options_;
  std::shared_ptr<const model::connector_context> context_;
  source_counts_ptr counts_;
  std::shared_ptr<const clock_source> clock_;
  http_client client_;
  std::string secret_, id_;
  std::string token_;
  unix_ns token_until_ = 0, next_request_ = 0;
  api_memory memory_;
  std::random_device random_;
  std::string complaint_;
};

std::unique_ptr<source_driver> make_api_driver(api_options options,
                                               std::shared_ptr<const model::connector_context> context,
                                               source_counts_ptr counts, std::shared_ptr<const clock_source> clock);

} // namespace soc::sources
