// lake/event_search.hpp - one question to the event store as it is answered: block by block, the newest first, so that
// a search can be cut into steps. Made by the search actor and by offline commands; blocking I/O.
#pragma once
#include "lake/catalog.hpp"
#include "lake/core/query.hpp"

#include <map>
#include <set>

namespace soc::lake {

/// A compiled condition. Cores do not know one another: the node makes it from detection/core.
struct event_condition {
  projection fields;                     ///< what the test looks at
  model::dictionary_ptr names;           ///< whose ids the test knows fields by; null: those of the reading
  std::function<event_test()> make_test; ///< one for each search; empty: everything passes
};

/// What the mappings in use know of stored events.
struct event_reading {
  model::dictionary_ptr names;
  known_types types;
  /// OCSF JSON, one line; `known`: the event's type is one of `types`.
  std::function<std::string(const model::event_batch&, const model::event&, bool known)> render;
};

class event_search {
public:
  event_search(const catalog& of, event_query asked, event_condition condition, event_reading reading);

  /// Reads one block; false when there is nothing more to read.
  bool step();
  /// What was found. `render`: with JSON.
  found_events finish(bool render);

private:
  void take_segments(const catalog& of);
  result<std::shared_ptr<const mapped_file>> file_of(std::size_t segment);
  struct hit {
    std::shared_ptr<const model::event_batch> batch;
    std::size_t index = 0;
    bool known = false; ///< as of restored_batch
  };
  outcome read(const candidate& c);
  result<std::vector<std::uint32_t>> rows_found(block_reader& block);
  void take(const restored_batch& found);
  bool enough(unix_ns newest_left) const;

  std::filesystem::path directory_;
  std::vector<std::shared_ptr<const segment_info>> segments_;
  event_query asked_;
  event_condition condition_;
  event_reading reading_;
  event_test test_;
  std::vector<candidate> plan_;
  std::size_t next_ = 0;
  std::map<std::size_t, std::shared_ptr<const mapped_file>>
      open_files_;                                                  ///< of open segments: they may be sealed meanwhile
  std::map<std::size_t, std::shared_ptr<const mapped_file>> files_; ///< of sealed ones, some of them
  std::multimap<unix_ns, hit> hits_;
  std::set<std::string> ids_; ///< the same event may be stored twice: sources deliver at least once
  found_events out_;
};

} // namespace soc::lake
