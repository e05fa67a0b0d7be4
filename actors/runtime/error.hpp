// runtime/error.hpp - our failures as CAF errors and back, so that a refusal keeps its code and its sentence on the way
// through a reply or a down reason. Stateless.
#pragma once
#include "base/result.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/error.hpp>

#include <exception>
#include <string>

namespace soc {

/// What an actor replies instead of an answer: `return to_error(ec::not_found, "no incident 12")`.
caf::error to_error(ec code, std::string what);
caf::error to_error(const failure& why);

/// The failure in an error of ours; CAF's own errors become the nearest code (time-outs `timed_out`, dead receivers
/// `unavailable`) with CAF's words. `none` for no error.
failure to_failure(const caf::error& error);

/// The words of an error for a person: our `what`, or CAF's rendering.
std::string describe(const caf::error& error);

/// `what()` of the exception, and its type when it is not a std::exception.
std::string describe(const std::exception_ptr& thrown);

/// Teaches an actor system to render our errors. Called once by whoever makes the configuration.
void add_error_renderer(caf::actor_system_config& config);

} // namespace soc
