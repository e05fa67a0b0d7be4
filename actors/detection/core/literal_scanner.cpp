#include "detection/core/literal_scanner.hpp"

#include <hs/hs.h>

namespace soc::detection {

scan_scratch::~scan_scratch() {
  hs_free_scratch(raw_);
}

literal_scanner::~literal_scanner() {
  hs_free_database(database_);
}

result<std::shared_ptr<const literal_scanner>> literal_scanner::compile(const std::vector<scan_literal>& literals,
                                                                        bool ignore_case) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  std::vector<unsigned> flags, ids;
  for (const auto& l : literals) {
    ids.push_back(static_cast<unsigned>(texts.size()));
    texts.push_back(l.text.data());
    sizes.push_back(l.text.size());
    flags.push_back((ignore_case ? HS_FLAG_CASELESS : 0U) | (l.once ? HS_FLAG_SINGLEMATCH : 0U));
  }
  auto out = std::shared_ptr<literal_scanner>(new literal_scanner());
  hs_compile_error_t* error = nullptr;
  const auto code =
      hs_compile_lit_multi(texts.data(), flags.data(), ids.data(), sizes.data(), static_cast<unsigned>(texts.size()),
                           HS_MODE_BLOCK, nullptr, &out->database_, &error);
  if (code != HS_SUCCESS) {
    std::string why = error != nullptr ? error->message : "out of memory";
    hs_free_compile_error(error);
    return failure{ec::internal, "the literal scanner can't be built: " + why};
  }
  return std::shared_ptr<const literal_scanner>(std::move(out));
}

void literal_scanner::prepare(scan_scratch& scratch) const {
  hs_alloc_scratch(database_, &scratch.raw_);
}

void literal_scanner::scan(std::string_view text, scan_scratch& scratch, hit_function hit, void* context) const {
  hs_scan(database_, text.data(), static_cast<unsigned>(text.size()), 0, scratch.raw_, hit, context);
}

std::size_t literal_scanner::memory_bytes() const {
  std::size_t size = 0;
  hs_database_size(database_, &size);
  return size;
}

} // namespace soc::detection
