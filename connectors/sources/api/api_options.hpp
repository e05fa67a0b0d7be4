// sources/api/api_options.hpp - what a `kind: api` connector is told: requests as texts with ${…} places, how pages
// follow each other, what tells old from new. Presets (config/api/*.yaml) are the same keys. Read once at start; a
// value.
#pragma once
#include "base/diagnostic.hpp"
#include "base/result.hpp"
#include "base/yaml_text.hpp"

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace soc::sources {

using text_pairs = std::vector<std::pair<std::string, std::string>>;

struct api_call {
  std::string method = "GET", url, body;
  text_pairs query, headers;
  std::string records; ///< path of the list in the answer; empty: the answer itself
};

enum class api_auth_kind { none, bearer, header, query, basic, oauth2, signature, aws, alibaba, alibaba_log };

struct api_auth {
  api_auth_kind kind = api_auth_kind::none;
  std::string secret;                     ///< reference; also oauth2's client secret, the cloud's secret key
  std::string id;                         ///< user, client id or access key; a reference where it begins like one
  std::string name;                       ///< of the header or parameter
  std::string prefix;                     ///< before the value
  std::string token_url, scope, audience; ///< oauth2
  std::string algorithm;                  ///< signature: sha256, hmac-sha256, hmac-sha1
  std::string encoding;                   ///< signature: hex, base64, base64url
  std::string over;                       ///< signature: the text signed
  bool in_query = false;                  ///< signature
  std::string service, region;            ///< aws
};

enum class api_paging_kind { none, link, link_header, token, page, offset };

struct api_paging {
  api_paging_kind kind = api_paging_kind::none;
  std::string path;                   ///< link, token: where the answer has it
  std::string param;                  ///< of the query; empty: the body has ${token}, ${page} or ${offset}
  std::int64_t start = 0, size = 100; ///< page, offset: a shorter page is the last
};

enum class cursor_format { rfc3339, unix_s, unix_ms, unix_us, number };

struct api_cursor {
  std::string field;                              ///< path in a record; empty: the time of asking
  cursor_format format = cursor_format::rfc3339;  ///< in records
  cursor_format written = cursor_format::rfc3339; ///< in requests
  std::chrono::seconds overlap{60};               ///< asked for again, as records may come late
  std::chrono::hours lookback{24};                ///< at the very first start
};

struct api_options {
  api_call list;
  std::vector<api_call> detail; ///< none or one: asked with ${ids}, the list's records as a JSON array of `id`s
  api_auth auth;
  api_paging paging;
  api_cursor cursor;
  std::string id; ///< path of what makes a record the same; empty: its text
  std::map<std::string, std::string> variables;
  std::chrono::seconds poll{60};
  std::int64_t requests_per_minute = 60;
  std::int64_t max_pages = 1000; ///< of one poll
  std::size_t queue_bytes = 16U << 20;
  std::string tls_ca; ///< PEM
};

/// `root`: where config/api/<preset>.yaml is looked for.
result<api_options> parse_api_options(yaml_map_reader& reader, diagnostics& found, const std::string& root);

/// The names of ${…} in a text; nothing when one is not closed.
std::optional<std::vector<std::string>> places_of(std::string_view text);

} // namespace soc::sources
