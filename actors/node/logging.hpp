// node/logging.hpp - the node's own log: text for people or one JSON object a line, to stderr or a rotating file. One
// logger, made at start and passed to who needs it. Text from logs is always an argument, never a format.
#pragma once
#include "base/result.hpp"
#include "node/config.hpp"

#include <spdlog/logger.h>

#include <memory>

namespace soc::node {

using logger_ptr = std::shared_ptr<spdlog::logger>;

/// io_error when the file can't be opened. A file is rotated at 64 MiB, five are kept.
result<logger_ptr> make_logger(const log_config& c, const std::string& node);

} // namespace soc::node
