#include "response/publishing.hpp"

#include "base/whole_file.hpp"
#include "base/yaml_text.hpp"
#include "response/core/audit_chain.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace soc::response {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

fs::path versions_folder(const std::string& draft_file) {
  return fs::path(draft_file).parent_path() / "versions";
}

std::string file_of_version(std::uint64_t number) {
  return fmt::format("{:04}.yaml", number);
}

std::string text_in(const fs::path& file) {
  return read_whole_file(file.string()).value_or(std::string{});
}

outcome put_file(const fs::path& file, const std::string& text) {
  const auto next = file.string() + ".next";
  const int fd = ::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const bool good =
      fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  if (fd >= 0)
    ::close(fd);
  if (!good || ::rename(next.c_str(), file.c_str()) != 0)
    return failure{ec::io_error, fmt::format("{}: {}", file.string(), std::strerror(errno))};
  return done{};
}

/// {"current": n, "versions": [{"number","version","sha256","user","reason","time"}], "log": […]}
result<json> index_in(const fs::path& folder) {
  if (!fs::exists(folder / "index.json"))
    return json{{"current", 0}, {"versions", json::array()}, {"log", json::array()}};
  auto out = json::parse(text_in(folder / "index.json"), nullptr, false);
  const bool good =
      out.is_object() && out.value("current", json()).is_number_unsigned() && out.value("versions", json()).is_array();
  if (!good)
    return failure{ec::corrupt, (folder / "index.json").string() + " can't be read"};
  return out;
}

published_version version_from(const json& entry, std::uint64_t current) {
  published_version out;
  out.number = entry.value("number", std::uint64_t{0});
  out.version = entry.value("version", "");
  out.user = entry.value("user", "");
  out.reason = entry.value("reason", "");
  out.time = entry.value("time", "");
  out.current = out.number == current;
  return out;
}

const json* entry_of(const json& index, std::uint64_t number) {
  for (const auto& entry : index["versions"])
    if (entry.is_object() && entry.value("number", std::uint64_t{0}) == number)
      return &entry;
  return nullptr;
}

} // namespace

std::optional<std::string> text_to_run(const std::string& draft_file, diagnostics& found) {
  const auto folder = versions_folder(draft_file);
  const auto index = index_in(folder);
  if (!index) {
    found.error("PUB001", {(folder / "index.json").string(), 0, 0}, index.error().what);
    return std::nullopt;
  }
  const auto current = (*index)["current"].get<std::uint64_t>();
  const auto* entry = entry_of(*index, current);
  if (entry == nullptr)
    return read_text_file(draft_file, "PLB001", found);
  const auto file = folder / file_of_version(current);
  auto text = text_in(file);
  if (sha256_hex(text) != entry->value("sha256", "")) {
    found.error("PUB002", {file.string(), 0, 0}, "this published version is missing or was changed afterwards",
                "put back the file as it was, or publish the draft again");
    return std::nullopt;
  }
  return text;
}

result<std::vector<published_version>> versions_of(const std::string& draft_file) {
  const auto index = index_in(versions_folder(draft_file));
  if (!index)
    return index.error();
  std::vector<published_version> out;
  for (const auto& entry : (*index)["versions"])
    out.push_back(version_from(entry, (*index)["current"].get<std::uint64_t>()));
  return out;
}

result<published_version> publish(const std::string& draft_file, const std::string& version, const std::string& user,
                                  const std::string& reason, unix_ns now) {
  const auto folder = versions_folder(draft_file);
  std::error_code error;
  fs::create_directories(folder, error);
  auto index = index_in(folder);
  if (!index)
    return index.error();
  const auto text = text_in(draft_file);
  const auto hash = sha256_hex(text);
  const auto current = (*index)["current"].get<std::uint64_t>();
  if (const auto* entry = entry_of(*index, current); entry != nullptr && entry->value("sha256", "") == hash)
    return version_from(*entry, current);
  const auto number = static_cast<std::uint64_t>((*index)["versions"].size()) + 1;
  const json entry{{"number", number}, {"version", version}, {"sha256", hash},
                   {"user", user},     {"reason", reason},   {"time", format_rfc3339(now)}};
  if (auto put = put_file(folder / file_of_version(number), text); !put)
    return put.error();
  (*index)["versions"].push_back(entry);
  (*index)["current"] = number;
  if (auto put = put_file(folder / "index.json", index->dump(1) + "\n"); !put)
    return put.error();
  return version_from(entry, number);
}

result<published_version> roll_back(const std::string& draft_file, std::uint64_t number, const std::string& user,
                                    const std::string& reason, unix_ns now) {
  const auto folder = versions_folder(draft_file);
  auto index = index_in(folder);
  if (!index)
    return index.error();
  const auto* entry = entry_of(*index, number);
  if (entry == nullptr)
    return failure{ec::not_found, fmt::format("there is no version {}", number)};
  const auto out = version_from(*entry, number);
  (*index)["current"] = number;
  (*index)["log"].push_back({{"back_to", number}, {"user", user}, {"reason", reason}, {"time", format_rfc3339(now)}});
  if (auto put = put_file(folder / "index.json", index->dump(1) + "\n"); !put)
    return put.error();
  return out;
}

} // namespace soc::response
