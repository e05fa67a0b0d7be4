// detection/core/literal_scanner.hpp - many literals searched in one pass (vectorscan). Built once, then immutable and
// shared; each thread has its own scratch. The hits are reported with the literal's number and where it ends.
#pragma once
#include "base/result.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct hs_database;
struct hs_scratch;

namespace soc::detection {

/// Working memory of one thread for any number of scanners.
class scan_scratch {
public:
  scan_scratch() = default;
  scan_scratch(const scan_scratch&) = delete;
  scan_scratch& operator=(const scan_scratch&) = delete;
  scan_scratch(scan_scratch&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  ~scan_scratch();

private:
  friend class literal_scanner;
  hs_scratch* raw_ = nullptr;
};

struct scan_literal {
  std::string text;
  bool once = false; ///< one hit a scan is enough
};

class literal_scanner {
public:
  /// `ignore_case` folds ASCII only. Literals must not be empty.
  static result<std::shared_ptr<const literal_scanner>> compile(const std::vector<scan_literal>& literals,
                                                                bool ignore_case);
  ~literal_scanner();

  /// Makes `scratch` large enough; once per scanner and scratch, before the first scan.
  void prepare(scan_scratch& scratch) const;

  using hit_function = int (*)(unsigned literal, unsigned long long from, unsigned long long to, unsigned flags,
                               void* context);
  /// Calls `hit` for every occurrence; it returns 0 to go on.
  void scan(std::string_view text, scan_scratch& scratch, hit_function hit, void* context) const;
  std::size_t memory_bytes() const;

private:
  literal_scanner() = default;
  hs_database* database_ = nullptr;
};

} // namespace soc::detection
