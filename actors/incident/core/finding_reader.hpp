// incident/core/finding_reader.hpp - OCSF Detection Finding (class 2004) JSON, of any product, as an alert. Owns a
// parser: one a thread, used for many lines. Whatever is not there stays empty; what is malformed is a failure with the
// reason.
#pragma once
#include "base/result.hpp"
#include "model/alert.hpp"

#include <memory>
#include <string_view>

namespace soc::incident {

class finding_reader {
public:
  finding_reader();
  ~finding_reader();
  /// Fails with invalid_input: no JSON object, no metadata.uid or finding_info.uid, no time.
  result<model::alert> read(std::string_view line);

private:
  struct parser;
  std::unique_ptr<parser> parser_;
};

} // namespace soc::incident
