// store/database.hpp - one LMDB environment under <data>/store: opens it (refusing a newer format), runs transactions,
// grows its map. Every committed write is on disk. Owned by the node, used by the store actor only: not thread-safe,
// one writer.
#pragma once
#include "base/result.hpp"

#include <lmdb.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace soc::store {

/// The sub-databases.
enum class table : std::uint8_t { meta, snapshots, checkpoints, intents, dead_letters, quarantine };
constexpr std::size_t table_count = 6;

/// Rises when an older node could no longer read what this one writes.
constexpr std::uint32_t format_version = 1;

struct database_options {
  std::uint64_t initial_map_bytes = 64ull << 20;
  std::uint64_t max_map_bytes = 64ull << 30; ///< then writes fail with `too_large`
};

/// Reading within a transaction. Views point into the map: good until the transaction ends (or, when writing, the next
/// change).
class reading {
public:
  std::optional<std::string_view> get(table where, std::string_view key) const;
  /// All entries whose key starts with `prefix`, in order, until `visit` returns false.
  using visitor = std::function<bool(std::string_view key, std::string_view value)>;
  void scan(table where, std::string_view prefix, const visitor& visit) const;
  /// Entries from `first` on, and from the last one back.
  void scan_from(table where, std::string_view first, const visitor& visit) const;
  void scan_back(table where, const visitor& visit) const;

protected:
  friend class database;
  reading(MDB_txn* txn, const std::array<MDB_dbi, table_count>& tables) : txn_(txn), tables_(tables) {}
  MDB_dbi of(table where) const { return tables_[static_cast<std::size_t>(where)]; }

  MDB_txn* txn_;
  const std::array<MDB_dbi, table_count>& tables_;
};

class writing final : public reading {
public:
  void put(table where, std::string_view key, std::string_view value);
  bool erase(table where, std::string_view key); ///< false when it was not there

private:
  friend class database;
  using reading::reading;
};

class database {
public:
  /// Opens or creates `directory`. Fails with `version_mismatch` on a newer format, `conflict` when another process has
  /// it, `corrupt` or `io_error` otherwise; the failure says which directory and what to do.
  static result<std::unique_ptr<database>> open(const std::filesystem::path& directory, database_options options = {});
  ~database();
  database(const database&) = delete;
  database& operator=(const database&) = delete;

  /// One transaction, all or nothing, on disk when it returns. `body` may run several times (the map grows in between)
  /// and must not keep anything from a run that failed. A failure it returns aborts.
  outcome write(const std::function<outcome(writing&)>& body);
  outcome read(const std::function<outcome(const reading&)>& body);

  std::uint64_t map_bytes() const;
  std::uint64_t used_bytes() const; ///< pages in use
  std::uint64_t growths() const { return growths_; }
  const std::filesystem::path& directory() const { return directory_; }

private:
  struct lock_file {
    int descriptor = -1;
    ~lock_file();
  };

  database(std::filesystem::path directory, database_options options)
      : directory_(std::move(directory)), options_(options) {}
  outcome lock();
  outcome check_format();
  outcome open_environment();
  outcome open_tables();
  outcome grow();
  int try_write(const std::function<outcome(writing&)>& body, outcome& answer);

  std::filesystem::path directory_;
  database_options options_;
  lock_file lock_;
  MDB_env* env_ = nullptr;
  std::array<MDB_dbi, table_count> tables_{};
  std::uint32_t open_transactions_ = 0; ///< the map must not move under them
  std::uint64_t growths_ = 0;
};

} // namespace soc::store
