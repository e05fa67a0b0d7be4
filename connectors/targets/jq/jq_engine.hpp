// targets/jq/jq_engine.hpp - runs jq programs in a child process that knows nothing but its input: no environment, no
// files, no descriptors. One second of processor time and 64 MiB a program; a child that takes more is killed and the
// next call starts another. Thread-safe; one program runs at a time.
#pragma once
#include "base/computed_value.hpp"

#include <chrono>
#include <mutex>
#include <sys/types.h>

namespace soc::targets {

class jq_engine {
public:
  explicit jq_engine(std::chrono::milliseconds limit = std::chrono::seconds(1)) : limit_(limit) {}
  ~jq_engine();
  jq_engine(const jq_engine&) = delete;

  /// The values the program gives. invalid_input: its syntax, or an error it raised; timed_out, too_large: over a
  /// limit.
  result<nlohmann::json> run(const std::string& program, const nlohmann::json& input);
  /// Whether the program can be compiled.
  outcome check(const std::string& program);

private:
  result<std::string> ask(const std::string& request);
  outcome start();
  void stop();

  const std::chrono::milliseconds limit_;
  std::timed_mutex mutex_;
  pid_t child_ = -1;
  int socket_ = -1;
};

/// `engine` as what cores take.
jq_function jq_function_of(std::shared_ptr<jq_engine> engine);

} // namespace soc::targets
