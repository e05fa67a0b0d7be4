#include "connectors/sources/api/api_options.hpp"

#include "connectors/sources/common/option_reading.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace soc::sources {

namespace {

const std::vector<std::string> api_keys{
    "url",       "method",     "query",  "headers", "body",      "records", "detail",
    "auth",      "pagination", "cursor", "id",      "variables", "poll_s",  "requests_per_minute",
    "max_pages", "queue_mib",  "tls_ca"};
const std::vector<std::string> engine_places{"cursor", "until", "page",  "offset",    "offset_end",
                                             "token",  "ids",   "nonce", "timestamp", "timestamp_ms",
                                             "secret", "id",    "body"};

/// The preset's keys with the connector's own over them; `auth` and `variables` key by key.
YAML::Node merged_keys(yaml_map_reader& reader, const YAML::Node& preset) {
  YAML::Node out = preset.IsMap() ? YAML::Clone(preset) : YAML::Node(YAML::NodeType::Map);
  for (const auto& key : api_keys) {
    const auto own = reader.get(key);
    if (!own)
      continue;
    const bool by_key = (key == "auth" || key == "variables" || key == "cursor" || key == "pagination") &&
                        own.IsMap() && out[key] && out[key].IsMap();
    if (!by_key)
      out[key] = own;
    else
      for (const auto& entry : own)
        out[key][entry.first.as<std::string>()] = entry.second;
  }
  return out;
}

class api_option_reader {
public:
  api_option_reader(std::string file, diagnostics& found) : file_(std::move(file)), found_(found) {}

  api_options read(const YAML::Node& node) {
    api_options out;
    yaml_map_reader r(file_, node, "api connector", code_option, found_);
    out.list = call(r);
    if (const auto detail = r.get("detail")) {
      yaml_map_reader inner(file_, detail, "detail", code_option, found_);
      out.detail.push_back(call(inner));
      inner.reject_unknown();
    }
    if (const auto auth = r.get("auth"))
      out.auth = read_auth(auth);
    if (const auto paging = r.get("pagination"))
      out.paging = read_paging(paging);
    if (const auto cursor = r.get("cursor"))
      out.cursor = read_cursor(cursor);
    out.id = r.text("id").value_or("");
    for (auto& [name, value] : pairs(r.get("variables"), "variables"))
      out.variables[name] = value;
    out.poll = std::chrono::seconds(read_number(r, found_, "poll_s", 60, 1, 86'400));
    out.requests_per_minute = read_number(r, found_, "requests_per_minute", 60, 1, 6000);
    out.max_pages = read_number(r, found_, "max_pages", 1000, 1, 1'000'000);
    out.queue_bytes = static_cast<std::size_t>(read_number(r, found_, "queue_mib", 16, 1, 1024)) << 20;
    out.tls_ca = r.text("tls_ca").value_or("");
    r.reject_unknown();
    check_places(out, r.place());
    return out;
  }

private:
  text_pairs pairs(const YAML::Node& node, const std::string& what) {
    text_pairs out;
    if (!node)
      return out;
    if (!node.IsMap()) {
      found_.error(code_option, place_of(file_, node), fmt::format("'{}' is a table of names and texts", what));
      return out;
    }
    for (const auto& entry : node)
      if (entry.second.IsScalar())
        out.emplace_back(entry.first.as<std::string>(), entry.second.Scalar());
      else
        found_.error(code_option, place_of(file_, entry.second), fmt::format("a value of '{}' is a text", what));
    return out;
  }

  api_call call(yaml_map_reader& r) {
    api_call out;
    out.url = r.required_text("url");
    out.method = r.text("method").value_or("GET");
    out.query = pairs(r.get("query"), "query");
    out.headers = pairs(r.get("headers"), "headers");
    out.body = r.text("body").value_or("");
    out.records = r.text("records").value_or("");
    if (!out.url.empty() && out.url.rfind("http://", 0) != 0 && out.url.rfind("https://", 0) != 0 &&
        out.url.rfind("${", 0) != 0)
      found_.error(code_option, r.place("url"), fmt::format("'{}' is no http or https address", out.url));
    if (out.url.find('?') != std::string::npos)
      found_.error(code_option, r.place("url"), "an address with a query",
                   "put it into `query:`, where it is encoded and signed");
    if (out.method != "GET" && out.method != "POST")
      found_.error(code_option, r.place("method"), fmt::format("method '{}'", out.method), "GET or POST");
    return out;
  }

  api_auth read_auth(const YAML::Node& node) {
    static const std::vector<std::string> kinds{"none",   "bearer",    "header", "query",   "basic",
                                                "oauth2", "signature", "aws",    "alibaba", "alibaba_log"};
    yaml_map_reader r(file_, node, "auth", code_option, found_);
    api_auth out;
    const auto kind = read_choice(r, found_, "type", kinds);
    out.kind = static_cast<api_auth_kind>(std::find(kinds.begin(), kinds.end(), kind) - kinds.begin());
    out.secret = read_secret_reference(r, found_, "secret");
    out.id = r.text("id").value_or("");
    out.name = r.text("name").value_or("Authorization");
    out.prefix = r.text("prefix").value_or("");
    out.token_url = r.text("token_url").value_or("");
    out.scope = r.text("scope").value_or("");
    out.audience = r.text("audience").value_or("");
    out.algorithm = read_choice(r, found_, "algorithm", {"hmac-sha256", "hmac-sha1", "sha256"});
    out.encoding = read_choice(r, found_, "encoding", {"hex", "base64", "base64url"});
    out.over = r.text("over").value_or("");
    out.in_query = read_choice(r, found_, "in", {"header", "query"}) == "query";
    out.service = r.text("service").value_or("");
    out.region = r.text("region").value_or("us-east-1");
    const auto need = [&](bool given, const char* what) {
      if (!given)
        found_.error(code_missing, r.place(), fmt::format("auth of type {} needs '{}'", kind, what));
    };
    need(out.kind == api_auth_kind::none || !out.secret.empty(), "secret");
    need(out.kind != api_auth_kind::oauth2 || !out.token_url.empty(), "token_url");
    need(out.kind != api_auth_kind::signature || !out.over.empty(), "over");
    need(out.kind != api_auth_kind::aws || !out.service.empty(), "service");
    const bool named = out.kind == api_auth_kind::basic || out.kind == api_auth_kind::oauth2 ||
                       out.kind == api_auth_kind::aws || out.kind == api_auth_kind::alibaba ||
                       out.kind == api_auth_kind::alibaba_log;
    need(!named || !out.id.empty(), "id");
    r.reject_unknown();
    return out;
  }

  api_paging read_paging(const YAML::Node& node) {
    static const std::vector<std::string> kinds{"none", "link", "link_header", "token", "page", "offset"};
    yaml_map_reader r(file_, node, "pagination", code_option, found_);
    api_paging out;
    const auto kind = read_choice(r, found_, "type", kinds);
    out.kind = static_cast<api_paging_kind>(std::find(kinds.begin(), kinds.end(), kind) - kinds.begin());
    out.path = r.text("path").value_or("");
    out.param = r.text("param").value_or("");
    out.start = read_number(r, found_, "start", out.kind == api_paging_kind::page ? 1 : 0, 0, 1'000'000);
    out.size = read_number(r, found_, "size", 100, 1, 100'000);
    if ((out.kind == api_paging_kind::link || out.kind == api_paging_kind::token) && out.path.empty())
      found_.error(code_missing, r.place(), fmt::format("pagination by {} needs 'path'", kind), "path: nextLink");
    r.reject_unknown();
    return out;
  }

  api_cursor read_cursor(const YAML::Node& node) {
    static const std::vector<std::string> formats{"rfc3339", "unix_s", "unix_ms", "unix_us", "number"};
    yaml_map_reader r(file_, node, "cursor", code_option, found_);
    api_cursor out;
    out.field = r.text("field").value_or("");
    const auto format = read_choice(r, found_, "format", formats);
    out.format = static_cast<cursor_format>(std::find(formats.begin(), formats.end(), format) - formats.begin());
    const auto written = r.get("as") ? read_choice(r, found_, "as", formats) : format;
    out.written = static_cast<cursor_format>(std::find(formats.begin(), formats.end(), written) - formats.begin());
    out.overlap = std::chrono::seconds(read_number(r, found_, "overlap_s", 60, 0, 7 * 86'400));
    out.lookback = std::chrono::hours(read_number(r, found_, "lookback_h", 24, 0, 24 * 400));
    r.reject_unknown();
    return out;
  }

  void check_places(const api_options& options, const source_place& place) {
    const auto check = [&](const std::string& text) {
      const auto names = places_of(text);
      if (!names)
        found_.error(code_option, place, fmt::format("'{}' has a ${{ without its }}", text));
      for (const auto& name : names.value_or(std::vector<std::string>{}))
        if (!options.variables.contains(name) &&
            std::find(engine_places.begin(), engine_places.end(), name) == engine_places.end())
          found_.error(code_missing, place, fmt::format("nothing says what ${{{}}} is", name),
                       fmt::format("variables: {{{}: …}}", name));
    };
    auto calls = options.detail;
    calls.push_back(options.list);
    for (const auto& call : calls) {
      check(call.url);
      check(call.body);
      for (const auto& list : {call.query, call.headers})
        for (const auto& [name, value] : list)
          check(value);
    }
    for (const auto& text : {options.auth.over, options.auth.token_url, options.auth.scope, options.auth.id})
      check(text);
  }

  std::string file_;
  diagnostics& found_;
};

} // namespace

std::optional<std::vector<std::string>> places_of(std::string_view text) {
  std::vector<std::string> out;
  for (auto at = text.find("${"); at != std::string_view::npos; at = text.find("${", at)) {
    const auto end = text.find('}', at);
    if (end == std::string_view::npos)
      return std::nullopt;
    out.emplace_back(text.substr(at + 2, end - at - 2));
    at = end;
  }
  return out;
}

result<api_options> parse_api_options(yaml_map_reader& reader, diagnostics& found, const std::string& root) {
  const auto errors_before = found.errors();
  claim_common_keys(reader);
  YAML::Node preset;
  auto file = reader.place().file;
  if (const auto name = reader.text("preset")) {
    const bool plain = name->find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
    const auto path = (root.empty() ? std::string() : root + "/") + "config/api/" + *name + ".yaml";
    auto text = plain ? read_text_file(path, code_option, found) : std::nullopt;
    if (!plain)
      found.error(code_option, reader.place("preset"), fmt::format("'{}' is no preset", *name), "see config/api");
    if (text)
      if (auto yaml = parse_yaml(path, std::move(*text), code_option, found, 10'000); !yaml.documents.empty())
        preset = yaml.documents.front();
  }
  auto options = api_option_reader(file, found).read(merged_keys(reader, preset));
  if (found.errors() > errors_before)
    return failure{ec::invalid_input, "the options of an api connector have errors"};
  return options;
}

} // namespace soc::sources
