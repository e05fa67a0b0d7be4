#include "runtime/secrets.hpp"

#include "base/whole_file.hpp"
#include "runtime/private_file.hpp"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace soc {

using nlohmann::json;

namespace {

constexpr std::size_t longest_name = 128;

std::string hex_text(const std::string& bytes) {
  std::string out(2 * bytes.size() + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  out.pop_back();
  return out;
}

std::string bytes_from(const std::string& hex) {
  std::string out(hex.size() / 2, '\0');
  std::size_t got = 0;
  if (sodium_hex2bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), hex.data(), hex.size(), "\r\n ", &got,
                     nullptr) != 0)
    return {};
  out.resize(got);
  return out;
}

std::string without_line_end(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
    text.pop_back();
  return text;
}

std::string whole_file(const std::string& path) {
  return read_whole_file(path).value_or(std::string{});
}

outcome write_private(const std::string& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_TRUNC, 0600);
  if (fd < 0)
    return failure{ec::io_error, path + ": " + std::strerror(errno)};
  const bool good = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  ::close(fd);
  if (!good)
    return failure{ec::io_error, path + " can't be written"};
  return done{};
}

result<std::string> key_in(const std::string& path) {
  if (sodium_init() < 0)
    return failure{ec::internal, "libsodium can't be used"};
  struct stat s {};
  if (::stat(path.c_str(), &s) != 0)
    return failure{ec::not_found, path + " (the key of the secrets) can't be read; soc secret init makes one"};
  if ((s.st_mode & 077) != 0)
    return failure{ec::refused, path + " (the key of the secrets) can be read by others; chmod 600"};
  auto key = bytes_from(whole_file(path));
  if (key.size() != crypto_secretbox_KEYBYTES)
    return failure{ec::corrupt, path + " holds no key (64 hex digits)"};
  return key;
}

result<json> boxes_in(const std::string& path) {
  std::error_code error;
  const bool there = std::filesystem::exists(path, error);
  if (error)
    return failure{ec::io_error, path + ": " + error.message()};
  if (!there)
    return json{{"version", 1}, {"secrets", json::object()}};
  auto out = json::parse(whole_file(path), nullptr, false);
  if (!out.is_object() || !out.contains("secrets") || !out["secrets"].is_object())
    return failure{ec::corrupt, path + " is no file of secrets"};
  return out;
}

/// Others wait meanwhile: two commands at once lose nothing.
class file_turn {
public:
  explicit file_turn(const std::string& path)
      : fd_(::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (fd_ >= 0)
      (void)::flock(fd_, LOCK_EX);
  }
  ~file_turn() {
    if (fd_ >= 0)
      ::close(fd_);
  }
  file_turn(const file_turn&) = delete;

private:
  int fd_;
};

outcome store(const std::string& path, const json& boxes) {
  const auto next = path + ".next";
  if (auto written = write_private(next, boxes.dump(1) + "\n"); !written)
    return written;
  if (::rename(next.c_str(), path.c_str()) != 0)
    return failure{ec::io_error, path + ": " + std::strerror(errno)};
  return done{};
}

bool is_good_name(const std::string& name) {
  return !name.empty() && name.size() <= longest_name &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") ==
             std::string::npos;
}

} // namespace

secret_files default_secret_files() {
  const auto from = [](const char* name, const char* otherwise) {
    const char* value = std::getenv(name);
    return std::string(value != nullptr && *value != '\0' ? value : otherwise);
  };
  return {from("SOC_SECRETS", "/var/lib/soc/secrets.json"), from("SOC_SECRETS_KEY", "/etc/soc/secrets.key")};
}

bool is_secret_reference(const std::string& text) {
  return text.starts_with("env:") || text.starts_with("file:") || text.starts_with("secret:");
}

result<std::string> read_secret(const std::string& reference) {
  if (reference.starts_with("env:")) {
    const char* value = std::getenv(reference.c_str() + 4);
    if (value == nullptr || *value == '\0')
      return failure{ec::not_found, "environment variable " + reference.substr(4) + " is not set"};
    return std::string(value);
  }
  if (reference.starts_with("secret:"))
    return stored_secret(default_secret_files(), reference.substr(7));
  if (!reference.starts_with("file:"))
    return failure{ec::invalid_input, "a secret is given by reference: env:NAME, file:PATH or secret:NAME"};
  auto text = without_line_end(whole_file(reference.substr(5)));
  if (text.empty())
    return failure{ec::not_found, "secret file " + reference.substr(5) + " can't be read or is empty"};
  return text;
}

outcome make_secret_key(const secret_files& files) {
  if (sodium_init() < 0)
    return failure{ec::internal, "libsodium can't be used"};
  if (::access(files.key_file.c_str(), F_OK) == 0)
    return done{};
  std::string key(crypto_secretbox_KEYBYTES, '\0');
  randombytes_buf(key.data(), key.size());
  return create_private_file(files.key_file, hex_text(key) + "\n");
}

outcome set_secret(const secret_files& files, const std::string& name, const std::string& value) {
  if (!is_good_name(name))
    return failure{ec::invalid_input, "a secret's name has letters, digits and . _ - /"};
  const auto key = key_in(files.key_file);
  if (!key)
    return key.error();
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(files.file).parent_path(), error);
  const file_turn turn(files.file);
  auto boxes = boxes_in(files.file);
  if (!boxes)
    return boxes.error();
  const auto text = name + '\n' + value; // the name within: a box can't be passed off as another's
  std::string nonce(crypto_secretbox_NONCEBYTES, '\0'), box(text.size() + crypto_secretbox_MACBYTES, '\0');
  randombytes_buf(nonce.data(), nonce.size());
  const auto raw = [](const std::string& s) { return reinterpret_cast<const unsigned char*>(s.data()); };
  crypto_secretbox_easy(reinterpret_cast<unsigned char*>(box.data()), raw(text), text.size(), raw(nonce), raw(*key));
  (*boxes)["secrets"][name] = {{"nonce", hex_text(nonce)}, {"box", hex_text(box)}};
  return store(files.file, *boxes);
}

outcome remove_secret(const secret_files& files, const std::string& name) {
  const file_turn turn(files.file);
  auto boxes = boxes_in(files.file);
  if (!boxes)
    return boxes.error();
  if ((*boxes)["secrets"].erase(name) == 0)
    return failure{ec::not_found, "there is no secret '" + name + "'"};
  return store(files.file, *boxes);
}

result<std::vector<std::string>> secret_names(const secret_files& files) {
  auto boxes = boxes_in(files.file);
  if (!boxes)
    return boxes.error();
  std::vector<std::string> out;
  for (const auto& item : (*boxes)["secrets"].items())
    out.push_back(item.key());
  return out;
}

result<std::string> stored_secret(const secret_files& files, const std::string& name) {
  const auto boxes = boxes_in(files.file);
  if (!boxes)
    return boxes.error();
  const auto at = (*boxes)["secrets"].find(name);
  const auto is_text = [&](const char* part) { return at->contains(part) && (*at)[part].is_string(); };
  if (at == (*boxes)["secrets"].end() || !at->is_object() || !is_text("nonce") || !is_text("box"))
    return failure{ec::not_found, "there is no secret '" + name + "' in " + files.file};
  const auto key = key_in(files.key_file);
  if (!key)
    return key.error();
  const auto nonce = bytes_from(at->value("nonce", "")), box = bytes_from(at->value("box", ""));
  if (nonce.size() != crypto_secretbox_NONCEBYTES || box.size() < crypto_secretbox_MACBYTES)
    return failure{ec::corrupt, "the secret '" + name + "' is damaged"};
  std::string text(box.size() - crypto_secretbox_MACBYTES, '\0');
  const auto raw = [](const std::string& s) { return reinterpret_cast<const unsigned char*>(s.data()); };
  if (crypto_secretbox_open_easy(reinterpret_cast<unsigned char*>(text.data()), raw(box), box.size(), raw(nonce),
                                 raw(*key)) != 0 ||
      !text.starts_with(name + '\n'))
    return failure{ec::corrupt, "the secret '" + name + "' doesn't open with this key"};
  return text.substr(name.size() + 1);
}

} // namespace soc
