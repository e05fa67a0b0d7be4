// sources/s3/s3_driver.hpp - the s3 source: lists a bucket's prefixes, or waits for the messages of a queue, reads what
// is new object by object, goes on in the middle of one after a broken transfer and, where it lists, after a restart.
// At least once: an object counts as read when all of its records are durable. The fetching thread owns an s3_fetcher.
#pragma once
#include "base/time.hpp"
#include "connectors/sources/common/credentials.hpp"
#include "connectors/sources/common/fetching_driver.hpp"
#include "connectors/sources/common/request_signing.hpp"
#include "connectors/sources/s3/s3_hook.hpp"
#include "connectors/sources/s3/s3_notification.hpp"
#include "connectors/sources/s3/s3_options.hpp"
#include "connectors/sources/s3/s3_progress.hpp"
#include "connectors/sources/s3/sqs_queue.hpp"

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <set>

namespace soc::sources {

class s3_fetcher {
public:
  s3_fetcher(s3_options options, std::shared_ptr<const model::connector_context> context, source_counts_ptr counts,
             std::shared_ptr<const clock_source> clock);

  /// Reads the secrets, opens the webhook.
  outcome prepare();
  /// The thread's work: until the session says stop.
  void run(fetch_session& session, const std::string& place);
  void interrupt() {
    client_.stop();
    if (queue_)
      queue_->stop();
    if (hook_)
      hook_->close();
  }

private:
  enum class step { done, failed, gone, stopped };
  bool wait_for_more(fetch_session& session);
  step sweep(fetch_session& session);
  step sweep_prefix(fetch_session& session, const std::string& prefix, bool any_order);
  result<s3_listing> list(const std::string& prefix, const std::string& after, const std::string& token);
  step read_listed(fetch_session& session, const std::string& prefix, const s3_object& object, bool any_order);
  /// Hands the object's records to `out`, those after `skip`. Done also when the rest of it can never be read.
  step read_object(fetch_session& session, const s3_object& object, std::uint64_t skip,
                   const std::function<bool(model::raw_batch_ptr, std::uint64_t records)>& out);
  step transfer(const s3_object& object, std::uint64_t& got, class s3_reader& reader, bool& complete);
  fetch_request request(const std::string& key, const query_list& query,
                        std::vector<std::pair<std::string, std::string>> headers = {});
  void complain(const std::string& what);

  // -- s3_queued.cpp: objects named by a queue's messages
  struct open_message;
  void run_queue(fetch_session& session);
  step read_messages(fetch_session& session);
  step read_notified(fetch_session& session, open_message& message, const s3_object& object);
  bool take(sqs_message message, std::vector<s3_object>& objects);
  bool is_wanted(const s3_notice& notice) const;
  void settle_messages();
  void keep_hidden();
  void remember(std::uint64_t mark);

  s3_options options_;
  std::shared_ptr<const model::connector_context> context_;
  source_counts_ptr counts_;
  std::shared_ptr<const clock_source> clock_;
  http_client client_;
  signing_key key_;
  s3_progress progress_;
  std::string complaint_; ///< the last one: said once
  std::unique_ptr<s3_hook> hook_;
  std::atomic<bool> nudged_{false};

  /// A message whose records are not all durable yet: it is deleted then, and comes again when the node dies before.
  struct open_message {
    std::string receipt;
    unix_ns hidden_at = 0;
    bool read = false;
    std::shared_ptr<std::atomic<std::int64_t>> unsettled; ///< batches
    std::vector<std::uint64_t> marks;                     ///< of its objects
  };
  std::optional<sqs_queue> queue_;
  std::deque<open_message> open_;
  std::set<std::uint64_t> known_; ///< objects whose records are durable, the last of them: messages may come twice
  std::deque<std::uint64_t> known_order_;
};

/// The driver around it.
std::unique_ptr<source_driver> make_s3_driver(s3_options options,
                                              std::shared_ptr<const model::connector_context> context,
                                              source_counts_ptr counts, std::shared_ptr<const clock_source> clock);

} // namespace soc::sources
