// tools/soc/shell_target.hpp - where a shell finds NATS: a url, a node's data directory, or its configuration. Pure but
// for reading those files.
#pragma once
#include "tools/soc/control_client.hpp"

namespace soc::cli {

struct target_options {
  std::string url, data_dir, config_file;
};

/// The connection to use. With nothing given: config/soc.yaml, then run/data, of this folder.
result<transport::nats_options> find_target(const target_options& options);

} // namespace soc::cli
