#include "node/logging.hpp"

#include "base/json_writer.hpp"
#include "base/time.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace soc::node {

namespace {

/// {"time":…,"level":…,"node":…,"message":…}
class json_line_formatter final : public spdlog::formatter {
public:
  explicit json_line_formatter(std::string node) : node_(std::move(node)) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    std::string line;
    const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(message.time.time_since_epoch());
    const auto level = spdlog::level::to_string_view(message.level);
    json_writer w(line);
    w.begin_object().key("time").string(format_rfc3339(since.count()));
    w.key("level").string({level.data(), level.size()}).key("node").string(node_);
    w.key("message").string({message.payload.data(), message.payload.size()}).end_object();
    line += '\n';
    out.append(line.data(), line.data() + line.size());
  }

  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<json_line_formatter>(node_); }

private:
  std::string node_;
};

} // namespace

result<logger_ptr> make_logger(const log_config& c, const std::string& node) {
  try {
    spdlog::sink_ptr sink;
    if (c.file.empty())
      sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    else
      sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(c.file, 64U << 20, 5);
    auto logger = std::make_shared<spdlog::logger>(node, std::move(sink));
    if (c.json)
      logger->set_formatter(std::make_unique<json_line_formatter>(node));
    else
      logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%-5l%$ %n  %v", spdlog::pattern_time_type::utc);
    logger->set_level(spdlog::level::from_str(c.level));
    logger->flush_on(spdlog::level::warn);
    return logger;
  } catch (const spdlog::spdlog_ex& e) {
    return failure{ec::io_error, fmt::format("the log can't be opened: {}", e.what())};
  }
}

} // namespace soc::node
