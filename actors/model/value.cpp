#include "model/value.hpp"

#include <fmt/format.h>

namespace soc::model {

std::string value::to_text() const {
  switch (kind_) {
  case value_kind::null:
    return {};
  case value_kind::boolean:
    return boolean_ ? "true" : "false";
  case value_kind::integer:
    return fmt::format("{}", integer_);
  case value_kind::real:
    return fmt::format("{}", real_);
  case value_kind::string:
    return std::string(text());
  case value_kind::list: {
    std::string out;
    for (const auto& item : items()) {
      if (!out.empty())
        out += ", ";
      out += item.to_text();
    }
    return out;
  }
  }
  return {};
}

bool value::operator==(const value& other) const {
  if (kind_ != other.kind_)
    return false;
  switch (kind_) {
  case value_kind::null:
    return true;
  case value_kind::boolean:
    return boolean_ == other.boolean_;
  case value_kind::integer:
    return integer_ == other.integer_;
  case value_kind::real:
    return real_ == other.real_;
  case value_kind::string:
    return text() == other.text();
  case value_kind::list: {
    if (size_ != other.size_)
      return false;
    for (std::uint32_t i = 0; i < size_; ++i)
      if (!(items_[i] == other.items_[i]))
        return false;
    return true;
  }
  }
  return false;
}

} // namespace soc::model
