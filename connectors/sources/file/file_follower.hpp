// sources/file/file_follower.hpp - the file source: finds files by globs, reads what is appended, and keeps its place
// in each by content, so that rotation (rename, copy + truncate, compression) neither loses nor repeats a line and a
// restart goes on behind what was acknowledged. Owned by one actor; one thread, beside the watcher's that only sets a
// flag.
#pragma once
#include "connectors/sources/common/ack_window.hpp"
#include "connectors/sources/common/source_driver.hpp"
#include "connectors/sources/file/directory_watcher.hpp"
#include "connectors/sources/file/file_options.hpp"
#include "connectors/sources/file/file_reader.hpp"
#include "connectors/sources/file/rotation.hpp"

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <unordered_map>

namespace soc::sources {

class file_follower final : public source_driver {
public:
  file_follower(file_options options, std::shared_ptr<const model::connector_context> context, source_counts_ptr counts,
                std::shared_ptr<const clock_source> clock);
  ~file_follower() override;

  outcome start(const checkpoint_map& stored, std::function<void()> wake) override;
  model::raw_batch_ptr next(std::uint64_t ticket) override;
  checkpoint_map settled(std::uint64_t ticket) override;
  checkpoint_map tick(unix_ns now) override;
  std::chrono::milliseconds tick_every() const override { return options_.poll; }
  void stop() override;

private:
  /// A new file that is, so far, a copy of one that is followed: what a truncation of the original would make us need.
  struct copy_of {
    file_identity original;
    std::uint64_t alike_size = 0; ///< bytes that were alike when it was found
    std::uint64_t size = 0;       ///< when last looked at
    unix_ns changed_at = 0;
  };
  struct followed {
    std::string path;   ///< where it is now
    std::string origin; ///< where it was found first: its records keep saying so
    std::unique_ptr<file_reader> reader;
    ack_window<content_mark> window;
    content_mark frontier;  ///< acknowledged up to here
    unix_ns away_since = 0; ///< renamed, removed or no longer in any glob since; 0 = in its place
    unix_ns read_at = 0;    ///< when it last had something
    bool in_glob = true, ready = false, finished = false;
    std::optional<copy_of> held;
  };
  using file_map = std::map<file_identity, followed>;

  // Reading (file_follower.cpp).
  void take_changes();
  void make_ready(const file_identity& id, followed& file);
  void rewritten(const file_identity& id, followed& file);
  void move_flights(const file_identity& from, const std::optional<file_identity>& to);
  bool is_complete(const followed& file, unix_ns now) const;
  void put_checkpoint(const file_identity& id, const followed& file);
  void close_those_done(unix_ns now);

  // Finding (file_discovery.cpp).
  void scan(unix_ns now);
  std::vector<std::string> wanted_paths() const;
  void meet(const std::string& path, const file_identity& id, unix_ns now);
  void meet_unknown(const std::string& path, const file_identity& id, unix_ns now);
  bool go_on_from_checkpoint(const std::string& path, const file_identity& id);
  bool go_on_from_content(const std::string& path, const file_identity& id, file_reader& reader);
  bool hold_as_copy(const std::string& path, const file_identity& id, unix_ns now);
  void follow_lost_content(const file_checkpoint& checkpoint);
  bool adopt(continuation found, const file_identity& stopped, const std::string& origin, const content_mark& frontier);
  void look_at_copies(unix_ns now);
  void release_copy(const file_identity& id, followed& copy, std::uint64_t offset);
  followed& add(const file_identity& id, std::string path, std::string origin, std::unique_ptr<file_reader> reader);

  file_options options_;
  source_counts_ptr counts_;
  std::shared_ptr<const clock_source> clock_;
  line_grouping grouping_;
  reader_settings settings_;
  std::unique_ptr<directory_watcher> watcher_;
  std::atomic<bool> changed_{false};
  file_map files_;
  std::map<file_identity, file_checkpoint> stored_; ///< what the store has
  std::deque<file_identity> ready_;
  std::unordered_map<std::uint64_t, file_identity> tickets_;
  checkpoint_map to_store_;
  unix_ns scanned_at_ = 0;
  bool names_changed_ = true, first_scan_ = true, first_run_ = true, stopped_ = false;
};

} // namespace soc::sources
