#include "connectors/sources/s3/s3_hook.hpp"

namespace soc::sources {

namespace {
constexpr std::size_t most_notice_bytes = 1U << 20, most_hook_connections = 64;
}

result<std::unique_ptr<s3_hook>> s3_hook::open(const s3_options& options, std::function<void()> nudge,
                                               std::shared_ptr<const clock_source> clock) {
  auto tokens = token_set::read(options.webhook_tokens);
  if (!tokens)
    return tokens.error();
  auto rules = std::make_shared<push_rules>();
  rules->path = options.webhook_path;
  rules->tokens = std::move(tokens).take();
  http_options server;
  server.host = options.webhook_host;
  server.port = *options.webhook_port;
  server.max_body_bytes = most_notice_bytes;
  server.max_pending_bytes = 4 * most_notice_bytes;
  server.max_connections = most_hook_connections;
  const auto admit = [rules](const http_request& head) { return admit_request(*rules, head); };
  const auto handle = [nudge = std::move(nudge)](const http_request&, http_ticket) -> http_verdict {
    nudge();
    return {false, {200, "{}"}};
  };
  std::unique_ptr<s3_hook> hook(new s3_hook);
  hook->server_ =
      std::make_unique<http_server>(server, admit, handle, std::make_shared<source_counts>(), std::move(clock));
  if (auto started = hook->server_->start(); !started)
    return started.error();
  return hook;
}

} // namespace soc::sources
