// ingest/core/record_decoder.hpp - recognizes a record and decodes it to native fields: the first half of a
// normalizer's work. Owned by a normalizer; keeps the parsers' buffers and what it last recognized for an origin.
#pragma once
#include "ingest/core/field_sink.hpp"
#include "ingest/core/hec_envelope.hpp"
#include "ingest/core/json_decoder.hpp"
#include "ingest/core/mapping.hpp"
#include "ingest/core/syslog_header.hpp"

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

namespace soc::ingest {

struct recognized {
  const mapping_input* input = nullptr; ///< null: failed
  bool skip = false;                    ///< not a record of its own: an empty envelope, a header row
  std::string reason, tried;            ///< of the failure; tried = "vendor/product"
  std::size_t offset = 0;
};

class record_decoder {
public:
  record_decoder(std::shared_ptr<const mapping_set> mappings, model::dictionary_ptr names, bool keep_unknown);

  /// A new batch: its connector may name the product, its origin has a memory.
  void begin(const model::raw_batch& raw);

  /// The elements of an envelope ({"Records":[…]}, […]) that some input unwraps; false when `payload` is none.
  bool unwrap(std::string_view payload, std::vector<std::string_view>& elements, std::string_view& name);

  /// Fills record.native. `envelope`: the name its elements were under, empty for a whole record.
  recognized decode(std::string_view text, std::string_view envelope, record_context& record);

private:
  recognized decode_payload(std::string_view envelope, record_context& record);
  bool decode_first(record_format format, record_context& record, recognized& failure);
  const mapping_input* recognize(record_format format, record_context& record, std::string_view envelope,
                                 recognized& failure);
  bool matches(const input_detection& detect, record_context& record) const;
  bool run_steps(const mapping_input& input, std::size_t from, record_context& record, recognized& failure);
  bool run_step(const decode_step& step, const mapping_input& input, record_context& record, recognized& failure);
  void keep_undecoded(const decode_step& step, std::string_view text);
  decode_result run_decoder(const decode_step& step, std::string_view text, record_context& record);
  void remember(const mapping_input& input);
  std::string_view padded(std::string_view text, record_context& record);

  std::shared_ptr<const mapping_set> mappings_;
  model::dictionary_ptr names_;
  json_decoder json_;
  field_sink sink_;
  simdjson::ondemand::parser envelope_parser_;
  std::vector<const std::string*> lists_; ///< of unwrap
  const model::raw_batch* raw_ = nullptr;
  const mapping* explicit_ = nullptr;
  bool unknown_explicit_ = false;
  const mapping_input* last_ = nullptr; ///< recognized last for this origin
  std::string origin_;
  std::unordered_map<std::string, const mapping_input*> memory_of_origins_;
  std::unordered_map<std::string, std::vector<std::string>> csv_headers_;
  std::optional<syslog_header> syslog_;
  std::optional<hec_envelope> hec_;
  model::field_id cef_vendor_, cef_product_, leef_vendor_, leef_product_;
};

} // namespace soc::ingest
