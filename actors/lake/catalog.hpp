// lake/catalog.hpp - the segments of a node's event store as all its actors see them: the writers add to their open
// one, the keeper seals and removes, searches take a copy. Outlives the actors' restarts; thread-safe.
#pragma once
#include "lake/segment_file.hpp"
#include "runtime/lake_interfaces.hpp"

#include <map>
#include <mutex>

namespace soc::lake {

class catalog {
public:
  /// Makes the directory, repairs what a crash left, and knows what is there. Fails with io_error.
  static result<std::shared_ptr<catalog>> open(const std::filesystem::path& directory);
  /// For reading beside a running node: changes nothing.
  static result<std::shared_ptr<catalog>> look(const std::filesystem::path& directory);

  const std::filesystem::path& directory() const { return directory_; }
  /// What open() mended.
  const std::vector<std::string>& repaired() const { return repaired_; }

  /// The segment `lane` appends to from now on.
  void begin(std::uint32_t lane, const std::string& name);
  /// The lane appends to it no more: its name, empty when there was none.
  std::string end(std::uint32_t lane);
  /// The same, if it is `name`: a writer ends what it has begun, not what a later one of its lane has.
  std::string end(std::uint32_t lane, const std::string& name);
  /// Open segments nobody appends to.
  std::vector<std::string> left_open() const;
  /// False, and nothing is added, when the lane does not append to it any more: it may be sealed by now.
  [[nodiscard]] bool append(std::uint32_t lane, const std::string& name, std::vector<block_entry> blocks,
                            std::uint64_t bytes);
  void seal(segment_info sealed);
  void remove(const std::string& name);

  std::vector<std::shared_ptr<const segment_info>> all() const;
  std::shared_ptr<const segment_info> find(const std::string& name) const;
  lake_status status() const;

private:
  explicit catalog(std::filesystem::path directory) : directory_(std::move(directory)) {}
  static result<std::shared_ptr<catalog>> read(const std::filesystem::path& directory, bool repair);

  std::filesystem::path directory_;
  std::vector<std::string> repaired_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<segment_info>> segments_; ///< open ones change under the mutex only
  std::map<std::uint32_t, std::string> written_;                  ///< by lane
};

} // namespace soc::lake
