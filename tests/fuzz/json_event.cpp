// Any bytes as a stream of events (the last one says into what pieces it is cut): split into documents at every chunk
// size, decoded as JSON and as Windows XML. Whatever comes in, all of it is handed on, in the same documents however it
// is cut.
#include "ingest/core/json_decoder.hpp"
#include "ingest/core/json_splitter.hpp"
#include "ingest/core/windows_event.hpp"
#include "model/event.hpp"

#include <cstdlib>

using namespace soc;

namespace {

std::vector<std::string> documents_of(std::string_view bytes, std::size_t chunk) {
  std::vector<std::string> out;
  const auto take = [&](std::string_view document, std::uint64_t) { out.emplace_back(document); };
  ingest::json_splitter splitter;
  for (std::size_t at = 0; at < bytes.size(); at += chunk)
    splitter.feed(bytes.substr(at, chunk), take);
  splitter.finish(take);
  return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 65536)
    return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size - 1);
  const auto whole = documents_of(bytes, bytes.size());
  if (documents_of(bytes, 1 + data[size - 1]) != whole)
    std::abort();
  auto names = std::make_shared<model::field_dictionary>();
  names->intern("Channel");
  ingest::json_decoder decoder(names);
  arena memory;
  std::vector<model::slot> slots;
  for (auto document : whole) {
    document.reserve(document.size() + ingest::json_decoder::padding);
    slots.clear();
    if (!decoder.decode(document, memory, slots))
      ingest::flatten_windows_event(slots, *names, memory);
    slots.clear();
    ingest::decode_windows_xml(document, *names, memory, slots);
  }
  return 0;
}
