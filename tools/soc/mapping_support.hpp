// tools/soc/mapping_support.hpp - what the offline commands share: mappings loaded with their diagnostics shown, files
// run through a normalizer batch by batch.
#pragma once
#include "base/diagnostic.hpp"
#include "base/time.hpp"
#include "ingest/core/normalizer.hpp"
#include "ingest/core/record_assembler.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace soc::cli {

struct loaded_mappings {
  std::shared_ptr<const ingest::mapping_set> set; ///< null: the OCSF table is missing
  model::dictionary_ptr names;
  diagnostics found;
};

/// The mappings that ship with the binary, or those of `folders` when given.
loaded_mappings load_mappings(const std::vector<std::string>& folders = {});

/// Diagnostics on standard error, with the lines they point at.
void print_diagnostics(const diagnostics& found);

struct file_counts {
  std::uint64_t records = 0, bytes = 0, events = 0, quarantined = 0;
  bool failed = false; ///< the file could not be read (to its end); said on standard error
};

struct file_origin {
  std::string name;        ///< origin of the records; empty = the path
  unix_ns received_at = 0; ///< 0 = now
};

/// Reads a file ("-" = standard input) in batches of at most about 1 MiB and hands each on, normalized.
file_counts normalize_file(const std::string& path, std::shared_ptr<const model::connector_context> context,
                           ingest::normalizer& normalizer, const std::function<void(model::event_batch&)>& out,
                           const file_origin& origin = {});

} // namespace soc::cli
