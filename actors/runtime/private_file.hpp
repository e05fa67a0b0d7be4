// runtime/private_file.hpp - files that hold a secret: made whole or not at all, readable by their owner only.
#pragma once
#include "base/result.hpp"

#include <string>

namespace soc {

/// Makes `path` with `text` and its folder; a file that is there already is kept as it is. A crash at any point leaves
/// no file or the whole one. Fails with io_error.
outcome create_private_file(const std::string& path, const std::string& text);

} // namespace soc
