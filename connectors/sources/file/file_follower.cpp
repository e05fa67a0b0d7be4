#include "connectors/sources/file/file_follower.hpp"

#include <algorithm>
#include <sys/stat.h>

namespace soc::sources {

namespace {

/// A rotated file that stayed silent so long gets no more lines: its writer has moved to the new one.
constexpr unix_ns rotated_quiet_ns = 5 * ns_per_s;

bool is_deleted(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && status.st_nlink == 0;
}

} // namespace

file_follower::file_follower(file_options options, std::shared_ptr<const model::connector_context> context,
                             source_counts_ptr counts, std::shared_ptr<const clock_source> clock)
    : options_(std::move(options)), counts_(std::move(counts)), clock_(std::move(clock)),
      grouping_(options_.multiline), settings_{std::move(context), &grouping_, options_.max_line_bytes,
                                               options_.multiline.timeout, counts_} {}

file_follower::~file_follower() = default;

outcome file_follower::start(const checkpoint_map& stored, std::function<void()> wake) {
  for (const auto& [key, bytes] : stored) {
    if (bytes.empty())
      continue; // forgotten
    if (auto checkpoint = decode_file_checkpoint(bytes))
      stored_[{checkpoint->device, checkpoint->inode}] = *checkpoint;
    else
      count(counts_->errors);
  }
  first_run_ = stored.empty();
  watcher_ = std::make_unique<directory_watcher>([this, wake = std::move(wake)] {
    changed_ = true;
    wake();
  });
  scan(clock_->now());
  return done{};
}

void file_follower::stop() {
  stopped_ = true;
  watcher_.reset();
}

model::raw_batch_ptr file_follower::next(std::uint64_t ticket) {
  if (stopped_)
    return nullptr;
  if (changed_.exchange(false))
    take_changes();
  const auto now = clock_->now();
  while (!ready_.empty()) {
    const auto id = ready_.front();
    const auto found = files_.find(id);
    if (found == files_.end() || found->second.held || found->second.finished) {
      ready_.pop_front();
      continue;
    }
    auto& file = found->second;
    auto step = file.reader->read(file.origin, now, is_complete(file, now));
    if (step.status == read_status::rewritten) {
      rewritten(id, file);
    } else if (step.status != read_status::batch) {
      file.finished = step.status != read_status::idle;
      if (step.status == read_status::broken)
        count(counts_->errors);
      file.ready = false;
      ready_.pop_front();
    } else if (!step.batch->records.empty()) {
      file.read_at = now;
      file.window.sent(ticket, step.after);
      tickets_[ticket] = id;
      ready_.pop_front(); // to the end of the line: no file keeps the others waiting
      ready_.push_back(id);
      return step.batch;
    }
  }
  return nullptr;
}

checkpoint_map file_follower::settled(std::uint64_t ticket) {
  const auto known = tickets_.find(ticket);
  if (known == tickets_.end())
    return {};
  const auto id = known->second;
  tickets_.erase(known);
  if (const auto found = files_.find(id); found != files_.end())
    if (auto frontier = found->second.window.acknowledged(ticket)) {
      found->second.frontier = std::move(*frontier);
      put_checkpoint(id, found->second);
    }
  return std::exchange(to_store_, {});
}

checkpoint_map file_follower::tick(unix_ns now) {
  if (stopped_)
    return std::exchange(to_store_, {});
  changed_ = false;
  take_changes();
  if (names_changed_ || now - scanned_at_ >= std::chrono::nanoseconds(options_.rescan).count())
    scan(now);
  look_at_copies(now);
  close_those_done(now);
  for (auto& [id, file] : files_)
    make_ready(id, file);
  return std::exchange(to_store_, {});
}

void file_follower::take_changes() {
  if (!watcher_)
    return;
  const auto changes = watcher_->take();
  if (changes.names_changed)
    scan(clock_->now());
  if (changes.written.empty())
    return;
  for (auto& [id, file] : files_)
    if (changes.written.count(file.path) > 0)
      make_ready(id, file);
}

void file_follower::make_ready(const file_identity& id, followed& file) {
  if (file.ready || file.finished || file.held)
    return;
  file.ready = true;
  ready_.push_back(id);
}

// No more will be written to it: its unfinished last line is a record.
bool file_follower::is_complete(const followed& file, unix_ns now) const {
  const bool may_end = file.away_since > 0 || file.reader->compressed();
  return may_end && now - std::max(file.away_since, file.read_at) > rotated_quiet_ns;
}

// Copy and truncate, or written anew: the new content is read from its beginning; what was not read yet of the old one
// is looked for under another name.
void file_follower::rewritten(const file_identity& id, followed& file) {
  std::optional<file_identity> copy;
  if (auto found = find_continuation(file.origin, file.reader->mark(), settings_); found && found->identity != id) {
    const auto there = found->identity;
    if (adopt(std::move(*found), id, file.origin, file.frontier))
      copy = there;
  }
  move_flights(id, copy);
  file.reader = make_reader(descriptor(::dup(file.reader->fd())), settings_);
  file.frontier = {};
}

/// What is in flight of the old content goes along with it: the copy's place may not pass it, and a place in the old
/// content is none in the new one.
void file_follower::move_flights(const file_identity& from, const std::optional<file_identity>& to) {
  auto flights = std::exchange(files_.at(from).window, {});
  if (to)
    files_.at(*to).window = std::move(flights);
  for (auto at = tickets_.begin(); at != tickets_.end();) {
    if (at->second == from && !to) {
      at = tickets_.erase(at);
      continue;
    }
    if (at->second == from)
      at->second = *to;
    ++at;
  }
}

void file_follower::put_checkpoint(const file_identity& id, const followed& file) {
  const bool finished = file.finished && file.window.empty();
  file_checkpoint checkpoint{file.origin, id.device, id.inode, file.frontier, finished};
  to_store_.emplace_back(checkpoint_key(id.device, id.inode), encode(checkpoint));
  stored_[id] = std::move(checkpoint);
}

// A file that left its place is closed when all of it is acknowledged. One without a name is forgotten: nobody can meet
// it again, and its inode may soon be another file's.
void file_follower::close_those_done(unix_ns now) {
  for (auto at = files_.begin(); at != files_.end();) {
    auto& [id, file] = *at;
    const bool quiet = file.away_since > 0 && now - std::max(file.away_since, file.read_at) > 2 * rotated_quiet_ns;
    const bool done = (quiet || file.finished) && !file.in_glob && file.window.empty() && !file.ready;
    if (!done) {
      ++at;
      continue;
    }
    if (is_deleted(file.reader->fd())) {
      to_store_.emplace_back(checkpoint_key(id.device, id.inode), std::string{});
      stored_.erase(id);
    }
    at = files_.erase(at);
    counts_->open.fetch_sub(1, std::memory_order_relaxed);
  }
}

} // namespace soc::sources
