#include "store/database.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sys/file.h>
#include <unistd.h>

namespace soc::store {

namespace {

constexpr const char* table_names[table_count] = {"meta",    "snapshots",    "checkpoints",
                                                  "intents", "dead_letters", "quarantine"};

/// LMDB said no in the middle of a transaction's body; never leaves this file.
struct lmdb_refusal {
  int code;
};

void must(int code) {
  if (code != MDB_SUCCESS)
    throw lmdb_refusal{code};
}

MDB_val to_val(std::string_view bytes) {
  return {bytes.size(), const_cast<char*>(bytes.data())};
}

std::string_view to_view(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

/// Closes itself.
class cursor {
public:
  cursor(MDB_txn* txn, MDB_dbi dbi) { must(mdb_cursor_open(txn, dbi, &cursor_)); }
  ~cursor() { mdb_cursor_close(cursor_); }
  cursor(const cursor&) = delete;
  cursor& operator=(const cursor&) = delete;

  /// False at the end.
  bool move(MDB_val& key, MDB_val& value, MDB_cursor_op how) {
    const int code = mdb_cursor_get(cursor_, &key, &value, how);
    if (code == MDB_NOTFOUND)
      return false;
    must(code);
    return true;
  }

private:
  MDB_cursor* cursor_ = nullptr;
};

failure refusal(const std::filesystem::path& directory, int code) {
  const auto reason = fmt::format("{}: {}", directory.string(), mdb_strerror(code));
  switch (code) {
  case MDB_CORRUPTED:
  case MDB_INVALID:
  case MDB_PAGE_NOTFOUND:
  case MDB_VERSION_MISMATCH:
    return {ec::corrupt, reason};
  case MDB_BAD_VALSIZE:
    return {ec::too_large, reason};
  default:
    return {ec::io_error, reason};
  }
}

failure system_failure(const std::filesystem::path& path, const char* doing) {
  return {ec::io_error, fmt::format("{}: can't {}: {}", path.string(), doing, std::strerror(errno))};
}

outcome write_file_durably(const std::filesystem::path& path, const std::string& text) {
  const auto draft = path.string() + ".new";
  const int file = ::open(draft.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0640);
  if (file < 0)
    return system_failure(draft, "create it");
  const bool written =
      ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
  ::close(file);
  if (!written || std::rename(draft.c_str(), path.c_str()) != 0)
    return system_failure(path, "write it");
  return done{};
}

} // namespace

std::optional<std::string_view> reading::get(table where, std::string_view key) const {
  auto wanted = to_val(key);
  MDB_val found;
  const int code = mdb_get(txn_, of(where), &wanted, &found);
  if (code == MDB_NOTFOUND)
    return std::nullopt;
  must(code);
  return to_view(found);
}

void reading::scan_from(table where, std::string_view first, const visitor& visit) const {
  cursor at(txn_, of(where));
  auto key = to_val(first);
  MDB_val value;
  const auto start = first.empty() ? MDB_FIRST : MDB_SET_RANGE;
  for (bool more = at.move(key, value, start); more; more = at.move(key, value, MDB_NEXT))
    if (!visit(to_view(key), to_view(value)))
      return;
}

void reading::scan(table where, std::string_view prefix, const visitor& visit) const {
  scan_from(where, prefix,
            [&](std::string_view key, std::string_view value) { return key.starts_with(prefix) && visit(key, value); });
}

void reading::scan_back(table where, const visitor& visit) const {
  cursor at(txn_, of(where));
  MDB_val key, value;
  for (bool more = at.move(key, value, MDB_LAST); more; more = at.move(key, value, MDB_PREV))
    if (!visit(to_view(key), to_view(value)))
      return;
}

void writing::put(table where, std::string_view key, std::string_view value) {
  auto k = to_val(key), v = to_val(value);
  must(mdb_put(txn_, of(where), &k, &v, 0));
}

bool writing::erase(table where, std::string_view key) {
  auto k = to_val(key);
  const int code = mdb_del(txn_, of(where), &k, nullptr);
  if (code == MDB_NOTFOUND)
    return false;
  must(code);
  return true;
}

database::lock_file::~lock_file() {
  if (descriptor >= 0)
    ::close(descriptor);
}

result<std::unique_ptr<database>> database::open(const std::filesystem::path& directory, database_options options) {
  std::error_code code;
  std::filesystem::create_directories(directory, code);
  if (code)
    return failure{ec::io_error, fmt::format("{}: can't create it: {}", directory.string(), code.message())};
  std::unique_ptr<database> opened(new database(directory, options));
  using step = outcome (database::*)();
  for (const auto next : {step{&database::lock}, step{&database::check_format}, step{&database::open_environment},
                          step{&database::open_tables}})
    if (auto did = ((*opened).*next)(); !did)
      return did.error();
  return opened;
}

database::~database() {
  if (env_)
    mdb_env_close(env_);
}

outcome database::lock() {
  const auto path = directory_ / "lock";
  lock_.descriptor = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0640);
  if (lock_.descriptor < 0)
    return system_failure(path, "open it");
  if (::flock(lock_.descriptor, LOCK_EX | LOCK_NB) != 0)
    return failure{ec::conflict, fmt::format("{}: another process uses it; stop that one, or give this node a data "
                                             "directory of its own",
                                             directory_.string())};
  return done{};
}

outcome database::check_format() {
  const auto path = directory_ / "format";
  std::uint32_t found = 0;
  if (std::ifstream in(path); in >> found) {
    if (found > format_version)
      return failure{
          ec::version_mismatch,
          fmt::format("{} is of format {}, this soc reads up to {}: use the soc that wrote it or a newer one, or "
                      "another data directory",
                      directory_.string(), found, format_version)};
    return done{};
  }
  if (std::filesystem::exists(directory_ / "data.mdb"))
    return failure{ec::corrupt, fmt::format("{} has data but no readable format number: restore the file from a backup",
                                            path.string())};
  return write_file_durably(path, std::to_string(format_version) + "\n");
}

outcome database::open_environment() {
  int code = mdb_env_create(&env_);
  if (code == MDB_SUCCESS)
    code = mdb_env_set_maxdbs(env_, table_count);
  if (code == MDB_SUCCESS)
    code = mdb_env_set_mapsize(env_, options_.initial_map_bytes);
  if (code == MDB_SUCCESS)
    code = mdb_env_open(env_, directory_.c_str(), MDB_NOTLS, 0640);
  if (code != MDB_SUCCESS)
    return refusal(directory_, code);
  return done{};
}

outcome database::open_tables() {
  MDB_txn* txn = nullptr;
  int code = mdb_txn_begin(env_, nullptr, 0, &txn);
  for (std::size_t i = 0; i < table_count && code == MDB_SUCCESS; ++i)
    code = mdb_dbi_open(txn, table_names[i], MDB_CREATE, &tables_[i]);
  if (code != MDB_SUCCESS) {
    if (txn)
      mdb_txn_abort(txn);
    return refusal(directory_, code);
  }
  code = mdb_txn_commit(txn);
  if (code != MDB_SUCCESS)
    return refusal(directory_, code);
  return done{};
}

/// Doubles the map. mdb_env_set_mapsize succeeds even under a live transaction, and then that one reads unmapped
/// memory.
outcome database::grow() {
  if (open_transactions_ != 0)
    return failure{ec::internal, "the store's map can't grow during a transaction"};
  const auto wanted = map_bytes() * 2;
  if (wanted > options_.max_map_bytes)
    return failure{ec::too_large, fmt::format("{} is full: {} MiB, its limit is {} MiB", directory_.string(),
                                              map_bytes() >> 20, options_.max_map_bytes >> 20)};
  const int code = mdb_env_set_mapsize(env_, wanted);
  if (code != MDB_SUCCESS)
    return refusal(directory_, code);
  ++growths_;
  return done{};
}

/// MDB_SUCCESS when it is committed or `body` refused; otherwise LMDB's code, with everything rolled back.
int database::try_write(const std::function<outcome(writing&)>& body, outcome& answer) {
  MDB_txn* txn = nullptr;
  int code = mdb_txn_begin(env_, nullptr, 0, &txn);
  if (code != MDB_SUCCESS)
    return code;
  ++open_transactions_;
  try {
    writing now(txn, tables_);
    answer = body(now);
    if (answer)
      code = mdb_txn_commit(txn); // frees it even when it fails
    else
      mdb_txn_abort(txn);
  } catch (const lmdb_refusal& refused) {
    mdb_txn_abort(txn);
    code = refused.code;
  }
  --open_transactions_;
  return code;
}

outcome database::write(const std::function<outcome(writing&)>& body) {
  for (;;) {
    outcome answer = done{};
    const int code = try_write(body, answer);
    if (code == MDB_SUCCESS)
      return answer;
    if (code == MDB_MAP_FULL) {
      if (auto grown = grow(); !grown)
        return grown;
    } else if (code == MDB_MAP_RESIZED) { // a tool grew it
      if (const int adopted = mdb_env_set_mapsize(env_, 0); adopted != MDB_SUCCESS)
        return refusal(directory_, adopted);
    } else {
      return refusal(directory_, code);
    }
  }
}

outcome database::read(const std::function<outcome(const reading&)>& body) {
  MDB_txn* txn = nullptr;
  int code = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn);
  if (code == MDB_MAP_RESIZED && mdb_env_set_mapsize(env_, 0) == MDB_SUCCESS)
    code = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn);
  if (code != MDB_SUCCESS)
    return refusal(directory_, code);
  ++open_transactions_;
  outcome answer = done{};
  try {
    answer = body(reading(txn, tables_));
  } catch (const lmdb_refusal& refused) {
    answer = refusal(directory_, refused.code);
  }
  mdb_txn_abort(txn);
  --open_transactions_;
  return answer;
}

std::uint64_t database::map_bytes() const {
  MDB_envinfo info;
  mdb_env_info(env_, &info);
  return info.me_mapsize;
}

std::uint64_t database::used_bytes() const {
  MDB_envinfo info;
  MDB_stat stat;
  mdb_env_info(env_, &info);
  mdb_env_stat(env_, &stat);
  return (info.me_last_pgno + 1) * stat.ms_psize;
}

} // namespace soc::store
