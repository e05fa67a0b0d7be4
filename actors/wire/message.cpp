#include "wire/message.hpp"

namespace soc::wire {

capnp::ReaderOptions reader_options() {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = (64U << 20) / sizeof(capnp::word);
  options.nestingLimit = 32;
  return options;
}

std::string to_bytes(capnp::MessageBuilder& message) {
  const auto flat = capnp::messageToFlatArray(message);
  const auto bytes = flat.asBytes();
  return {reinterpret_cast<const char*>(bytes.begin()), bytes.size()};
}

capnp::Text::Reader text_of(const std::string& text) {
  return {text.c_str(), text.size()};
}

capnp::Data::Reader data_of(std::string_view bytes) {
  return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()};
}

std::string_view cut(std::string_view text, std::size_t limit) {
  if (text.size() <= limit)
    return text;
  const auto continues = [&](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80; };
  std::size_t end = limit;
  while (end > 0 && limit - end < 4 && continues(end))
    --end;
  return text.substr(0, continues(end) ? limit : end);
}

} // namespace soc::wire
