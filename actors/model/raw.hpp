// model/raw.hpp - what a source hands on: records as bytes, in order, with where they came from. Made by a source, then
// read-only and shared; kept alive by every event decoded from it.
#pragma once
#include "base/time.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace soc::model {

/// What a connector says of all its records. Shared by its batches; never changes.
struct connector_context {
  std::string connector;          ///< name in the configuration
  std::string tenant = "default"; ///< [a-z0-9-]+: becomes a NATS subject token
  std::string vendor, product;    ///< explicit type ("nginx/access"); empty = detect the type
  std::string cloud, account, region;
  std::string default_zone; ///< IANA name or ±hh:mm for records without a zone; empty = UTC
};

/// One record: a span of the batch's bytes.
struct raw_record {
  std::uint32_t offset = 0, length = 0;
  std::uint64_t position = 0; ///< file offset, stream sequence, 0 if the source has none
};

/// Up to about 1 MiB of records.
struct raw_batch {
  std::shared_ptr<const connector_context> context;
  std::string origin;      ///< file path, peer address, object key
  unix_ns received_at = 0; ///< when the source read it
  std::string bytes;       ///< at least 64 bytes of capacity past the end are reserved (simdjson reads past)
  std::vector<raw_record> records;

  std::string_view record(std::size_t i) const {
    return std::string_view(bytes).substr(records[i].offset, records[i].length);
  }
  void add(std::string_view record, std::uint64_t position = 0) {
    records.push_back({static_cast<std::uint32_t>(bytes.size()), static_cast<std::uint32_t>(record.size()), position});
    bytes.append(record);
  }
};

using raw_batch_ptr = std::shared_ptr<const raw_batch>;

} // namespace soc::model
