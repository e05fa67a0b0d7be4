// tests/unit/sources/log_folder.hpp - a folder of log files for one test, and a follower that is read to its end.
#pragma once
#include "connectors/sources/file/file_follower.hpp"

#include <boost/test/unit_test.hpp>

#include <deque>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>
#include <zlib.h>

namespace soc::sources::testing {

class log_folder {
public:
  log_folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "soc-files-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~log_folder() { std::filesystem::remove_all(path_); }

  std::string at(const std::string& name) const { return path_ + "/" + name; }
  void append(const std::string& name, std::string_view text) const {
    std::ofstream(at(name), std::ios::app | std::ios::binary) << text;
  }
  void rename(const std::string& from, const std::string& to) const { std::filesystem::rename(at(from), at(to)); }
  void copy(const std::string& from, const std::string& to) const {
    std::filesystem::copy_file(at(from), at(to), std::filesystem::copy_options::overwrite_existing);
  }
  void truncate(const std::string& name) const { BOOST_REQUIRE(::truncate(at(name).c_str(), 0) == 0); }
  void remove(const std::string& name) const { std::filesystem::remove(at(name)); }

  /// As gzip does: the compressed file beside it, the original gone. Made to look as old as `age_s`.
  void compress(const std::string& name, int age_s = 60) const {
    std::ifstream in(at(name), std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    gzFile out = ::gzopen(at(name + ".gz").c_str(), "wb");
    ::gzwrite(out, text.data(), static_cast<unsigned>(text.size()));
    ::gzclose(out);
    age(name + ".gz", age_s);
    remove(name);
  }
  void age(const std::string& name, int age_s) const {
    const timespec then{::time(nullptr) - age_s, 0};
    const timespec times[2] = {then, then};
    ::utimensat(AT_FDCWD, at(name).c_str(), times, 0);
  }

private:
  std::string path_;
};

/// A follower with a store that keeps its checkpoints, and a pipeline that takes batches and acknowledges them when
/// told.
class followed_folder {
public:
  explicit followed_folder(file_options options)
      : options_(std::move(options)), clock(std::make_shared<manual_clock>(system_clock_source().now())),
        counts(std::make_shared<source_counts>()) {
    options_.rescan = std::chrono::milliseconds{1}; // inotify tells when it likes
    start();
  }

  void start() {
    auto context = std::make_shared<model::connector_context>();
    context->connector = "test";
    follower = std::make_unique<file_follower>(options_, context, counts, clock);
    checkpoint_map stored(store.begin(), store.end());
    BOOST_REQUIRE(static_cast<bool>(follower->start(stored, [] {})));
    keep(follower->tick(clock->now()));
  }
  /// What was not acknowledged is forgotten, as after a kill.
  void kill_and_restart() {
    follower.reset();
    in_flight.clear();
    start();
  }

  /// Lets time pass, reads at most `batches`; the records read, in order.
  std::vector<std::string> read(std::size_t batches = 1000,
                                std::chrono::milliseconds passed = std::chrono::milliseconds{250}) {
    clock->advance(passed);
    keep(follower->tick(clock->now()));
    std::vector<std::string> out;
    for (std::size_t i = 0; i < batches; ++i) {
      const auto batch = follower->next(++ticket_);
      if (!batch)
        break;
      in_flight.push_back(ticket_);
      for (std::size_t r = 0; r < batch->records.size(); ++r)
        out.emplace_back(batch->record(r));
      last = batch;
    }
    all.insert(all.end(), out.begin(), out.end());
    return out;
  }
  void acknowledge(std::size_t batches = 1000) {
    for (; batches > 0 && !in_flight.empty(); --batches) {
      keep(follower->settled(in_flight.front()));
      in_flight.pop_front();
    }
  }

  file_options options_;
  std::shared_ptr<manual_clock> clock;
  source_counts_ptr counts;
  std::unique_ptr<file_follower> follower;
  std::map<std::string, std::string> store;
  std::deque<std::uint64_t> in_flight;
  std::vector<std::string> all;
  model::raw_batch_ptr last;

private:
  void keep(const checkpoint_map& checkpoints) {
    for (const auto& [key, bytes] : checkpoints)
      store[key] = bytes;
  }
  std::uint64_t ticket_ = 0;
};

} // namespace soc::sources::testing
