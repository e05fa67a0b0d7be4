#include "connectors/sources/forward/forward_messages.hpp"

#include "connectors/sources/common/inflater.hpp"
#include "connectors/sources/common/request_signing.hpp"
#include "connectors/sources/forward/msgpack.hpp"

#include <fmt/format.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

namespace soc::sources {

namespace {

failure breach(std::string what) {
  return {ec::invalid_input, "forward: " + std::move(what)};
}

bool is_text(const std::optional<msgpack_value>& v) {
  return v && (v->kind == msgpack_kind::string || v->kind == msgpack_kind::binary);
}

/// "1748779200.5": whole seconds, or an EventTime (extension 0: seconds and nanoseconds).
std::optional<std::string> read_time(msgpack_reader& from) {
  const auto v = from.next();
  if (!v)
    return std::nullopt;
  if (v->kind == msgpack_kind::integer)
    return std::to_string(v->integer);
  if (v->kind == msgpack_kind::real)
    return fmt::format("{:.9f}", v->real);
  if (v->kind != msgpack_kind::extension || v->type != 0 || v->bytes.size() != 8)
    return std::nullopt;
  std::uint64_t both = 0;
  for (const unsigned char c : v->bytes)
    both = (both << 8) | c;
  return fmt::format("{}.{:09}", both >> 32, both & 0xffffffffU);
}

/// fluent-bit's newer form puts [time, metadata] where the time was.
std::optional<std::string> read_entry_time(msgpack_reader& from) {
  auto ahead = from;
  const auto head = ahead.next();
  if (!head || head->kind != msgpack_kind::array)
    return read_time(from);
  from = ahead;
  auto time = head->size == 2 ? read_time(from) : std::nullopt;
  return time && from.skip() ? time : std::nullopt;
}

class entry_reader {
public:
  entry_reader(std::string_view tag, const forward_rules& rules, forward_message& out)
      : tag_(tag), rules_(rules), out_(out) {}

  /// A record's map, after its time.
  bool take(msgpack_reader& from, const std::string& time) {
    std::string text;
    json_writer json(text);
    json.begin_object().key("time").raw(time).key("source").string(tag_);
    if (!write_event(from, json))
      return false;
    json.end_object();
    if (text.size() > rules_.max_record_bytes)
      return false;
    out_.records.push_back(std::move(text));
    return true;
  }
  bool take_entry(msgpack_reader& from) {
    const auto head = from.next();
    if (!head || head->kind != msgpack_kind::array || head->size != 2)
      return false;
    const auto time = read_entry_time(from);
    return time && take(from, *time);
  }

private:
  bool write_event(msgpack_reader& from, json_writer& json) {
    auto ahead = from;
    const auto head = ahead.next();
    if (!head || head->kind != msgpack_kind::map)
      return false;
    if (rules_.message_key.empty() || !has_message(ahead, head->size)) {
      json.key("event");
      return write_json(from, json);
    }
    from = ahead;
    return write_message(from, head->size, json);
  }
  bool has_message(msgpack_reader from, std::uint32_t pairs) const {
    for (std::uint32_t i = 0; i < pairs; ++i) {
      const auto key = from.next();
      if (!is_text(key))
        return false;
      if (key->bytes == rules_.message_key)
        return is_text(from.next());
      if (!from.skip())
        return false;
    }
    return false;
  }
  bool write_message(msgpack_reader& from, std::uint32_t pairs, json_writer& json) {
    std::string_view message;
    std::string others;
    json_writer fields(others);
    fields.begin_object();
    for (std::uint32_t i = 0; i < pairs; ++i) {
      const auto key = from.next();
      if (!is_text(key))
        return false;
      auto ahead = from;
      if (const auto value = ahead.next(); key->bytes == rules_.message_key && is_text(value)) {
        message = value->bytes;
        from = ahead;
        continue;
      }
      fields.key(key->bytes);
      if (!write_json(from, fields))
        return false;
    }
    fields.end_object();
    while (!message.empty() && (message.back() == '\n' || message.back() == '\r'))
      message.remove_suffix(1);
    json.key("event").string(message);
    if (others != "{}")
      json.key("fields").raw(others);
    return true;
  }

  std::string_view tag_;
  const forward_rules& rules_;
  forward_message& out_;
};

struct forward_option {
  std::string chunk;
  bool gzip = false;
};

/// The option map at the end of a message, if there is one.
std::optional<forward_option> read_option(msgpack_reader& from, bool given) {
  forward_option out;
  if (!given)
    return out;
  const auto head = from.next();
  if (!head || (head->kind != msgpack_kind::map && head->kind != msgpack_kind::nil))
    return std::nullopt;
  for (std::uint32_t i = 0; head->kind == msgpack_kind::map && i < head->size; ++i) {
    const auto key = from.next();
    if (!is_text(key))
      return std::nullopt;
    auto ahead = from;
    const auto value = ahead.next();
    if (key->bytes == "chunk" && is_text(value))
      out.chunk = value->bytes;
    if (key->bytes == "compressed" && is_text(value))
      out.gzip = value->bytes == "gzip";
    if (!from.skip())
      return std::nullopt;
  }
  return out;
}

/// PackedForward: entries one after the other.
outcome take_packed(std::string_view packed, bool gzip, const forward_rules& rules, entry_reader& entries) {
  std::string plain;
  if (gzip) {
    auto text = inflate(compression::gzip, packed, rules.max_message_bytes);
    if (!text)
      return breach(text.error().what);
    plain = std::move(text).take();
    packed = plain;
  }
  msgpack_reader reader(packed);
  while (!reader.at_end())
    if (!entries.take_entry(reader))
      return breach(fmt::format("a packed entry at byte {} is broken", reader.at()));
  return done{};
}

std::string sha512_hex(const std::vector<std::string_view>& parts) {
  std::string text;
  for (const auto part : parts)
    text += part;
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), hash, &size, EVP_sha512(), nullptr);
  return hex_of({reinterpret_cast<const char*>(hash), size});
}

void put_text(std::string& out, std::string_view text) {
  if (text.size() < 32) {
    out += static_cast<char>(0xa0 | text.size());
  } else {
    out += static_cast<char>(0xda);
    out += static_cast<char>(text.size() >> 8);
    out += static_cast<char>(text.size() & 0xff);
  }
  out += text;
}

} // namespace

result<forward_message> read_forward(std::string_view message, const forward_rules& rules) {
  msgpack_reader reader(message);
  const auto head = reader.next();
  if (!head || head->kind != msgpack_kind::array || head->size < 2 || head->size > 4)
    return breach("a message is an array of 2 to 4");
  const auto tag = reader.next();
  if (!is_text(tag))
    return breach("the tag is no text");
  forward_message out;
  entry_reader entries(tag->bytes, rules, out);
  auto ahead = reader;
  const auto second = ahead.next();
  if (!second)
    return breach("a message without entries");
  const bool packed = second->kind == msgpack_kind::string || second->kind == msgpack_kind::binary;
  const bool list = second->kind == msgpack_kind::array;
  if (packed || list) {
    reader = ahead;
    for (std::uint32_t i = 0; list && i < second->size; ++i)
      if (!entries.take_entry(reader))
        return breach(fmt::format("entry {} is broken", i));
    const auto option = read_option(reader, head->size > 2);
    if (!option)
      return breach("the option is no map");
    if (packed)
      if (const auto taken = take_packed(second->bytes, option->gzip, rules, entries); !taken)
        return taken.error();
    out.chunk = option->chunk;
    return out;
  }
  const auto time = read_time(reader);
  if (!time || head->size < 3 || !entries.take(reader, *time))
    return breach("a message's time or record is broken");
  const auto option = read_option(reader, head->size > 3);
  if (!option)
    return breach("the option is no map");
  out.chunk = option->chunk;
  return out;
}

std::string forward_ack(std::string_view chunk) {
  std::string out = "\x81";
  put_text(out, "ack");
  put_text(out, chunk.substr(0, 65535));
  return out;
}

std::string forward_helo(std::string_view nonce) {
  std::string out = "\x92";
  put_text(out, "HELO");
  out += '\x83';
  put_text(out, "nonce");
  put_text(out, nonce);
  put_text(out, "auth");
  put_text(out, "");
  put_text(out, "keepalive");
  out += '\xc3';
  return out;
}

result<forward_pong> answer_ping(std::string_view ping, std::string_view nonce, std::string_view shared_key,
                                 std::string_view hostname) {
  msgpack_reader reader(ping);
  const auto head = reader.next();
  if (!head || head->kind != msgpack_kind::array || head->size != 6)
    return breach("a PING is an array of 6");
  std::string_view parts[4];
  for (auto& part : parts) {
    const auto v = reader.next();
    if (!is_text(v))
      return breach("a PING holds texts");
    part = v->bytes;
  }
  if (parts[0] != "PING")
    return breach("a PING was expected");
  const auto client = parts[1], salt = parts[2], digest = parts[3];
  const auto wanted = sha512_hex({salt, client, nonce, shared_key});
  forward_pong out;
  out.accepted = digest.size() == wanted.size() && CRYPTO_memcmp(digest.data(), wanted.data(), wanted.size()) == 0;
  out.text = "\x95";
  put_text(out.text, "PONG");
  out.text += out.accepted ? '\xc3' : '\xc2';
  put_text(out.text, out.accepted ? "" : "shared key mismatch");
  put_text(out.text, hostname);
  put_text(out.text, out.accepted ? sha512_hex({salt, hostname, nonce, shared_key}) : "");
  return out;
}

} // namespace soc::sources
