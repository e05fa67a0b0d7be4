#include "node/config.hpp"

#include "ingest/core/time_zone.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

namespace soc::node {

namespace {

constexpr const char* code_syntax = "CFG001";
constexpr const char* code_value = "CFG002";

bool is_token(const std::string& text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

std::string token_of(std::string text) {
  for (auto& c : text) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (!is_token(std::string(1, c)))
      c = '-';
  }
  return text.empty() ? "node" : text;
}

class config_reader {
public:
  config_reader(config& out, diagnostics& found) : out_(out), found_(found) {}

  void read(const YAML::Node& document) {
    yaml_map_reader top(out_.file, document, "the configuration", code_syntax, found_);
    if (!top.is_map())
      return;
    if (const auto root = top.text("root"))
      out_.root = (std::filesystem::path(out_.root) / *root).lexically_normal().string();
    read_node(top.get("node"));
    read_nats(top.get("nats"));
    read_log(top.get("log"));
    read_http(top.get("http"));
    read_content(top.get("content"));
    read_enrichment(top.get("enrichment"));
    read_pipeline(top.get("pipeline"));
    read_event_store(top.get("event_store"));
    read_incidents(top.get("incidents"));
    read_connectors(top.get("connectors"));
    top.reject_unknown();
  }

private:
  template <class Read>
  void section(const YAML::Node& node, const char* name, Read read) {
    if (!node.IsDefined() || node.IsNull())
      return;
    yaml_map_reader reader(out_.file, node, fmt::format("section '{}'", name), code_syntax, found_);
    if (!reader.is_map())
      return;
    read(reader);
    reader.reject_unknown();
  }

  void text_into(yaml_map_reader& reader, const char* key, std::string& into) {
    if (auto value = reader.text(key))
      into = std::move(*value);
  }

  template <class Number>
  void number_into(yaml_map_reader& reader, const char* key, Number& into, std::int64_t low, std::int64_t high) {
    const auto value = reader.integer(key);
    if (!value)
      return;
    if (*value < low || *value > high)
      found_.error(code_value, reader.place(key),
                   fmt::format("'{}' is {}; it must be {} to {}", key, *value, low, high));
    else
      into = static_cast<Number>(*value);
  }

  void read_node(const YAML::Node& node) {
    section(node, "node", [&](yaml_map_reader& r) {
      text_into(r, "name", out_.name);
      text_into(r, "data_dir", out_.data_dir);
      number_into(r, "alert_partitions", out_.alert_partitions, 1, 256);
      if (!out_.name.empty() && !is_token(out_.name))
        found_.error(code_value, r.place("name"), fmt::format("node name '{}' is not [a-z0-9-]+", out_.name),
                     fmt::format("for example '{}'", token_of(out_.name)));
    });
  }

  void read_nats(const YAML::Node& node) {
    section(node, "nats", [&](yaml_map_reader& r) {
      out_.nats.urls = r.texts("urls");
      number_into(r, "port", out_.nats.port, 0, 65535);
      text_into(r, "user", out_.nats.user);
      text_into(r, "password", out_.nats.password);
      text_into(r, "credentials_file", out_.nats.credentials_file);
      text_into(r, "nkey_seed_file", out_.nats.nkey_seed_file);
      text_into(r, "tls_ca", out_.nats.tls_ca);
      text_into(r, "tls_certificate", out_.nats.tls_certificate);
      text_into(r, "tls_key", out_.nats.tls_key);
      number_into(r, "replicas", out_.nats.replicas, 1, 5);
      if (const auto mib = r.integer("max_stream_mib"))
        out_.nats.max_stream_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(*mib, 16)) << 20;
      if (const auto hours = r.integer("max_age_hours"))
        out_.nats.max_age = std::chrono::hours(*hours);
    });
  }

  void read_log(const YAML::Node& node) {
    section(node, "log", [&](yaml_map_reader& r) {
      text_into(r, "level", out_.log.level);
      text_into(r, "file", out_.log.file);
      const auto format = r.text("format").value_or("text");
      out_.log.json = format == "json";
      if (format != "text" && format != "json")
        found_.error(code_value, r.place("format"), fmt::format("log format '{}' is unknown", format), "text or json");
      static const std::vector<std::string> levels{"trace", "debug", "info", "warn", "error"};
      if (std::find(levels.begin(), levels.end(), out_.log.level) == levels.end())
        found_.error(code_value, r.place("level"), fmt::format("log level '{}' is unknown", out_.log.level),
                     "trace, debug, info, warn or error");
    });
  }

  void read_http(const YAML::Node& node) {
    section(node, "http", [&](yaml_map_reader& r) {
      text_into(r, "host", out_.http.host);
      number_into(r, "port", out_.http.port, 0, 65535);
    });
  }

  void read_content(const YAML::Node& node) {
    section(node, "content", [&](yaml_map_reader& r) {
      auto& c = out_.content;
      if (auto paths = r.texts("mappings"); !paths.empty())
        c.mappings = std::move(paths);
      if (auto paths = r.texts("rules"); !paths.empty())
        c.rules = std::move(paths);
      text_into(r, "fields", c.fields);
      if (r.get("intel").IsDefined())
        c.intel = r.texts("intel");
      text_into(r, "intel_fields", c.intel_fields);
      number_into(r, "intel_refresh_s", c.intel_refresh_s, 0, 86'400);
      text_into(r, "aggregation", c.aggregation);
      text_into(r, "playbooks", c.playbooks);
      text_into(r, "response", c.response);
      text_into(r, "resources", c.resources);
      text_into(r, "components", c.components);
    });
  }

  void read_enrichment(const YAML::Node& node) {
    section(node, "enrichment", [&](yaml_map_reader& r) {
      auto& e = out_.enrichment;
      e.geoip = r.texts("geoip");
      e.assets = r.texts("assets");
      e.identities = r.texts("identities");
      const auto networks = r.get("networks");
      if (networks && !networks.IsSequence())
        found_.error(code_value, r.place("networks"), "'networks' is not a list", "- {cidr: 10.1.0.0/16, uid: vpc-1}");
      else if (networks)
        for (const auto& item : networks) {
          yaml_map_reader network(out_.file, item, "network", code_syntax, found_);
          enrichment_config::network made{network.required_text("cidr"), network.text("account").value_or(""),
                                          network.required_text("uid"), network.place()};
          network.reject_unknown();
          e.networks.push_back(std::move(made));
        }
    });
  }

  void read_pipeline(const YAML::Node& node) {
    section(node, "pipeline", [&](yaml_map_reader& r) {
      number_into(r, "lanes", out_.pipeline.lanes, 1, 64);
      number_into(r, "credit_batches", out_.pipeline.credit_batches, 1, 4096);
      if (const auto mib = r.integer("credit_mib"))
        out_.pipeline.credit_bytes = static_cast<std::uint64_t>(std::clamp<std::int64_t>(*mib, 2, 4096)) << 20;
    });
  }

  void read_event_store(const YAML::Node& node) {
    section(node, "event_store", [&](yaml_map_reader& r) {
      auto& s = out_.event_store;
      std::int64_t segment_mib = 256, segment_minutes = 60, max_age_days = 30, max_gib = 50, min_free_mib = 2048,
                   search_seconds = 10;
      s.enabled = r.boolean("enabled").value_or(s.enabled);
      s.required = r.boolean("required").value_or(s.required);
      text_into(r, "directory", s.directory);
      number_into(r, "segment_mib", segment_mib, 1, 4096);
      number_into(r, "segment_minutes", segment_minutes, 1, 24 * 60);
      number_into(r, "max_age_days", max_age_days, 1, 3660);
      number_into(r, "max_gib", max_gib, 1, 1 << 20);
      number_into(r, "min_free_mib", min_free_mib, 0, 1 << 24);
      number_into(r, "compression", s.level, 1, 19);
      number_into(r, "search_seconds", search_seconds, 1, 600);
      s.segment_bytes = static_cast<std::uint64_t>(segment_mib) << 20;
      s.segment_age = std::chrono::minutes(segment_minutes);
      s.max_age = std::chrono::hours(24 * max_age_days);
      s.max_bytes = static_cast<std::uint64_t>(max_gib) << 30;
      s.min_free_bytes = static_cast<std::uint64_t>(min_free_mib) << 20;
      s.search_time = std::chrono::seconds(search_seconds);
    });
  }

  void read_incidents(const YAML::Node& node) {
    section(node, "incidents", [&](yaml_map_reader& r) {
      auto& late = out_.incidents.late_alerts;
      text_into(r, "late_alerts", late);
      if (late != "reopen" && late != "successor" && late != "note")
        found_.error(code_value, r.place("late_alerts"), fmt::format("late_alerts '{}' is unknown", late),
                     "reopen, successor or note");
    });
  }

  void read_connectors(const YAML::Node& node) {
    if (!node.IsDefined() || node.IsNull())
      return;
    if (!node.IsSequence()) {
      found_.error(code_syntax, place_of(out_.file, node), "'connectors' is not a list", "write `- name: …` items");
      return;
    }
    std::set<std::string> names;
    for (const auto& item : node) {
      auto connector = read_connector(item);
      if (!connector.name.empty() && !names.insert(connector.name).second)
        found_.error(code_value, connector.place, fmt::format("two connectors are called '{}'", connector.name));
      out_.connectors.push_back(std::move(connector));
    }
  }

  connector_config read_connector(const YAML::Node& item) {
    connector_config out;
    out.options = item;
    out.place = place_of(out_.file, item);
    yaml_map_reader r(out_.file, item, "connector", code_syntax, found_);
    out.name = r.required_text("name");
    out.kind = r.required_text("kind");
    if (!out.name.empty() && !is_token(out.name))
      found_.error(code_value, r.place("name"), fmt::format("connector name '{}' is not [a-z0-9-]+", out.name),
                   fmt::format("for example '{}'", token_of(out.name)));
    auto context = std::make_shared<model::connector_context>();
    context->connector = out.name;
    text_into(r, "tenant", context->tenant);
    text_into(r, "vendor", context->vendor);
    text_into(r, "product", context->product);
    text_into(r, "cloud", context->cloud);
    text_into(r, "account", context->account);
    text_into(r, "region", context->region);
    text_into(r, "time_zone", context->default_zone);
    if (!context->default_zone.empty() && !ingest::time_zone::find(context->default_zone))
      found_.error(code_value, r.place("time_zone"), fmt::format("unknown time zone '{}'", context->default_zone),
                   "an IANA name (Asia/Shanghai) or ±hh:mm");
    if (!is_token(context->tenant))
      found_.error(code_value, r.place("tenant"), fmt::format("tenant '{}' is not [a-z0-9-]+", context->tenant));
    out.context = std::move(context);
    return out;
  }

  config& out_;
  diagnostics& found_;
};

} // namespace

config load_config(const std::string& path, const std::string& host_name, diagnostics& found) {
  config out;
  out.file = path;
  out.root = std::filesystem::absolute(path).parent_path().lexically_normal().string();
  const auto text = read_text_file(path, code_syntax, found, 8U << 20);
  if (text) {
    const auto yaml = parse_yaml(path, *text, code_syntax, found, 100'000);
    if (!yaml.documents.empty())
      config_reader(out, found).read(yaml.documents.front());
  }
  if (out.name.empty())
    out.name = token_of(host_name);
  out.data_dir = resolve(out, out.data_dir);
  auto& events = out.event_store.directory;
  events = events.empty() ? out.data_dir + "/events" : resolve(out, events);
  return out;
}

std::string resolve(const config& c, const std::string& path) {
  const std::filesystem::path p(path);
  return p.is_absolute() ? path : (std::filesystem::path(c.root) / p).lexically_normal().string();
}

} // namespace soc::node
