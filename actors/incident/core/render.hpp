// incident/core/render.hpp - an incident for people: text for the shell, Markdown for a ticket, SVG of path and
// timeline. Pure functions of the view. Log text is cut, control characters go, and each format's own marks are
// escaped.
#pragma once
#include "incident/core/view.hpp"

namespace soc::incident {

/// Head, timeline, entities, path, why each line is in it, tasks, history. Lines of at most `width` columns where
/// tables are concerned.
std::string to_text(const view& v, std::size_t width = 120);
std::string to_markdown(const view& v);
/// Path above, timeline below; legible with 50 entities. Needs nothing from outside.
std::string to_svg(const view& v);

} // namespace soc::incident
