#include "connectors/sources/common/inflater.hpp"

#include <algorithm>
#include <climits>
#include <zlib.h>
#include <zstd.h>

namespace soc::sources {

compression detect_compression(std::string_view head) {
  if (head.size() >= 2 && head[0] == '\x1f' && head[1] == '\x8b')
    return compression::gzip;
  if (head.size() >= 4 && head.substr(0, 4) == std::string_view("\x28\xb5\x2f\xfd", 4))
    return compression::zstd;
  return compression::none;
}

struct inflater::implementation {
  compression kind;
  z_stream zlib{};
  ZSTD_DStream* zstd = nullptr;
  bool started = false, ended = true;

  explicit implementation(compression k) : kind(k) {
    if (kind == compression::gzip)
      started = inflateInit2(&zlib, 15 + 16) == Z_OK;
    else if (kind == compression::zstd) {
      zstd = ZSTD_createDStream();
      // 128 MiB of window is what the zstd command accepts by default; a frame may ask for more than that to exhaust
      // memory.
      started = zstd && !ZSTD_isError(ZSTD_DCtx_setParameter(zstd, ZSTD_d_windowLogMax, 27));
    }
  }
  ~implementation() {
    if (kind == compression::gzip && started)
      inflateEnd(&zlib);
    ZSTD_freeDStream(zstd);
  }

  outcome pull_gzip(std::string_view& input, std::string& out, std::size_t max_bytes) {
    if (ended && !input.empty()) {
      // gzip files may be padded with zeros after the last member.
      const auto start = input.find_first_not_of('\0');
      input.remove_prefix(start == std::string_view::npos ? input.size() : start);
      if (input.empty())
        return done{};
      inflateReset(&zlib);
      ended = false;
    }
    const auto before = out.size();
    out.resize(before + max_bytes);
    const auto given = static_cast<uInt>(std::min<std::size_t>(input.size(), UINT_MAX));
    zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    zlib.avail_in = given;
    zlib.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    zlib.avail_out = static_cast<uInt>(max_bytes);
    const int code = ended ? Z_OK : ::inflate(&zlib, Z_NO_FLUSH);
    out.resize(before + max_bytes - zlib.avail_out);
    input.remove_prefix(given - zlib.avail_in);
    ended = ended || code == Z_STREAM_END;
    if (code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR)
      return done{};
    return failure{ec::corrupt, std::string("broken gzip: ") + (zlib.msg ? zlib.msg : "unreadable")};
  }

  outcome pull_zstd(std::string_view& input, std::string& out, std::size_t max_bytes) {
    const auto before = out.size();
    out.resize(before + max_bytes);
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    ZSTD_outBuffer to{out.data() + before, max_bytes, 0};
    const auto left = ZSTD_decompressStream(zstd, &to, &in);
    out.resize(before + to.pos);
    input.remove_prefix(in.pos);
    if (ZSTD_isError(left))
      return failure{ec::corrupt, std::string("broken zstd: ") + ZSTD_getErrorName(left)};
    if (in.pos > 0 || to.pos > 0)
      ended = left == 0;
    return done{};
  }
};

inflater::inflater(compression kind) : implementation_(std::make_unique<implementation>(kind)) {}
inflater::~inflater() = default;
inflater::inflater(inflater&&) noexcept = default;
inflater& inflater::operator=(inflater&&) noexcept = default;

outcome inflater::pull(std::string_view& input, std::string& out, std::size_t max_bytes) {
  auto& i = *implementation_;
  if (i.kind == compression::none) {
    const auto taken = std::min(input.size(), max_bytes);
    out.append(input.substr(0, taken));
    input.remove_prefix(taken);
    return done{};
  }
  if (!i.started)
    return failure{ec::internal, "the decompressor could not be set up"};
  return i.kind == compression::gzip ? i.pull_gzip(input, out, max_bytes) : i.pull_zstd(input, out, max_bytes);
}

bool inflater::at_end() const {
  return implementation_->ended;
}

result<std::string> inflate(compression kind, std::string_view input, std::size_t max_bytes) {
  inflater stream(kind);
  std::string out;
  for (;;) {
    const auto input_before = input.size();
    const auto out_before = out.size();
    // One byte more than allowed tells "exactly at the limit" from "over it".
    const auto step = std::min<std::size_t>(max_bytes + 1 - out.size(), 64 * 1024);
    if (const auto pulled = stream.pull(input, out, step); !pulled)
      return pulled.error();
    if (out.size() > max_bytes)
      return failure{ec::too_large, "more than " + std::to_string(max_bytes) + " bytes when decompressed"};
    if (input.size() == input_before && out.size() == out_before)
      break;
  }
  if (!stream.at_end())
    return failure{ec::corrupt, "the compressed text is cut short"};
  return out;
}

} // namespace soc::sources
