#include "connectors/sources/source.hpp"

#include "connectors/sources/api/api_driver.hpp"
#include "connectors/sources/common/option_reading.hpp"
#include "connectors/sources/file/file_follower.hpp"
#include "connectors/sources/forward/forward_driver.hpp"
#include "connectors/sources/http/http_source.hpp"
#include "connectors/sources/kafka/kafka_driver.hpp"
#include "connectors/sources/nats/nats_driver.hpp"
#include "connectors/sources/s3/s3_driver.hpp"
#include "connectors/sources/syslog/syslog_driver.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <map>

namespace soc::sources {

namespace {

using planner = std::function<result<source_plan>(yaml_map_reader&, const std::string& root, diagnostics&)>;

/// A plan whose child runs `make`'s driver in a thread of its own: drivers read files and decompress.
source_plan driver_plan(std::string kind, driver_factory make) {
  source_plan plan;
  plan.kind = std::move(kind);
  plan.start = [make = std::move(make)](const source_environment& environment) {
    return start_with<caf::detached>(run_source, environment, make);
  };
  return plan;
}

/// `path` under `root` unless absolute or empty.
std::string rooted(const std::string& path, const std::string& root) {
  return path.empty() || path.front() == '/' || root.empty()
             ? path
             : (std::filesystem::path(root) / path).lexically_normal().string();
}

result<source_plan> plan_file(yaml_map_reader& reader, const std::string& root, diagnostics& found) {
  auto options = parse_file_options(reader, found, root);
  if (!options)
    return options.error();
  return driver_plan("file", [options = *options](const source_environment& e, source_counts_ptr counts) {
    return std::make_unique<file_follower>(options, e.context, std::move(counts), e.clock);
  });
}

result<source_plan> plan_syslog(yaml_map_reader& reader, const std::string& root, diagnostics& found) {
  auto options = parse_syslog_options(reader, found);
  if (!options)
    return options.error();
  for (auto* file : {&options->tls_certificate, &options->tls_key, &options->tls_client_ca})
    *file = rooted(*file, root);
  return driver_plan("syslog", [options = *options](const source_environment& e, source_counts_ptr counts) {
    return std::make_unique<syslog_driver>(options, e.context, std::move(counts), e.clock);
  });
}

source_plan push_plan(std::string kind, http_options options, const std::string& root) {
  for (auto* file : {&options.tls_certificate, &options.tls_key, &options.tls_client_ca})
    *file = rooted(*file, root);
  source_plan plan;
  plan.kind = std::move(kind);
  plan.publishes_raw = true;
  plan.start = [options = std::move(options)](const source_environment& e) {
    return start_with(http_source, e, options);
  };
  return plan;
}

result<source_plan> plan_http(yaml_map_reader& reader, const std::string& root, diagnostics& found) {
  auto options = parse_http_options(reader, found);
  if (!options)
    return options.error();
  return push_plan("http", std::move(options).take(), root);
}

result<source_plan> plan_otlp(yaml_map_reader& reader, const std::string& root, diagnostics& found) {
  auto options = parse_otlp_options(reader, found);
  if (!options)
    return options.error();
  return push_plan("otlp", std::move(options).take(), root);
}

result<source_plan> plan_kafka(yaml_map_reader& reader, const std::string& root, diagnostics& found) {
  auto options = parse_kafka_options(reader, found);
  if (!options)
    return options.error();
  for (auto* file : {&options->tls_certificate, &options->tls_key, &options->tls_ca})
    *file = rooted(*file, root);
  return driver_plan("kafka", [options = *options](const source_environment& e, source_counts_ptr counts) {
    return std::make_unique<kafka_driver>(options, e.context, std::move(counts), e.clock);
  });
}

result<source_plan> plan_forward(yaml_map_reader& reader, const std::string& root, diagnostics& found) {
  auto options = parse_forward_options(reader, found);
  if (!options)
    return options.error();
  for (auto* file : {&options->tls_certificate, &options->tls_key, &options->tls_client_ca})
    *file = rooted(*file, root);
  return driver_plan("forward", [options = *options](const source_environment& e, source_counts_ptr counts) {
    return std::make_unique<forward_driver>(options, e.context, std::move(counts), e.clock);
  });
}

result<source_plan> plan_nats(yaml_map_reader& reader, const std::string& root, diagnostics& found) {
  auto options = parse_nats_source_options(reader, found);
  if (!options)
    return options.error();
  for (auto* file : {&options->credentials, &options->tls_ca, &options->tls_certificate, &options->tls_key})
    *file = rooted(*file, root);
  return driver_plan("nats", [options = *options](const source_environment& e, source_counts_ptr counts) {
    return make_nats_driver(options, e.context, std::move(counts), e.clock);
  });
}

result<source_plan> plan_s3(yaml_map_reader& reader, const std::string& root, diagnostics& found) {
  auto options = parse_s3_options(reader, found);
  if (!options)
    return options.error();
  options->tls_ca = rooted(options->tls_ca, root);
  return driver_plan("s3", [options = *options](const source_environment& e, source_counts_ptr counts) {
    return make_s3_driver(options, e.context, std::move(counts), e.clock);
  });
}

result<source_plan> plan_api(yaml_map_reader& reader, const std::string& root, diagnostics& found) {
  auto options = parse_api_options(reader, found, root);
  if (!options)
    return options.error();
  options->tls_ca = rooted(options->tls_ca, root);
  return driver_plan("api", [options = *options](const source_environment& e, source_counts_ptr counts) {
    return make_api_driver(options, e.context, std::move(counts), e.clock);
  });
}

const std::map<std::string, planner>& planners() {
  static const std::map<std::string, planner> all{
      {"file", plan_file}, {"syslog", plan_syslog},   {"http", plan_http}, {"kafka", plan_kafka}, {"otlp", plan_otlp},
      {"s3", plan_s3},     {"forward", plan_forward}, {"nats", plan_nats}, {"api", plan_api}};
  return all;
}

} // namespace

std::vector<std::string> source_kinds() {
  std::vector<std::string> out;
  for (const auto& [kind, plan] : planners())
    out.push_back(kind);
  return out;
}

result<source_plan> plan_source(const std::string& kind, yaml_map_reader& reader, const std::string& root,
                                diagnostics& found) {
  const auto known = planners().find(kind);
  if (known != planners().end())
    return known->second(reader, root, found);
  const auto near = did_you_mean(kind, source_kinds());
  found.error(code_option, reader.place("kind"), fmt::format("there is no connector of kind '{}'", kind),
              near.empty() ? fmt::format("one of: {}", fmt::join(source_kinds(), ", "))
                           : fmt::format("did you mean '{}'?", near));
  return failure{ec::invalid_input, "unknown kind of connector"};
}

child_spec source_child(const std::string& name, const source_plan& plan, const source_environment& environment) {
  child_spec spec;
  spec.name = name;
  spec.start = plan.start(environment);
  spec.drains = true;
  return spec;
}

} // namespace soc::sources
