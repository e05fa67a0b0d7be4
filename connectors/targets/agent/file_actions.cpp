#include "connectors/targets/agent/file_actions.hpp"

#include "base/hash.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <memory>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

namespace soc::targets {

namespace fs = std::filesystem;
using nlohmann::json;
using answer_kind = agent_answer::kind;

namespace {

constexpr std::uintmax_t most_bytes = 4ULL << 30;

struct kept_file {
  fs::path content, facts;
};

kept_file place_of_path(const std::string& path, const file_rules& rules) {
  const auto name = to_hex(hash128(path));
  return {rules.quarantine / (name + ".file"), rules.quarantine / (name + ".json")};
}

std::string refusal(const std::string& path, const file_rules& rules) {
  const fs::path given(path);
  if (!given.is_absolute() || given != given.lexically_normal() || path.find('\0') != std::string::npos)
    return "the path must be absolute, without '..' or '//'";
  std::error_code error;
  const auto folder = fs::canonical(given.parent_path(), error).string(); // where its folder really is
  for (const auto& below : rules.spared)
    for (const auto& place : {path, folder + "/"})
      if (place == below || place.starts_with(below + "/"))
        return fmt::format("files below {} are never touched here", below);
  const auto quarantine = fs::weakly_canonical(rules.quarantine, error).string() + "/";
  if ((folder + "/").starts_with(quarantine))
    return "it is in quarantine itself";
  return {};
}

void sync_path(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    (void)::fsync(fd);
    ::close(fd);
  }
}

outcome write_whole(const fs::path& file, const std::string& text) {
  const auto next = file.string() + ".next";
  const int fd = ::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const bool good =
      fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  if (fd >= 0)
    ::close(fd);
  if (!good || ::rename(next.c_str(), file.c_str()) != 0)
    return failure{ec::io_error, fmt::format("can't write {}: {}", file.string(), std::strerror(errno))};
  sync_path(file.parent_path());
  return done{};
}

/// The bytes alone, for the agent alone; neither end is followed through a link.
bool copy_bytes(const fs::path& from, const fs::path& to) {
  const int in = ::open(from.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (in < 0)
    return false;
  (void)::unlink(to.c_str()); // as a rename does
  const int out = ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  std::array<char, 65536> buffer;
  ssize_t got = 0, put = 0;
  while (out >= 0 && got == put && (got = ::read(in, buffer.data(), buffer.size())) > 0)
    put = ::write(out, buffer.data(), static_cast<std::size_t>(got));
  const bool good = out >= 0 && got == 0 && ::fsync(out) == 0;
  const int why = errno;
  ::close(in);
  if (out >= 0)
    ::close(out);
  if (out >= 0 && !good)
    (void)::unlink(to.c_str()); // half a file must not stand where the whole one belongs
  errno = why;
  return good;
}

/// Within a file system a rename; else a copy that is on the disk before the original goes.
outcome move_file(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) {
    sync_path(to.parent_path());
    sync_path(from.parent_path());
    return done{};
  }
  if (errno != EXDEV)
    return failure{ec::io_error, fmt::format("can't move {}: {}", from.string(), std::strerror(errno))};
  if (!copy_bytes(from, to))
    return failure{ec::io_error, fmt::format("can't copy {}: {}", from.string(), std::strerror(errno))};
  sync_path(to.parent_path());
  std::error_code error;
  if (!fs::remove(from, error) || error)
    return failure{ec::io_error, fmt::format("can't remove {}: {}", from.string(), error.message())};
  sync_path(from.parent_path());
  return done{};
}

json facts_of(const std::string& path, const struct stat& s, const std::string& hash) {
  return {{"path", path},
          {"mode", s.st_mode & 07777},
          {"uid", s.st_uid},
          {"gid", s.st_gid},
          {"size", s.st_size},
          {"mtime_s", s.st_mtim.tv_sec},
          {"mtime_ns", s.st_mtim.tv_nsec},
          {"sha256", hash}};
}

json facts_in(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  auto out = json::parse(in, nullptr, false);
  return out.is_object() ? out : json::object();
}

/// Hex; empty when it can't be read to its end.
std::string sha256_of(int fd) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> state(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_DigestInit_ex(state.get(), EVP_sha256(), nullptr);
  std::array<char, 65536> buffer;
  ssize_t got = 0;
  while ((got = ::read(fd, buffer.data(), buffer.size())) > 0)
    EVP_DigestUpdate(state.get(), buffer.data(), static_cast<std::size_t>(got));
  if (got < 0)
    return {};
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_DigestFinal_ex(state.get(), hash, &size);
  std::string out;
  for (unsigned int i = 0; i < size; ++i)
    out += fmt::format("{:02x}", hash[i]);
  return out;
}

/// Who may write to its folder may have put another file there meanwhile: that one is given nothing. The owner before
/// the mode, for giving a file away takes bits off its mode.
std::string apply_facts(int fd, const json& facts) {
  const auto uid = facts.value("uid", ::geteuid());
  struct stat now {};
  if (::fstat(fd, &now) != 0 || !S_ISREG(now.st_mode) || (now.st_uid != ::geteuid() && now.st_uid != uid) ||
      sha256_of(fd) != facts.value("sha256", ""))
    return "another file is at its place now";
  if (::fchown(fd, uid, facts.value("gid", ::getegid())) != 0 || ::fchmod(fd, facts.value("mode", mode_t{0600})) != 0)
    return std::strerror(errno);
  const timespec times[2] = {{0, UTIME_OMIT}, {facts.value("mtime_s", 0LL), facts.value("mtime_ns", 0L)}};
  (void)::futimens(fd, times);
  return {};
}

/// Owner, mode and times as they were; a link is not followed.
outcome give_back_facts(const std::string& path, const json& facts) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  const auto why = fd < 0 ? std::string(std::strerror(errno)) : apply_facts(fd, facts);
  if (fd >= 0)
    ::close(fd);
  if (why.empty())
    return done{};
  return failure{ec::io_error, fmt::format("it is back, but owner and mode can't be set: {}", why)};
}

} // namespace

std::string sha256_of_file(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return {};
  auto out = sha256_of(fd);
  ::close(fd);
  return out;
}

agent_answer quarantine_file(const std::string& path, const std::string& sha256, const file_rules& rules) {
  if (const auto why = refusal(path, rules); !why.empty())
    return {answer_kind::refused, {}, why};
  std::error_code error;
  fs::create_directories(rules.quarantine, error);
  fs::permissions(rules.quarantine, fs::perms::owner_all, error);
  const auto place = place_of_path(path, rules);
  struct stat now {};
  if (::lstat(path.c_str(), &now) != 0) {
    const auto facts = facts_in(place.facts);
    if (!fs::exists(place.content, error) || !facts.contains("sha256"))
      return {answer_kind::failed, {}, "there is no such file"};
    return {answer_kind::done,
            {{"quarantined", true}, {"sha256", facts["sha256"]}, {"size", facts["size"]}, {"path", path}},
            "it was in quarantine already"};
  }
  if (!S_ISREG(now.st_mode))
    return {answer_kind::refused, {}, "it is no regular file"};
  if (static_cast<std::uintmax_t>(now.st_size) > most_bytes)
    return {answer_kind::refused, {}, "it is larger than 4 GiB"};
  const auto hash = sha256_of_file(path);
  if (!sha256.empty() && sha256 != hash)
    return {answer_kind::refused, {}, "another file is at its place now"};
  const auto facts = facts_of(path, now, hash);
  // The facts first: a file in quarantine without them could not be restored.
  if (auto kept = write_whole(place.facts, facts.dump(-1, ' ', false, json::error_handler_t::replace)); !kept)
    return {answer_kind::failed, {}, kept.error().what};
  if (auto moved = move_file(path, place.content); !moved)
    return {answer_kind::failed, {}, moved.error().what};
  (void)::chmod(place.content.c_str(), 0400);
  (void)!::chown(place.content.c_str(), ::geteuid(), ::getegid());
  return {answer_kind::done, {{"quarantined", true}, {"sha256", hash}, {"size", now.st_size}, {"path", path}}, ""};
}

agent_answer restore_file(const std::string& path, const file_rules& rules) {
  if (const auto why = refusal(path, rules); !why.empty())
    return {answer_kind::refused, {}, why};
  const auto place = place_of_path(path, rules);
  const auto facts = facts_in(place.facts);
  const auto hash = facts.value("sha256", "");
  std::error_code error;
  struct stat now {};
  const bool there = ::lstat(path.c_str(), &now) == 0;
  const bool kept = fs::exists(place.content, error) && facts.contains("mode");
  if (!kept && !there)
    return {answer_kind::failed, {}, "it is not in quarantine"};
  if (!kept && (!facts.contains("mode") || sha256_of_file(path) != hash))
    return {answer_kind::done, {{"restored", true}, {"path", path}}, "it is at its place already"};
  if (kept && there)
    return {answer_kind::refused, {}, "another file is at its place now"};
  if (kept && sha256_of_file(place.content) != hash)
    return {answer_kind::refused, {}, "the file in quarantine is not what was put there"};
  if (kept) {
    // The agent's own until it is at its place: a copy to another file system keeps neither owner nor times.
    (void)::chmod(place.content.c_str(), 0600);
    if (auto moved = move_file(place.content, path); !moved)
      return {answer_kind::failed, {}, moved.error().what};
  }
  if (auto given = give_back_facts(path, facts); !given)
    return {answer_kind::failed, {}, given.error().what};
  fs::remove(place.facts, error); // last: asked again after a crash, it goes on from there
  return {answer_kind::done, {{"restored", true}, {"path", path}, {"sha256", hash}}, ""};
}

agent_answer look_at_file(const std::string& path, const file_rules& rules) {
  if (const auto why = refusal(path, rules); !why.empty())
    return {answer_kind::refused, {}, why};
  std::error_code error;
  struct stat now {};
  const bool there = ::lstat(path.c_str(), &now) == 0;
  const auto place = place_of_path(path, rules);
  return {answer_kind::done,
          {{"quarantined", !there && fs::exists(place.content, error)},
           {"exists", there},
           {"sha256", there ? sha256_of_file(path) : facts_in(place.facts).value("sha256", "")}},
          ""};
}

} // namespace soc::targets
