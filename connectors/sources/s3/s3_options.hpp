// sources/s3/s3_options.hpp - what a `kind: s3` connector is told. Read once at start; a value.
#pragma once
#include "base/diagnostic.hpp"
#include "base/result.hpp"
#include "base/yaml_text.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace soc::sources {

enum class s3_format { automatic, lines, csv };

struct s3_options {
  std::string endpoint; ///< "https://s3.eu-central-1.amazonaws.com", no '/' at its end
  std::string region = "us-east-1", bucket;
  bool path_style = true;            ///< https://endpoint/bucket/key; false: https://bucket.endpoint/key
  std::vector<std::string> prefixes; ///< %Y %m %d %H stand for the time of the objects, in UTC
  std::string access_key, secret_key, session_token; ///< references; all empty: unsigned requests
  s3_format format = s3_format::automatic;
  bool any_order = false;          ///< keys do not grow with time: every listing is read whole
  std::chrono::seconds poll{60};   ///< between listings
  std::chrono::hours lookback{48}; ///< how far back prefixes with a time are looked at
  std::size_t max_record_bytes = 1U << 20;
  std::size_t queue_bytes = 16U << 20;
  std::string tls_ca;                        ///< PEM
  std::optional<std::uint16_t> webhook_port; ///< given: a request there makes the bucket be listed at once
  std::string webhook_host = "127.0.0.1", webhook_path = "/notify";
  std::vector<std::string> webhook_tokens; ///< references
  std::string sqs_queue; ///< URL; given: objects are those its messages name, the bucket is not listed
  std::string sqs_region;
  std::chrono::seconds sqs_wait{20}, sqs_hidden{300}; ///< of a request; of a message while its objects are read
};

result<s3_options> parse_s3_options(yaml_map_reader& reader, diagnostics& found);

} // namespace soc::sources
