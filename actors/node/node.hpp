// node/node.hpp - a node: everything wired and running between start() and stop(). Made by `soc node`; owns the actor
// system, the NATS link and the HTTP side. Nothing here decides anything about logs or incidents: it connects those who
// do.
#pragma once
#include "node/config.hpp"
#include "node/content.hpp"
#include "node/logging.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace soc::node {

class node {
public:
  /// Boots in the declared order. Fails with what to mend: a data directory in use or of a newer format, no
  /// nats-server, a port taken. `content` must have loaded without errors.
  static result<std::unique_ptr<node>> start(config c, content_ptr loaded, logger_ptr log);
  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// False once the supervision tree has given up; `why` says the last failure.
  bool healthy(std::string& why) const;
  /// Reads content and connectors again, checks all, swaps; the outcome goes to the log.
  void reload();
  /// Ends in order with everything checkpointed; at most `deadline`, then hard.
  void stop(std::chrono::milliseconds deadline = std::chrono::seconds(5));

private:
  struct parts;
  explicit node(std::unique_ptr<parts> p);
  std::unique_ptr<parts> parts_;
};

} // namespace soc::node
