// sources/file/file_discovery.cpp - the half of file_follower that finds files and decides which content each one is.
#include "connectors/sources/file/file_follower.hpp"
#include "connectors/sources/file/glob.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <sys/stat.h>

namespace soc::sources {

namespace {

constexpr unix_ns copy_quiet_ns = 10 * ns_per_s;
/// A compressed file younger than this may still be being written; it is taken when it has settled.
constexpr unix_ns compressed_settle_ns = 2 * ns_per_s;
constexpr std::size_t max_watched_folders = 4096;

std::string folder_of(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}
std::string name_of(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

unix_ns modified_at(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 ? status.st_mtim.tv_sec * ns_per_s + status.st_mtim.tv_nsec : 0;
}

/// The place to start in a file that is read from its end: a line that has begun there is not ours.
content_mark end_mark(int fd) {
  const auto read_at = bytes_of(fd);
  auto mark = mark_at(size_of(fd), read_at);
  mark.skipping = mark.offset > 0 && read_at(mark.offset - 1, 1) != "\n";
  return mark;
}

} // namespace

std::vector<std::string> file_follower::wanted_paths() const {
  std::set<std::string> paths;
  for (const auto& glob : options_.paths)
    for (auto& path : expand_glob(glob, options_.max_files))
      paths.insert(std::move(path));
  std::vector<std::string> out;
  for (const auto& path : paths) {
    const auto excluded = [&](const std::string& glob) { return glob_matches(glob, path); };
    if (std::none_of(options_.exclude.begin(), options_.exclude.end(), excluded))
      out.push_back(path);
  }
  return out;
}

void file_follower::scan(unix_ns now) {
  scanned_at_ = now;
  names_changed_ = false;
  // Before the files are listed: what appears in between is then told by the watcher.
  std::vector<std::string> folders;
  for (const auto& glob : options_.paths)
    for (auto& folder : folders_of_glob(glob, max_watched_folders))
      folders.push_back(std::move(folder));
  if (watcher_)
    watcher_->watch(folders);

  std::map<file_identity, std::string> met;
  for (const auto& path : wanted_paths())
    if (const auto id = identity_of(path))
      met.emplace(*id, path);
  for (auto& [id, file] : files_)
    file.in_glob = met.count(id) > 0;
  // Known files first: a new one may be the copy of a known one.
  for (const auto& [id, path] : met)
    if (files_.count(id) > 0 || stored_.count(id) > 0)
      meet(path, id, now);
  for (const auto& [id, path] : met)
    if (files_.count(id) == 0)
      meet(path, id, now);
  for (auto& [id, file] : files_)
    if (!file.in_glob && file.away_since == 0)
      file.away_since = now;
  if (std::exchange(first_scan_, false)) {
    const auto stored = stored_;
    for (const auto& [id, checkpoint] : stored)
      if (files_.count(id) == 0)
        follow_lost_content(checkpoint);
  }
}

void file_follower::meet(const std::string& path, const file_identity& id, unix_ns now) {
  if (const auto known = files_.find(id); known != files_.end()) {
    auto& file = known->second;
    if (file.path != path) {
      file.path = path;
      file.away_since = now;
    }
    return;
  }
  if (files_.size() >= options_.max_files) {
    count(counts_->refused);
    return;
  }
  if (!go_on_from_checkpoint(path, id))
    meet_unknown(path, id, now);
}

bool file_follower::go_on_from_checkpoint(const std::string& path, const file_identity& id) {
  const auto stored = stored_.find(id);
  if (stored == stored_.end())
    return false;
  const auto checkpoint = stored->second;
  auto file = open_file(path);
  if (!file)
    return false;
  auto reader = make_reader(std::move(file), settings_);
  // Its inode may be another file's by now; all of an archive is not read again only to know it.
  const bool finished = checkpoint.finished && reader->is_archive_of(checkpoint.mark);
  if (finished || reader->resume(checkpoint.mark)) {
    auto& followed = add(id, path, checkpoint.path, std::move(reader));
    followed.frontier = checkpoint.mark;
    followed.finished = finished;
    return true;
  }
  // Truncated or replaced while nobody looked: the rest of the old content may be elsewhere.
  stored_.erase(stored);
  follow_lost_content(checkpoint);
  return false;
}

void file_follower::meet_unknown(const std::string& path, const file_identity& id, unix_ns now) {
  auto file = open_file(path);
  if (!file) {
    count(counts_->errors);
    return;
  }
  const auto modified = modified_at(file.get());
  auto reader = make_reader(std::move(file), settings_);
  const auto fd = reader->fd();
  if (reader->compressed() && now - modified < compressed_settle_ns && now >= modified) {
    names_changed_ = true;
    return;
  }
  if (go_on_from_content(path, id, *reader) || hold_as_copy(path, id, now))
    return;
  const bool skip = first_scan_ && first_run_ && options_.from_end;
  const bool compressed = reader->compressed();
  if (skip && !compressed)
    reader->resume(end_mark(fd));
  auto& followed = add(id, path, path, std::move(reader));
  followed.finished = skip && compressed;
  followed.frontier = followed.reader->mark();
  if (skip) {
    followed.frontier.skipping = !compressed && end_mark(fd).skipping;
    put_checkpoint(id, followed);
  }
}

// A compressed copy of what was read as a plain file, or the file of a checkpoint under another inode.
bool file_follower::go_on_from_content(const std::string& path, const file_identity& id, file_reader& reader) {
  for (const auto& [known_id, known] : stored_) {
    const auto live = files_.find(known_id);
    if (!reader.compressed() && known.path == path && live == files_.end() && known.mark.offset > 0 &&
        reader.resume(known.mark)) {
      // The same file on a device that has got another number.
      auto moved = make_reader(open_file(path), settings_);
      moved->resume(known.mark);
      add(id, path, path, std::move(moved)).frontier = known.mark;
      return true;
    }
    if (!reader.compressed())
      continue;
    const auto& mark =
        live != files_.end() && !live->second.reader->compressed() ? live->second.reader->mark() : known.mark;
    const bool related =
        folder_of(known.path) == folder_of(path) && is_rotation_name(name_of(known.path), name_of(path));
    if (!related || mark.offset == 0 || !reader.resume(mark))
      continue;
    auto again = make_reader(open_file(path), settings_);
    again->resume(mark);
    auto& followed = add(id, path, known.path, std::move(again));
    followed.frontier = known.mark;
    put_checkpoint(id, followed);
    return true;
  }
  return false;
}

bool file_follower::hold_as_copy(const std::string& path, const file_identity& id, unix_ns now) {
  auto file = open_file(path);
  const auto size = file ? size_of(file.get()) : 0;
  const auto copy = bytes_of(file.get());
  for (const auto& [known_id, known] : files_) {
    if (known.reader->compressed() || known.held || folder_of(known.path) != folder_of(path) ||
        !is_rotation_name(name_of(known.path), name_of(path)))
      continue;
    if (size == 0 &&
        now - modified_at(file.get()) <
            copy_quiet_ns) { // a copy that has just begun, or an empty file: nothing is lost by looking again
      names_changed_ = true;
      return true;
    }
    const auto alike = std::min(size, size_of(known.reader->fd()));
    const auto& mark = known.reader->mark();
    if (!begin_alike(copy, bytes_of(known.reader->fd()), alike) && (mark.offset == 0 || !holds_mark(mark, copy)))
      continue;
    auto& followed = add(id, path, known.origin, make_reader(std::move(file), settings_));
    followed.held = copy_of{known_id, alike, size, now};
    followed.ready = false;
    return true;
  }
  return false;
}

void file_follower::follow_lost_content(const file_checkpoint& checkpoint) {
  std::optional<continuation> found;
  if (!checkpoint.finished)
    found = find_continuation(checkpoint.path, checkpoint.mark, settings_);
  std::error_code error;
  const bool folder_is_there = std::filesystem::is_directory(folder_of(checkpoint.path), error);
  if (found)
    adopt(std::move(*found), {checkpoint.device, checkpoint.inode}, checkpoint.path, checkpoint.mark);
  else if (const file_identity id{checkpoint.device, checkpoint.inode}; folder_is_there && files_.count(id) == 0)
    to_store_.emplace_back(checkpoint_key(id.device, id.inode), std::string{});
}

/// `found` goes on where the file `stopped` did (itself under another name, or a copy of it). Its checkpoint is written
/// at once: a restart must not need the other one's. False when it has a place of its own.
bool file_follower::adopt(continuation found, const file_identity& stopped, const std::string& origin,
                          const content_mark& frontier) {
  const auto id = found.identity;
  const auto known = files_.find(id);
  if (known != files_.end() && !known->second.held)
    return false; // followed already, from its own place
  if (known == files_.end() && id != stopped && stored_.count(id) > 0)
    return false; // has a place of its own in the store
  if (known != files_.end()) {
    known->second.held.reset();
    known->second.reader = std::move(found.reader);
  }
  auto& file = known != files_.end() ? known->second : add(id, found.path, origin, std::move(found.reader));
  file.origin = origin;
  file.in_glob = known != files_.end();
  file.frontier = frontier;
  file.away_since = clock_->now();
  put_checkpoint(id, file);
  make_ready(id, file);
  return true;
}

void file_follower::look_at_copies(unix_ns now) {
  for (auto& [id, file] : files_) {
    if (!file.held)
      continue;
    auto& held = *file.held;
    const auto size = size_of(file.reader->fd());
    if (std::exchange(held.size, size) != size)
      held.changed_at = now;
    const auto original = files_.find(held.original);
    if (original == files_.end()) {
      release_copy(id, file, std::min(held.alike_size, size));
      continue;
    }
    const auto& mark = original->second.reader->mark();
    const auto there = bytes_of(original->second.reader->fd());
    if (mark.offset > 0 && !holds_mark(mark, there))
      continue; // truncated, not noticed yet: reading it finds this copy
    const auto alike = std::min(size, size_of(original->second.reader->fd()));
    if (!begin_alike(bytes_of(file.reader->fd()), there, alike))
      release_copy(id, file, std::min({held.alike_size, mark.offset, size}));
    else if (mark.offset >= size && now - held.changed_at > copy_quiet_ns)
      release_copy(id, file, size);
  }
}

void file_follower::release_copy(const file_identity& id, followed& copy, std::uint64_t offset) {
  copy.held.reset();
  copy.reader->resume(mark_at(offset, bytes_of(copy.reader->fd())));
  copy.frontier = copy.reader->mark();
  copy.origin = copy.path;
  put_checkpoint(id, copy);
  make_ready(id, copy);
}

file_follower::followed& file_follower::add(const file_identity& id, std::string path, std::string origin,
                                            std::unique_ptr<file_reader> reader) {
  auto& file = files_[id];
  file.path = std::move(path);
  file.origin = std::move(origin);
  file.reader = std::move(reader);
  file.read_at = clock_->now();
  count(counts_->open);
  make_ready(id, file);
  return file;
}

} // namespace soc::sources
