#include "runtime/error.hpp"

#include <caf/exit_reason.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

#include <cxxabi.h>

namespace soc {

namespace {

constexpr caf::atom_value soc_category = caf::atom("soc");

std::string what_of(const caf::error& error) {
  const auto& context = error.context();
  if (context.size() == 1 && context.match_element<std::string>(0))
    return context.get_as<std::string>(0);
  return {};
}

ec code_of_sec(caf::sec code) {
  switch (code) {
  case caf::sec::request_timeout:
    return ec::timed_out;
  case caf::sec::request_receiver_down:
    return ec::unavailable;
  case caf::sec::unexpected_message:
    return ec::invalid_input;
  default:
    return ec::internal;
  }
}

std::string words_of_caf(const caf::error& error) {
  std::string words;
  if (error.category() == caf::atom("system"))
    words = caf::to_string(static_cast<caf::sec>(error.code()));
  else if (error.category() == caf::atom("exit"))
    words = caf::to_string(static_cast<caf::exit_reason>(error.code()));
  else
    words = caf::to_string(error.category()) + " " + std::to_string(error.code());
  const auto more = what_of(error);
  return more.empty() ? words : words + ": " + more;
}

} // namespace

caf::error to_error(ec code, std::string what) {
  return caf::error(static_cast<std::uint8_t>(code), soc_category, caf::make_message(std::move(what)));
}

caf::error to_error(const failure& why) {
  return to_error(why.code, why.what);
}

failure to_failure(const caf::error& error) {
  if (!error)
    return {};
  if (error.category() == soc_category)
    return {static_cast<ec>(error.code()), what_of(error)};
  if (error.category() == caf::atom("system"))
    return {code_of_sec(static_cast<caf::sec>(error.code())), words_of_caf(error)};
  if (error.category() == caf::atom("exit"))
    return {ec::unavailable, words_of_caf(error)};
  return {ec::internal, words_of_caf(error)};
}

std::string describe(const caf::error& error) {
  return error ? to_failure(error).what : std::string{};
}

std::string describe(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    const auto* type = abi::__cxa_current_exception_type();
    return std::string("an exception of type ") + (type ? type->name() : "unknown");
  }
}

void add_error_renderer(caf::actor_system_config& config) {
  config.add_error_category(soc_category, [](std::uint8_t code, caf::atom_value, const caf::message& context) {
    auto text = to_string(static_cast<ec>(code));
    if (context.size() == 1 && context.match_element<std::string>(0))
      text += ": " + context.get_as<std::string>(0);
    return text;
  });
}

} // namespace soc
