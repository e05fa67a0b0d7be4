// sources/s3/s3_notification.hpp - what a bucket says of objects made in it: S3 event notifications as queues deliver
// them, bare, inside an SNS message, or as an EventBridge event. Pure.
#pragma once
#include "base/result.hpp"
#include "connectors/sources/s3/s3_progress.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace soc::sources {

struct s3_notice {
  std::string bucket;
  s3_object object;
};

/// The objects a message names as made; none for others (a test, a deletion). A failure when it is no notification.
result<std::vector<s3_notice>> read_notification(std::string_view text);

} // namespace soc::sources
