// node/config.hpp - the node's configuration (config/soc.yaml): every key with its default, read once at start and
// again by `reload`. A value; what it refers to (rules, mappings, secrets) is loaded by node/content.
#pragma once
#include "base/diagnostic.hpp"
#include "base/result.hpp"
#include "base/yaml_text.hpp"
#include "model/raw.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace soc::node {

struct nats_config {
  std::vector<std::string> urls; ///< empty: the node starts and watches its own nats-server
  std::uint16_t port = 0;        ///< of the managed server on 127.0.0.1; 0 = a free one, kept in the data directory
  std::string user, password;    ///< `password` is a reference: env:NAME or file:PATH
  std::string credentials_file, nkey_seed_file;
  std::string tls_ca, tls_certificate, tls_key;
  std::uint64_t max_stream_bytes = 8ULL << 30;
  std::chrono::hours max_age{24 * 7};
  int replicas = 1;
};

struct log_config {
  bool json = false;
  std::string level = "info"; ///< trace, debug, info, warn, error
  std::string file;           ///< empty: stderr
};

struct http_config {
  std::string host = "127.0.0.1";
  std::uint16_t port = 9600; ///< /metrics, /healthz, /readyz; 0 = a free one
};

/// Folders of data; relative ones are resolved against `root`.
struct content_config {
  std::vector<std::string> mappings{"connectors/vendors"};
  std::vector<std::string> rules{"rules/sigma"};
  std::string fields = "rules/fields";
  std::vector<std::string> intel{"rules/intel"}; ///< descriptions of indicator sources, and indicator files
  std::string intel_fields = "rules/intel/fields.yaml";
  std::uint32_t intel_refresh_s = 60; ///< how often the sources are looked at for changes; 0 = only at a reload
  std::string aggregation = "rules/aggregation";
  std::string playbooks = "playbooks";
  std::string response = "config/response";
  std::string resources = "config/resources";
  std::string components = "connectors/targets";
};

/// What is added to events before detection; all optional. Relative paths are resolved against `root`.
struct enrichment_config {
  struct network {
    std::string cidr, account, uid;
    source_place place;
  };
  std::vector<std::string> geoip, assets, identities;
  std::vector<network> networks;
};

struct pipeline_config {
  std::uint32_t lanes = 1;                  ///< normalizer + detector pairs
  std::uint64_t credit_bytes = 16ULL << 20; ///< a source may have in flight
  std::uint32_t credit_batches = 32;
};

struct event_store_config {
  bool enabled = true;
  std::string directory;                      ///< empty: <data_dir>/events
  bool required = true;                       ///< a source's checkpoint waits until its events are stored
  std::uint64_t segment_bytes = 256ULL << 20; ///< raw bytes
  std::chrono::minutes segment_age{60};
  std::chrono::hours max_age{24 * 30};
  std::uint64_t max_bytes = 50ULL << 30;
  std::uint64_t min_free_bytes = 2ULL << 30;
  int level = 3; ///< zstd
  std::chrono::seconds search_time{10};
};

struct incidents_config {
  std::string late_alerts = "reopen"; ///< of a closed incident: reopen, successor, note
};

struct connector_config {
  std::string name, kind;
  std::shared_ptr<const model::connector_context> context;
  YAML::Node options; ///< the whole map: the connector's own keys are read by its kind
  source_place place;
};

struct config {
  std::string file;
  std::string root; ///< absolute folder that relative paths are resolved against
  std::string name; ///< [a-z0-9-]+; a NATS subject token
  std::string data_dir = "run/data";
  nats_config nats;
  log_config log;
  http_config http;
  content_config content;
  enrichment_config enrichment;
  pipeline_config pipeline;
  event_store_config event_store;
  incidents_config incidents;
  std::uint32_t alert_partitions = 8; ///< the same on every node of a cluster
  std::vector<connector_config> connectors;
};

/// Reads and checks `path`. Problems are CFG001…; a config with errors is not to be run.
config load_config(const std::string& path, const std::string& host_name, diagnostics& found);

/// `path` under `root` unless absolute.
std::string resolve(const config& c, const std::string& path);

} // namespace soc::node
