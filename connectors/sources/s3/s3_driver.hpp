// sources/s3/s3_driver.hpp - the s3 source: lists a bucket's prefixes, reads what is new object by object, goes on in
// the middle of one after a restart or a broken transfer. At least once: an object counts as read when all of its
// records are durable. The fetching thread owns an s3_fetcher.
#pragma once
#include "base/time.hpp"
#include "connectors/sources/common/credentials.hpp"
#include "connectors/sources/common/fetching_driver.hpp"
#include "connectors/sources/common/request_signing.hpp"
#include "connectors/sources/s3/s3_options.hpp"
#include "connectors/sources/s3/s3_progress.hpp"

#include <memory>

namespace soc::sources {

class s3_fetcher {
public:
  s3_fetcher(s3_options options, std::shared_ptr<const model::connector_context> context, source_counts_ptr counts,
             std::shared_ptr<const clock_source> clock);

  /// Reads the secrets.
  outcome prepare();
  /// The thread's work: until the session says stop.
  void run(fetch_session& session, const std::string& place);
  void interrupt() { client_.stop(); }

private:
  enum class step { done, failed, stopped };
  step sweep(fetch_session& session);
  step sweep_prefix(fetch_session& session, const std::string& prefix, bool any_order);
  result<s3_listing> list(const std::string& prefix, const std::string& after, const std::string& token);
  step read_object(fetch_session& session, const std::string& prefix, const s3_object& object, bool any_order);
  step transfer(const s3_object& object, std::uint64_t& got, class s3_reader& reader, bool& complete);
  fetch_request request(const std::string& key, const query_list& query,
                        std::vector<std::pair<std::string, std::string>> headers = {});
  void complain(const std::string& what);

  s3_options options_;
  std::shared_ptr<const model::connector_context> context_;
  source_counts_ptr counts_;
  std::shared_ptr<const clock_source> clock_;
  http_client client_;
  signing_key key_;
  s3_progress progress_;
  std::string complaint_; ///< the last one: said once
};

/// The driver around it.
std::unique_ptr<source_driver> make_s3_driver(s3_options options,
                                              std::shared_ptr<const model::connector_context> context,
                                              source_counts_ptr counts, std::shared_ptr<const clock_source> clock);

} // namespace soc::sources
