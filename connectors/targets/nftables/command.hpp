// targets/nftables/command.hpp - runs a program with an argument vector, never a shell: input on stdin, output bounded,
// killed when its time is up.
#pragma once
#include "base/result.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace soc::targets {

struct command_result {
  int exit_code = 0;
  std::string output, errors;
};

/// `arguments[0]` is the program, looked up in PATH. timed_out: killed, its effect is not known. unavailable: it did
/// not start.
result<command_result> run_command(const std::vector<std::string>& arguments, const std::string& input,
                                   std::chrono::milliseconds limit);

} // namespace soc::targets
