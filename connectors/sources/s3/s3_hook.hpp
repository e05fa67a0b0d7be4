// sources/s3/s3_hook.hpp - where a bucket's webhook (MinIO, Swift, a function of a cloud) says that there is something
// new: whatever it posts, the bucket is listed at once; nothing of it is believed. One thread, owned by the s3 source.
#pragma once
#include "base/time.hpp"
#include "connectors/sources/http/http_server.hpp"
#include "connectors/sources/s3/s3_options.hpp"

#include <functional>
#include <memory>

namespace soc::sources {

class s3_hook {
public:
  /// `nudge` is called on the hook's own thread.
  static result<std::unique_ptr<s3_hook>> open(const s3_options& options, std::function<void()> nudge,
                                               std::shared_ptr<const clock_source> clock);
  void close() { server_->stop(); }

private:
  s3_hook() = default;
  std::unique_ptr<http_server> server_;
};

} // namespace soc::sources
