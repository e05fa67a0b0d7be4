#include "tools/soc/shell_target.hpp"

#include "node/config.hpp"
#include "runtime/secrets.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>

namespace soc::cli {

namespace {

/// The node that runs its own nats-server leaves a 0600 file in its data directory.
result<transport::nats_options> target_of_data(const std::string& data_dir) {
  const auto path = data_dir + "/nats-client.json";
  std::ifstream in(path);
  if (!in)
    return failure{ec::not_found, fmt::format("no running node has its data in {} ({} can't be read)", data_dir, path)};
  const auto parsed = nlohmann::json::parse(in, nullptr, false);
  if (!parsed.is_object())
    return failure{ec::corrupt, path + " is not valid JSON"};
  transport::nats_options out;
  out.urls = {parsed.value("url", "")};
  out.user = parsed.value("user", "");
  out.password = parsed.value("password", "");
  return out;
}

result<transport::nats_options> target_of_config(const std::string& file) {
  diagnostics found;
  const auto config = node::load_config(file, "localhost", found);
  if (found.errors() > 0)
    return failure{ec::invalid_input, fmt::format("{} has errors; see soc config check {}", file, file)};
  if (config.nats.urls.empty())
    return target_of_data(config.data_dir);
  transport::nats_options out;
  out.urls = config.nats.urls;
  out.user = config.nats.user;
  if (!config.nats.password.empty()) {
    auto password = read_secret(config.nats.password);
    if (!password)
      return password.error();
    out.password = *password;
  }
  out.credentials_file = config.nats.credentials_file;
  out.nkey_seed_file = config.nats.nkey_seed_file;
  out.tls_ca = config.nats.tls_ca;
  out.tls_certificate = config.nats.tls_certificate;
  out.tls_key = config.nats.tls_key;
  return out;
}

} // namespace

result<transport::nats_options> find_target(const target_options& options) {
  if (!options.url.empty()) {
    transport::nats_options out;
    out.urls = {options.url};
    return out;
  }
  if (!options.data_dir.empty())
    return target_of_data(options.data_dir);
  if (!options.config_file.empty())
    return target_of_config(options.config_file);
  if (std::filesystem::exists("config/soc.yaml"))
    return target_of_config("config/soc.yaml");
  return target_of_data("run/data");
}

} // namespace soc::cli
