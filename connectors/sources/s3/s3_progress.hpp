// sources/s3/s3_progress.hpp - which objects of a bucket are read and how far the present one is: decided from listings
// alone, kept as a text. Pure.
#pragma once
#include "base/result.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace soc::sources {

struct s3_object {
  std::string key, etag;
  std::uint64_t size = 0;
};

/// One page of ListObjectsV2 (docs.aws.amazon.com/AmazonS3/latest/API), asked for with encoding-type=url.
struct s3_listing {
  std::vector<s3_object> objects;
  bool truncated = false;
  std::string next; ///< continuation token
};
result<s3_listing> read_listing(std::string_view xml);

/// What tells this object from others, and from another of its key.
std::uint64_t mark_of(const s3_object& object);

/// Whether a key is below a prefix pattern at any time.
bool is_below(std::string_view key, std::string_view pattern);

/// Whether every % of a prefix is a directive.
bool is_prefix_pattern(std::string_view pattern);
/// The prefixes a pattern stands for between two times, oldest first; one where it has no directive.
std::vector<std::string> prefixes_between(const std::string& pattern, unix_ns from, unix_ns to);

class s3_progress {
public:
  /// A text of text(); anything else is a fresh start.
  static s3_progress read(const std::string& text);
  std::string text() const;

  /// Where a listing of `prefix` may begin: after this key. Empty when all of it must be seen.
  std::string after(const std::string& prefix, bool any_order) const;
  bool is_done(const std::string& prefix, const s3_object& object, bool any_order) const;
  /// Records of this very object that are handed on already.
  std::uint64_t records_of(const s3_object& object) const;

  void advance(const s3_object& object, std::uint64_t records);
  void finish(const std::string& prefix, const s3_object& object, bool any_order);
  /// Prefixes that are looked at no more.
  void forget_all_but(const std::set<std::string>& prefixes);

private:
  struct of_prefix {
    std::string after;            ///< the last key, in key order
    std::set<std::uint64_t> done; ///< any order: key and etag
  };
  std::map<std::string, of_prefix> prefixes_;
  std::string key_, etag_; ///< the present object
  std::uint64_t records_ = 0;
};

} // namespace soc::sources
