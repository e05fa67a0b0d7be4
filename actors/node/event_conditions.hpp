// node/event_conditions.hpp - connects the event store with what it must not know: Sigma conditions as tests of stored
// events, and the mappings in use that render them. Used by the node and by `soc lake`; values.
#pragma once
#include "detection/rule_files.hpp"
#include "ingest/core/normalizer.hpp"
#include "lake/event_search.hpp"

namespace soc::node {

/// The condition of `text` (Sigma): a selection ("EventID: 4625", "{User: bob, Image|endswith: \cmd.exe}"), a list of
/// keywords or of selections, or a whole detection with its `condition`. `source` ("windows/process_creation/", parts
/// may be missing) says by which field tables of the folder `fields` names are found; a vendor's own names and OCSF
/// paths always are. Fails with invalid_input, saying what is wrong.
result<lake::event_condition> compile_condition(const std::string& text, const std::string& source,
                                                const std::string& fields, const model::field_dictionary& names);

/// The test of one rule of a compiled program, whatever the logsource of an event is; for backtests too.
lake::event_condition condition_of(std::shared_ptr<const detection::program> rules, std::uint32_t rule,
                                   const model::field_dictionary& names);

/// How stored events are read with these mappings.
lake::event_reading reading_with(std::shared_ptr<const ingest::mapping_set> mappings, model::dictionary_ptr names);

} // namespace soc::node
