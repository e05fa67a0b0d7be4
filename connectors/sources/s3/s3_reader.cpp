#include "connectors/sources/s3/s3_reader.hpp"

#include <array>

namespace soc::sources {

namespace {

constexpr std::size_t magic_bytes = 4, piece_bytes = 256 * 1024, envelope_head_bytes = 256;

/// One document that only wraps a list: its elements are the records, however many there are.
constexpr std::array<std::string_view, 2> envelope_heads{R"({"Records":[)", R"({"records":[)"};

std::string without_spaces(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
      out += c;
  return out;
}

ingest::assembler_options framing_of(const s3_options& options) {
  ingest::assembler_options out;
  out.kind = options.format == s3_format::automatic ? ingest::framing::automatic : ingest::framing::lines;
  out.max_record_bytes = options.max_record_bytes;
  return out;
}

} // namespace

s3_reader::s3_reader(const s3_options& options, std::shared_ptr<const model::connector_context> context,
                     std::string origin, std::uint64_t skip_records, source_counts_ptr counts, batch_sink out)
    : options_(options), builder_(std::move(context), std::move(origin)), counts_(std::move(counts)),
      out_(std::move(out)), opening_(options.format == s3_format::automatic), assembler_(framing_of(options)),
      skip_(skip_records) {}

bool s3_reader::feed(std::string_view bytes, unix_ns now) {
  if (unpacker_)
    return unpack(bytes, now);
  head_.append(bytes);
  if (head_.size() < magic_bytes)
    return true;
  unpacker_.emplace(detect_compression(head_));
  return unpack(std::exchange(head_, {}), now);
}

bool s3_reader::unpack(std::string_view bytes, unix_ns now) {
  std::string text;
  while (going_) {
    const auto before = bytes.size();
    text.clear();
    if (const auto pulled = unpacker_->pull(bytes, text, piece_bytes); !pulled) {
      why_ = pulled.error().what;
      return false;
    }
    if (text.empty() && bytes.size() == before)
      return true;
    if (!frame(text, now))
      return false;
  }
  return false;
}

bool s3_reader::frame(std::string_view text, unix_ns now) {
  const auto take_record = [&](std::string_view record, std::uint64_t position) { take(record, position, now); };
  if (opening_) {
    opened_.append(text);
    if (opened_.size() < envelope_head_bytes)
      return going_;
    strip_envelope();
    assembler_.feed(std::exchange(opened_, {}), take_record);
  } else {
    assembler_.feed(text, take_record);
  }
  return going_;
}

/// Leaves the list of an envelope's head in opened_.
void s3_reader::strip_envelope() {
  opening_ = false;
  const auto bracket = opened_.find('[');
  if (bracket == std::string::npos)
    return;
  const auto head = without_spaces(std::string_view(opened_).substr(0, bracket + 1));
  for (const auto known : envelope_heads)
    if (head == known) {
      enveloped_ = true;
      opened_.erase(0, bracket);
    }
}

void s3_reader::take(std::string_view record, std::uint64_t position, unix_ns now) {
  if (!going_ || record.empty() || (enveloped_ && record == "}"))
    return;
  if (options_.format == s3_format::csv && csv_header_.empty()) {
    csv_header_ = record;
    return;
  }
  ++records_;
  if (records_ <= skip_)
    return;
  // Every batch says its columns: batches go to different normalizers.
  if (!csv_header_.empty() && in_batch_ == 0)
    builder_.add(csv_header_, 0, now);
  builder_.add(record, position, now);
  ++in_batch_;
  if (builder_.full())
    hand_on();
}

void s3_reader::hand_on() {
  if (!builder_.empty())
    going_ = out_(builder_.take(), records_) && going_;
  in_batch_ = 0;
}

bool s3_reader::finish(unix_ns now) {
  if (!unpacker_ && !head_.empty()) {
    unpacker_.emplace(compression::none);
    if (!unpack(std::exchange(head_, {}), now))
      return false;
  }
  if (unpacker_ && !unpacker_->at_end()) {
    why_ = "the object ends in the middle of its compression";
    return false;
  }
  if (opening_) {
    strip_envelope();
    assembler_.feed(std::exchange(opened_, {}), [&](auto record, auto position) { take(record, position, now); });
  }
  assembler_.flush([&](auto record, auto position) { take(record, position, now); });
  count(counts_->truncated_records, assembler_.cut_records());
  hand_on();
  return going_;
}

} // namespace soc::sources
