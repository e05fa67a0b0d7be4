// base/form_text.hpp - text as HTML forms and S3 listings encode it: %XX, and '+' for a blank.
#pragma once
#include <string>
#include <string_view>

namespace soc {

/// What is no valid %XX stays as it is.
std::string form_decoded(std::string_view text);

} // namespace soc
