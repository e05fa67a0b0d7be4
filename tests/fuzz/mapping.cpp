// Any text as a mapping.yaml: it loads or says what is wrong, and what loads maps a record without a fault.
#include "ingest/core/mapping.hpp"

#include "ingest/core/json_decoder.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

using namespace soc;

namespace {

const ingest::ocsf_schema& schema() {
  static const auto loaded = [] {
    diagnostics found;
    auto s = ingest::ocsf_schema::load(std::string(SOC_SOURCE_DIR) + "/config/ocsf/ocsf-1.8.0.json", found);
    if (!s)
      std::abort();
    return s;
  }();
  return *loaded;
}

/// Loaders read files: the text is one without a disk.
class memory_file {
public:
  explicit memory_file(std::string_view text) : fd_(::memfd_create("mapping", MFD_CLOEXEC)) {
    if (::write(fd_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
      std::abort();
  }
  ~memory_file() { ::close(fd_); }
  std::string path() const { return fmt::format("/proc/self/fd/{}", fd_); }

private:
  int fd_;
};

constexpr std::string_view record =
    R"({"a":"x","b":{"c":1},"time":"2025-01-01 00:00:00 XYZ","url":"http://h/p?q","l":[{"k":"v"}],"in":"{\"z\":1}"})";

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 16384)
    return 0;
  const memory_file file({reinterpret_cast<const char*>(data), size});
  auto names = std::make_shared<model::field_dictionary>();
  diagnostics found;
  const auto mapping = ingest::load_mapping(file.path(), schema(), *names, found);
  if (!mapping && found.errors() == 0)
    std::abort();
  for (const auto& d : found.all())
    render(d, std::string_view(reinterpret_cast<const char*>(data), size));
  if (!mapping)
    return 0;
  model::raw_batch raw;
  raw.context = std::make_shared<model::connector_context>();
  raw.add(record);
  raw.bytes.reserve(raw.bytes.size() + 64);
  arena memory;
  ingest::record_context context;
  context.raw = &raw;
  context.memory = &memory;
  context.native.reserve_ids(names->size() + 1);
  context.ocsf.reserve_ids(names->size() + 1);
  context.record = context.payload = raw.record(0);
  ingest::json_decoder decoder(names);
  if (decoder.decode(raw.record(0), memory, context.native.slots))
    std::abort();
  context.trees.add({{}, raw.record(0)});
  context.native.index_new();
  for (const auto& type : mapping->types) {
    unix_ns time = 0;
    context.ocsf.clear();
    ingest::run_rules(type->rules, mapping->settings, *names, context, time);
  }
  mapping->choose(context);
  return 0;
}
