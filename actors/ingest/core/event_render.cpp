// Events as OCSF JSON: slots nested by their paths, captions beside enum values, Unknown where the schema requires a
// value, metadata, raw_data and what no rule used.
#include "base/json_writer.hpp"
#include "ingest/core/json_decoder.hpp"
#include "ingest/core/mapping.hpp"
#include "ingest/core/normalizer.hpp"
#include "ingest/core/quick_hash.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace soc::ingest {

namespace {

void write_value(json_writer& out, const model::value& v) {
  switch (v.kind()) {
  case model::value_kind::null:
    out.null();
    return;
  case model::value_kind::boolean:
    out.boolean(v.boolean());
    return;
  case model::value_kind::integer:
    out.integer(v.integer());
    return;
  case model::value_kind::real:
    out.real(v.real());
    return;
  case model::value_kind::string:
    out.string(v.text());
    return;
  case model::value_kind::list:
    out.begin_array();
    for (const auto& item : v.items())
      write_value(out, item);
    out.end_array();
    return;
  }
}

/// One leaf of the nested form.
struct leaf {
  const path_shape* shape;
  model::value data;
};
using leaf_range = std::span<const leaf>;

/// Writes leaves, in path order, as nested JSON.
class nested_writer {
public:
  explicit nested_writer(json_writer& out) : out_(out) {}

  /// The members of one object: the leaves share their first `depth` segments.
  void write_members(leaf_range leaves, std::size_t depth, const ocsf_object* type) {
    for (std::size_t i = 0; i < leaves.size();) {
      const auto& name = leaves[i].shape->segments[depth].name;
      std::size_t end = i + 1;
      while (end < leaves.size() && leaves[end].shape->segments[depth].name == name)
        ++end;
      write_member(leaves.subspan(i, end - i), depth, leaves, type);
      i = end;
    }
    if (type != nullptr)
      write_unknown(leaves, depth, *type);
  }

private:
  void write_member(leaf_range group, std::size_t depth, leaf_range siblings, const ocsf_object* type) {
    const auto& first = group[0].shape->segments[depth];
    const auto* attribute = type == nullptr ? nullptr : type->attribute(first.name);
    const auto* inner = attribute == nullptr ? nullptr : attribute->object;
    if (is_left_out(group, depth, attribute))
      return;
    out_.key(first.name);
    if (first.index < 0) {
      if (group[0].shape->segments.size() == depth + 1) {
        write_value(out_, group[0].data);
        write_caption(group[0], depth, siblings, attribute);
      } else {
        write_object(group, depth, inner);
      }
      return;
    }
    out_.begin_array();
    for (std::size_t i = 0; i < group.size();) {
      const auto index = group[i].shape->segments[depth].index;
      std::size_t end = i + 1;
      while (end < group.size() && group[end].shape->segments[depth].index == index)
        ++end;
      if (group[i].shape->segments.size() == depth + 1)
        write_value(out_, group[i].data);
      else
        write_object(group.subspan(i, end - i), depth, inner);
      i = end;
    }
    out_.end_array();
  }

  void write_object(leaf_range group, std::size_t depth, const ocsf_object* type) {
    out_.begin_object();
    write_members(group, depth + 1, type);
    out_.end_object();
  }

  static bool has_member(leaf_range leaves, std::size_t depth, std::string_view name) {
    return std::any_of(leaves.begin(), leaves.end(),
                       [&](const leaf& l) { return l.shape->segments[depth].name == name; });
  }

  static leaf_range member(leaf_range leaves, std::size_t depth, std::string_view name) {
    const auto named = [&](const leaf& l) { return l.shape->segments[depth].name == name; };
    const auto first = std::find_if(leaves.begin(), leaves.end(), named);
    return {first, std::find_if_not(first, leaves.end(), named)};
  }

  /// An object that would tell nothing.
  static bool is_left_out(leaf_range group, std::size_t depth, const ocsf_attribute* attribute) {
    const auto& segments = group[0].shape->segments;
    return attribute != nullptr && attribute->object != nullptr && segments[depth].index < 0 &&
           segments.size() > depth + 1 && is_empty_shell(group, depth + 1, *attribute->object);
  }

  void write_caption(const leaf& l, std::size_t depth, leaf_range siblings, const ocsf_attribute* a) {
    if (a == nullptr || a->sibling.empty() || a->captions.empty() || l.data.kind() != model::value_kind::integer ||
        has_member(siblings, depth, a->sibling))
      return;
    if (const auto it = a->captions.find(fmt::format("{}", l.data.integer())); it != a->captions.end())
      out_.key(a->sibling).string(it->second);
  }

  /// What the schema requires and no rule gave is said to be unknown.
  void write_unknown(leaf_range leaves, std::size_t depth, const ocsf_object& type) {
    const auto has = [&](std::string_view name) {
      const auto group = member(leaves, depth, name);
      return !group.empty() && !is_left_out(group, depth, type.attribute(name));
    };
    for (const auto* a : type.required)
      if (!has(a->name))
        write_unknown_attribute(*a, depth, !a->sibling.empty() && !has(a->sibling));
    if (type.at_least_one.empty() || std::any_of(type.at_least_one.begin(), type.at_least_one.end(), has))
      return;
    const auto is_named = [&](std::string_view name) {
      return std::find(type.at_least_one.begin(), type.at_least_one.end(), name) != type.at_least_one.end();
    };
    const auto chosen = is_named("uid") ? "uid" : is_named("name") ? "name" : type.at_least_one.front();
    if (const auto* a = type.attribute(chosen))
      write_unknown_attribute(*a, depth, false);
  }

  void write_unknown_attribute(const ocsf_attribute& a, std::size_t depth, bool with_caption) {
    if (a.kind == ocsf_kind::time || depth > 6)
      return;
    out_.key(a.name);
    if (a.array)
      out_.begin_array();
    if (a.kind == ocsf_kind::object && a.object != nullptr) {
      out_.begin_object();
      write_unknown({}, depth + 1, *a.object);
      out_.end_object();
    } else if (a.kind == ocsf_kind::integer || a.kind == ocsf_kind::port) {
      out_.integer(0);
    } else if (a.kind == ocsf_kind::boolean) {
      out_.boolean(false);
    } else if (a.kind == ocsf_kind::ip) {
      out_.string("0.0.0.0");
    } else {
      out_.string(a.captions.empty() ? "unknown" : a.captions.begin()->first);
    }
    if (a.array)
      out_.end_array();
    if (const auto caption = a.captions.find("0"); with_caption && !a.array && caption != a.captions.end())
      out_.key(a.sibling).string(caption->second);
  }

  /// Numbers of enums alone tell nothing: {"type_id": 1}.
  static bool is_empty_shell(leaf_range group, std::size_t depth, const ocsf_object& type) {
    const auto names_it = [&](const std::string& name) { return has_member(group, depth, name); };
    if (type.at_least_one.empty() || std::any_of(type.at_least_one.begin(), type.at_least_one.end(), names_it))
      return false;
    return std::all_of(group.begin(), group.end(), [&](const leaf& l) {
      const auto& name = l.shape->segments[depth].name;
      return name.size() > 3 && name.compare(name.size() - 3, 3, "_id") == 0;
    });
  }

  json_writer& out_;
};

std::string path_text(const path_shape& shape) {
  std::string out;
  for (const auto& segment : shape.segments) {
    if (!out.empty())
      out.push_back('.');
    out += segment.index < 0 ? segment.name : fmt::format("{}[{}]", segment.name, segment.index);
  }
  return out;
}

/// Names met before. Few are kept in a small table, more in a set.
class seen_names {
public:
  bool add(std::string_view name) {
    if (count_ == most)
      return std::none_of(table_.begin(), table_.end(), [&](std::string_view n) { return n == name; }) &&
             more_.insert(name).second;
    auto at = quick_hash(name) >> 56;
    for (; table_[at].data() != nullptr; at = (at + 1) % table_.size())
      if (table_[at] == name)
        return false;
    table_[at] = name;
    ++count_;
    return true;
  }

private:
  static constexpr std::size_t most = 128;
  std::array<std::string_view, 256> table_{};
  std::size_t count_ = 0;
  std::set<std::string_view> more_;
};

/// The slots and what the engine adds, ready to be written.
class ocsf_document {
public:
  ocsf_document(const mapping_set::parts& parts, const mapping_type& type, const model::event_batch& batch,
                const model::event& ev)
      : parts_(parts), type_(type), batch_(batch), ev_(ev) {}

  std::string render() {
    leaves_.reserve(ev_.ocsf.size() + 16);
    for (const auto& s : ev_.ocsf)
      if (s.id < parts_.shapes.size() && parts_.shapes[s.id] != nullptr)
        add_slot(s);
    add_names();
    add_metadata();
    std::sort(leaves_.begin(), leaves_.end(),
              [](const leaf& a, const leaf& b) { return a.shape->rank < b.shape->rank; });
    std::string text;
    text.reserve(ev_.raw.size() * 3 + 1024);
    json_writer out(text);
    out.begin_object();
    nested_writer(out).write_members(leaves_, 0, type_.ocsf);
    out.key("raw_data").string(ev_.raw);
    write_unmapped(out);
    out.end_object();
    return text;
  }

private:
  /// A word that the schema does not list (an HTTP method somebody made up) is told as unmapped.
  void add_slot(const model::slot& s) {
    const auto* shape = parts_.shapes[s.id];
    const auto& enums = type_.text_enums;
    const auto at = std::find_if(enums.begin(), enums.end(), [&](const auto& one) { return one.first == s.id; });
    if (at == enums.end() || !s.data.is_string()) {
      leaves_.push_back({shape, s.data});
      return;
    }
    const auto& captions = at->second->captions;
    const auto known = at->second->enum_value(s.data.text());
    if (known)
      leaves_.push_back({shape, model::value::of_string(captions.find(*known)->first)});
    else
      unlisted_.push_back({shape, s.data});
  }

  void add(const path_shape* shape, model::value v) {
    if (shape == nullptr || v.is_null() || (v.is_string() && v.text().empty()))
      return;
    if (std::none_of(leaves_.begin(), leaves_.end(), [&](const leaf& l) { return l.shape == shape; }))
      leaves_.push_back({shape, v});
  }

  void add_names() {
    const auto& own = parts_.own;
    add(own.class_name, model::value::of_string(type_.ocsf->caption));
    add(own.category_name, model::value::of_string(type_.ocsf->category));
    const auto activity = ev_.ocsf_value(parts_.ids.activity_id);
    if (activity.kind() != model::value_kind::integer)
      return;
    const auto a = type_.ocsf->attributes.find("activity_id");
    if (a == type_.ocsf->attributes.end())
      return;
    const auto caption = a->second.captions.find(fmt::format("{}", activity.integer()));
    if (caption == a->second.captions.end())
      return;
    type_name_ = type_.ocsf->caption + ": " + caption->second;
    add(own.type_name, model::value::of_string(type_name_));
  }

  void add_metadata() {
    const auto& own = parts_.own;
    add(own.version, model::value::of_string(parts_.schema->version()));
    add(own.product_name, model::value::of_string(type_.owner->title));
    add(own.vendor_name, model::value::of_string(type_.owner->vendor_name));
    uid_ = model::event_id(batch_, ev_);
    add(own.uid, model::value::of_string(uid_));
    add(own.logged_time, model::value::of_int(batch_.raw->received_at / ns_per_ms));
    if (batch_.raw->context)
      add(own.tenant_uid, model::value::of_string(batch_.raw->context->tenant));
    std::set<std::string_view> profiles;
    const std::string* before = nullptr;
    for (const auto& l : leaves_) {
      const auto& name = l.shape->segments[0].name;
      if (before != nullptr && *before == name)
        continue;
      before = &name;
      const auto a = type_.ocsf->attributes.find(name);
      if (a != type_.ocsf->attributes.end() && !a->second.profile.empty())
        profiles.insert(a->second.profile);
    }
    for (const auto name : profiles)
      profiles_.push_back(model::value::of_string(name));
    if (!profiles_.empty())
      add(own.profiles, model::value::of_list(profiles_));
  }

  void write_unmapped(json_writer& out) {
    bool any = !unlisted_.empty();
    if (any)
      out.key("unmapped").begin_object();
    for (const auto& one : unlisted_) {
      out.key(path_text(*one.shape));
      write_value(out, one.data);
    }
    seen_names names;
    for (const auto& s : ev_.native) {
      const bool used = s.id != model::no_field && s.id < type_.consumed.size() && type_.consumed[s.id];
      if (used || s.data.is_null() || !names.add(s.name()))
        continue;
      if (!any)
        out.key("unmapped").begin_object();
      any = true;
      out.key(s.name());
      if (s.data.is_string() && s.data.text() == empty_object_text)
        out.begin_object().end_object();
      else
        write_value(out, s.data);
    }
    if (any)
      out.end_object();
  }

  const mapping_set::parts& parts_;
  const mapping_type& type_;
  const model::event_batch& batch_;
  const model::event& ev_;
  std::vector<leaf> leaves_;
  std::vector<leaf> unlisted_; ///< text the schema's enum doesn't have
  std::string type_name_, uid_;
  std::vector<model::value> profiles_;
};

} // namespace

std::string to_ocsf_json(const model::event_batch& batch, const model::event& ev) {
  const auto* set = static_cast<const mapping_set*>(batch.types.get());
  const auto* type = set == nullptr ? nullptr : set->type_of(ev.type);
  if (type == nullptr)
    return "{}";
  return ocsf_document(set->inside(), *type, batch, ev).render();
}

} // namespace soc::ingest
