#include "ingest/core/inventory.hpp"

#include "base/arena.hpp"
#include "base/yaml_text.hpp"
#include "ingest/core/text_decoders.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <set>

namespace soc::ingest {

namespace {

using json = nlohmann::json;

constexpr std::size_t most_rows = 1'000'000;

std::string lower_ascii_text(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::string text_key(std::string_view key, std::string_view text) {
  return std::string(key) + "\n" + lower_ascii_text(text);
}

bool is_column_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

bool serves(const inventory_row& row, std::string_view tenant) {
  return row.tenant.empty() || row.tenant == tenant;
}

std::string_view without_blanks(std::string_view text) {
  const auto from = text.find_first_not_of(" \t\r");
  return from == std::string_view::npos ? std::string_view{}
                                        : text.substr(from, text.find_last_not_of(" \t\r") - from + 1);
}

} // namespace

std::optional<ip_bytes> ip_bytes_of(std::string_view text) {
  char copy[64];
  if (text.size() >= sizeof copy)
    return std::nullopt;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  ip_bytes out{};
  if (::inet_pton(AF_INET, copy, out.data() + 12) == 1) {
    out[10] = out[11] = 0xff;
    return out;
  }
  return ::inet_pton(AF_INET6, copy, out.data()) == 1 ? std::optional(out) : std::nullopt;
}

bool address_range::holds(const ip_bytes& address) const {
  const auto whole = static_cast<std::size_t>(bits / 8);
  if (!std::equal(network.begin(), network.begin() + static_cast<std::ptrdiff_t>(whole), address.begin()))
    return false;
  const int rest = bits % 8;
  return rest == 0 || (network[whole] >> (8 - rest)) == (address[whole] >> (8 - rest));
}

std::optional<address_range> address_range::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = ip_bytes_of(text.substr(0, slash));
  if (!address)
    return std::nullopt;
  address_range out{*address, 128};
  if (slash == std::string_view::npos)
    return out;
  const bool v4 = text.find(':') == std::string_view::npos;
  int bits = 0;
  const auto digits = text.substr(slash + 1);
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (code != std::errc{} || end != digits.data() + digits.size() || bits < 0 || bits > (v4 ? 32 : 128))
    return std::nullopt;
  out.bits = v4 ? bits + 96 : bits;
  return out;
}

std::string_view inventory_row::value(std::string_view column) const {
  for (const auto& [name, value] : columns)
    if (name == column)
      return value;
  return {};
}

const std::vector<std::string>& inventory::asset_keys() {
  static const std::vector<std::string> keys{"ip", "cidr", "hostname", "instance_uid"};
  return keys;
}

const std::vector<std::string>& inventory::identity_keys() {
  static const std::vector<std::string> keys{"user", "email", "uid"};
  return keys;
}

void inventory::load(const std::string& file, const std::vector<std::string>& keys, diagnostics& found) {
  const auto text = read_text_file(file, "MAP060", found, 256U << 20);
  if (!text)
    return;
  const auto first = text->find_first_not_of(" \t\r\n\xef\xbb\xbf");
  if (first != std::string::npos && (*text)[first] == '[')
    load_json(file, *text, keys, found);
  else
    load_csv(file, *text, keys, found);
  std::stable_sort(ranges_.begin(), ranges_.end(),
                   [](const auto& a, const auto& b) { return a.first.bits > b.first.bits; });
}

void inventory::add(inventory_row row, const std::vector<std::string>& keys, const source_place& place,
                    diagnostics& found) {
  if (rows_.size() >= most_rows)
    return found.error("MAP061", place, fmt::format("more than {} rows", most_rows));
  row.tenant = row.value("tenant");
  const auto at = rows_.size();
  bool known = false;
  for (const auto& key : keys) {
    const auto text = row.value(key);
    if (text.empty())
      continue;
    const bool address = key == "ip" || key == "cidr";
    const auto range = address ? address_range::parse(text) : std::nullopt;
    if (address && !range)
      return found.error("MAP062", place, fmt::format("'{}' is no {}", text, key == "ip" ? "address" : "network"));
    known = true;
    if (!address)
      by_text_[text_key(key, text)].push_back(at);
    else if (range->bits == 128)
      by_address_[range->network].push_back(at);
    else
      ranges_.emplace_back(*range, at);
  }
  if (!known)
    return found.error("MAP063", place, "a row nothing can find",
                       fmt::format("give it one of: {}", fmt::join(keys, ", ")));
  rows_.push_back(std::move(row));
}

void inventory::load_csv(const std::string& file, std::string_view text, const std::vector<std::string>& keys,
                         diagnostics& found) {
  if (text.substr(0, 3) == "\xef\xbb\xbf")
    text.remove_prefix(3);
  std::vector<std::string> names;
  arena memory;
  std::vector<std::string_view> cells;
  for (int line = 1; !text.empty(); ++line) {
    const auto end = text.find('\n');
    const auto row_text = without_blanks(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (row_text.empty() || row_text.front() == '#')
      continue;
    cells.clear();
    split_csv(row_text, ',', memory, cells);
    if (names.empty()) {
      for (const auto cell : cells)
        names.push_back(lower_ascii_text(without_blanks(cell)));
      for (const auto& name : names)
        if (!is_column_name(name))
          return found.error("MAP064", {file, line, 1}, fmt::format("'{}' is no name of a column", name),
                             "lower-case letters, digits and '_'");
      continue;
    }
    inventory_row row;
    row.file = file;
    for (std::size_t i = 0; i < std::min(cells.size(), names.size()); ++i)
      if (const auto value = without_blanks(cells[i]); !value.empty())
        row.columns.emplace_back(names[i], value);
    add(std::move(row), keys, {file, line, 1}, found);
  }
}

void inventory::load_json(const std::string& file, const std::string& text, const std::vector<std::string>& keys,
                          diagnostics& found) {
  const auto list = json::parse(text, nullptr, false);
  if (!list.is_array())
    return found.error("MAP065", {file, 0, 0}, "not a JSON array of objects");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const source_place place{file, 0, 0};
    if (!list[i].is_object())
      return found.error("MAP065", place, fmt::format("element {} is no object", i));
    inventory_row row;
    row.file = file;
    for (const auto& [name, value] : list[i].items()) {
      if (!is_column_name(name))
        return found.error("MAP064", place, fmt::format("'{}' is no name of a column", name),
                           "lower-case letters, digits and '_'");
      auto value_text = value.is_string() ? value.get<std::string>() : value.is_null() ? std::string() : value.dump();
      if (value.is_array()) {
        value_text.clear();
        for (const auto& item : value)
          value_text += (value_text.empty() ? "" : ",") + (item.is_string() ? item.get<std::string>() : item.dump());
      }
      if (!value_text.empty())
        row.columns.emplace_back(name, std::move(value_text));
    }
    add(std::move(row), keys, place, found);
  }
}

const inventory_row* inventory::by_text(std::string_view key, std::string_view text, std::string_view tenant) const {
  const auto it = by_text_.find(text_key(key, text));
  if (it != by_text_.end())
    for (const auto at : it->second)
      if (serves(rows_[at], tenant))
        return &rows_[at];
  return nullptr;
}

const inventory_row* inventory::by_address(const ip_bytes& address, std::string_view tenant,
                                           std::string_view network) const {
  const auto fits = [&](const inventory_row& row) {
    const auto own = row.value("vpc_uid");
    return serves(row, tenant) && (own.empty() || network.empty() || own == network);
  };
  if (const auto it = by_address_.find(address); it != by_address_.end())
    for (const auto at : it->second)
      if (fits(rows_[at]))
        return &rows_[at];
  for (const auto& [range, at] : ranges_)
    if (range.holds(address) && fits(rows_[at]))
      return &rows_[at];
  return nullptr;
}

std::vector<std::string> inventory::column_names() const {
  std::set<std::string> names;
  for (const auto& row : rows_)
    for (const auto& [name, value] : row.columns)
      names.insert(name);
  return {names.begin(), names.end()};
}

} // namespace soc::ingest
