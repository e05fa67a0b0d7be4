// sources/s3/sqs_queue.hpp - messages of an Amazon SQS queue over its JSON protocol
// (docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference): received for a while, deleted when done with.
// Belongs to one thread, stop() to any.
#pragma once
#include "base/time.hpp"
#include "connectors/sources/common/http_client.hpp"
#include "connectors/sources/common/request_signing.hpp"

#include <memory>
#include <string>
#include <vector>

namespace soc::sources {

struct sqs_message {
  std::string receipt, body;
};

class sqs_queue {
public:
  /// `url`: https://sqs.REGION.amazonaws.com/ACCOUNT/NAME; requests go to its host.
  sqs_queue(std::string url, std::string region, std::string tls_ca, std::shared_ptr<const clock_source> clock);

  void use_key(signing_key key) { key_ = std::move(key); }
  /// Up to ten, waited for; nobody else gets them for `hidden`.
  result<std::vector<sqs_message>> receive(std::chrono::seconds wait, std::chrono::seconds hidden);
  outcome remove(const std::string& receipt);
  /// From now on nobody else gets it for `hidden`.
  outcome hide(const std::string& receipt, std::chrono::seconds hidden);
  void stop() { client_.stop(); }

private:
  result<std::string> call(const std::string& action, std::string body);

  std::string url_, base_, region_;
  std::shared_ptr<const clock_source> clock_;
  http_client client_;
  signing_key key_;
};

} // namespace soc::sources
