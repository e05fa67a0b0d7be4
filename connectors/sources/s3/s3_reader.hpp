// sources/s3/s3_reader.hpp - the bytes of one object to batches of records, in constant memory: decompressed by their
// magic number, framed, those handed on before left out. Owned by the fetching thread, one an object.
#pragma once
#include "connectors/sources/common/batch_builder.hpp"
#include "connectors/sources/common/inflater.hpp"
#include "connectors/sources/common/source_counts.hpp"
#include "connectors/sources/s3/s3_options.hpp"
#include "ingest/core/record_assembler.hpp"

#include <functional>
#include <optional>

namespace soc::sources {

class s3_reader {
public:
  /// A full batch and how many records of the object there are up to its end. False: stop.
  using batch_sink = std::function<bool(model::raw_batch_ptr, std::uint64_t records)>;

  s3_reader(const s3_options& options, std::shared_ptr<const model::connector_context> context, std::string origin,
            std::uint64_t skip_records, source_counts_ptr counts, batch_sink out);

  /// False when the sink said stop or the bytes are broken (why()).
  bool feed(std::string_view bytes, unix_ns now);
  /// The object is complete. False as above; also when it is cut in the middle of its compression.
  bool finish(unix_ns now);
  const std::string& why() const { return why_; }
  std::uint64_t records() const { return records_; }

private:
  bool unpack(std::string_view bytes, unix_ns now);
  bool frame(std::string_view text, unix_ns now);
  void strip_envelope();
  void take(std::string_view record, std::uint64_t position, unix_ns now);
  void hand_on();

  const s3_options& options_;
  batch_builder builder_;
  source_counts_ptr counts_;
  batch_sink out_;
  std::string head_; ///< the first bytes, until the compression is known
  std::optional<inflater> unpacker_;
  std::string opened_; ///< the first decompressed bytes, until an envelope is known
  bool opening_ = true, enveloped_ = false;
  ingest::record_assembler assembler_;
  std::string csv_header_;
  std::uint64_t skip_, records_ = 0, in_batch_ = 0;
  bool going_ = true;
  std::string why_;
};

} // namespace soc::sources
