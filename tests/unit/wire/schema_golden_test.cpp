// Every struct of schemas/*.capnp with every field set, as an earlier version encoded it (tests/data/golden/schema):
// the bytes, and as JSON what was in them. Read by today's schemas, each must still say the same: a renumbered, retyped
// or removed field fails here. Never replace a file. A new struct or field gets its file by running this once with
// SOC_WRITE_GOLDEN=1, which only adds.
#include <boost/test/unit_test.hpp>
#include <capnp/compat/json.h>
#include <capnp/dynamic.h>
#include <capnp/message.h>
#include <capnp/schema-parser.h>
#include <capnp/serialize.h>
#include <kj/filesystem.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr unsigned deepest = 2; // structs in structs

/// One for each member of its union; structs inside have messages of their own.
std::size_t variants_of(capnp::StructSchema schema) {
  return std::max<std::size_t>(1, schema.getUnionFields().size());
}

void fill(capnp::DynamicStruct::Builder to, std::size_t variant, unsigned depth);

capnp::DynamicValue::Reader scalar(capnp::Type type, std::int64_t seed) {
  switch (type.which()) {
  case capnp::schema::Type::BOOL:
    return true;
  case capnp::schema::Type::FLOAT32:
  case capnp::schema::Type::FLOAT64:
    return 0.25 + static_cast<double>(seed);
  case capnp::schema::Type::ENUM: {
    const auto all = type.asEnum().getEnumerants();
    return capnp::DynamicEnum(all[static_cast<unsigned>(seed) % all.size()]);
  }
  default:
    return seed;
  }
}

void fill_list(capnp::DynamicList::Builder list, std::int64_t seed, std::size_t variant, unsigned depth) {
  const auto element = list.getSchema().getElementType();
  for (unsigned i = 0; i < list.size(); ++i)
    if (element.isStruct())
      fill(list[i].as<capnp::DynamicStruct>(), variant + i, depth + 1);
    else if (element.isText())
      list.set(i, capnp::Text::Reader("entry"));
    else if (element.isData())
      list.set(i, capnp::Data::Reader(reinterpret_cast<const kj::byte*>("bytes"), 5));
    else if (element.isList())
      fill_list(list.init(i, 1).as<capnp::DynamicList>(), seed + i, variant, depth);
    else
      list.set(i, scalar(element, seed + i));
}

void fill_field(capnp::DynamicStruct::Builder to, capnp::StructSchema::Field field, std::size_t variant,
                unsigned depth) {
  const auto type = field.getType();
  const auto seed = static_cast<std::int64_t>(field.getIndex()) + 1;
  const std::string word = field.getProto().getName().cStr();
  if (type.isText())
    to.set(field, capnp::Text::Reader(word.c_str(), word.size()));
  else if (type.isData())
    to.set(field, capnp::Data::Reader(reinterpret_cast<const kj::byte*>(word.data()), word.size()));
  else if (type.isList() && depth < deepest)
    fill_list(to.init(field, 2).as<capnp::DynamicList>(), seed, variant, depth);
  else if (type.isStruct() && field.getProto().isGroup())
    fill(to.init(field).as<capnp::DynamicStruct>(), variant, depth);
  else if (type.isStruct() && depth < deepest)
    fill(to.init(field).as<capnp::DynamicStruct>(), variant, depth + 1);
  else if (!type.isStruct() && !type.isList() && type.which() != capnp::schema::Type::VOID)
    to.set(field, scalar(type, seed));
}

/// Sets every field; of a union the member number `variant`.
void fill(capnp::DynamicStruct::Builder to, std::size_t variant, unsigned depth) {
  for (const auto field : to.getSchema().getNonUnionFields())
    fill_field(to, field, variant, depth);
  const auto members = to.getSchema().getUnionFields();
  if (members.size() == 0)
    return;
  const auto chosen = members[static_cast<unsigned>(variant % members.size())];
  if (chosen.getType().which() == capnp::schema::Type::VOID)
    to.set(chosen, capnp::VOID);
  else
    fill_field(to, chosen, variant, depth);
}

std::string json_of(capnp::DynamicStruct::Reader value) {
  capnp::JsonCodec codec;
  codec.setPrettyPrint(true);
  return codec.encode(value, value.getSchema()).cStr();
}

/// Whether all that `then` says is in `now`; what was added since is left aside.
bool is_within(const json& then, const json& now) {
  if (then.is_object() && now.is_object())
    return std::all_of(then.items().begin(), then.items().end(), [&](const auto& item) {
      return now.contains(item.key()) && is_within(item.value(), now[item.key()]);
    });
  if (then.is_array() && now.is_array() && then.size() == now.size())
    return std::equal(then.begin(), then.end(), now.begin(), is_within);
  return then == now;
}

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct schema_files {
  capnp::SchemaParser parser;
  kj::Own<kj::Filesystem> disk = kj::newDiskFilesystem();
  std::map<std::string, capnp::StructSchema> structs; ///< "incident.Alert"

  schema_files() {
    const auto path = fs::path(SOC_SOURCE_DIR) / "schemas";
    folder = disk->getRoot().openSubdir(disk->getCurrentPath().evalNative(path.c_str()));
    system = disk->getRoot().openSubdir(kj::Path({"usr", "include"}));
    const kj::ReadableDirectory* imports[] = {system.get()};
    for (const auto& entry : fs::directory_iterator(path)) {
      const auto name = entry.path().filename().string();
      add(entry.path().stem().string(),
          parser.parseFromDirectory(*folder, kj::Path({kj::StringPtr(name.c_str())}), kj::arrayPtr(imports, 1)));
    }
  }

private:
  void add(const std::string& prefix, capnp::ParsedSchema in) {
    for (auto nested : in.getAllNested()) {
      const auto name = prefix + "." + nested.getUnqualifiedName().cStr();
      if (nested.getProto().isStruct()) {
        structs.emplace(name, nested.asStruct());
        add(name, nested);
      }
    }
  }
  kj::Own<const kj::ReadableDirectory> folder, system; ///< the parser reads from them whenever it likes
};

fs::path golden_folder() {
  return fs::path(SOC_SOURCE_DIR) / "tests/data/golden/schema";
}

json read_golden(capnp::StructSchema schema, const std::string& bytes) {
  auto aligned = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
  std::memcpy(aligned.begin(), bytes.data(), aligned.size() * sizeof(capnp::word));
  capnp::FlatArrayMessageReader reader(aligned);
  return json::parse(json_of(reader.getRoot<capnp::DynamicStruct>(schema)));
}

/// The sample of today, unless some golden message already says all of it.
void write_if_new(const std::string& name, std::size_t variant, const std::string& bytes, const std::string& text,
                  const std::set<std::string>& known) {
  if (known.contains(text) || std::getenv("SOC_WRITE_GOLDEN") == nullptr)
    return;
  fs::create_directories(golden_folder());
  for (int version = 1;; ++version) {
    const auto stem = golden_folder() / (name + "-" + std::to_string(variant) + "-v" + std::to_string(version));
    if (fs::exists(stem.string() + ".bin"))
      continue;
    std::ofstream(stem.string() + ".bin", std::ios::binary) << bytes;
    std::ofstream(stem.string() + ".json") << text << "\n";
    return;
  }
}

std::string without_end(std::string text) {
  while (!text.empty() && text.back() == '\n')
    text.pop_back();
  return text;
}

} // namespace

BOOST_AUTO_TEST_SUITE(schema_golden_messages)

BOOST_AUTO_TEST_CASE(every_message_an_earlier_version_wrote_says_the_same_today) {
  schema_files all;
  std::size_t read = 0;
  for (const auto& entry : fs::directory_iterator(golden_folder())) {
    if (entry.path().extension() != ".bin")
      continue;
    const auto stem = entry.path().stem().string();
    const auto name = stem.substr(0, stem.find('-'));
    const auto schema = all.structs.find(name);
    BOOST_REQUIRE_MESSAGE(schema != all.structs.end(), "the struct " << name << " is gone, but messages of it exist");
    auto text = entry.path();
    const auto then = json::parse(bytes_of(text.replace_extension(".json")));
    BOOST_TEST(is_within(then, read_golden(schema->second, bytes_of(entry.path()))), stem << " is read differently");
    ++read;
  }
  BOOST_TEST(read > 0U);
}

BOOST_AUTO_TEST_CASE(every_struct_and_field_of_today_is_in_a_golden_message) {
  schema_files all;
  for (const auto& [name, schema] : all.structs)
    for (std::size_t variant = 0; variant < variants_of(schema); ++variant) {
      capnp::MallocMessageBuilder message;
      auto root = message.initRoot<capnp::DynamicStruct>(schema);
      fill(root, variant, 0);
      const auto words = capnp::messageToFlatArray(message);
      const auto bytes = words.asBytes();
      const auto text = json_of(root.asReader());
      const auto stem = name + "-" + std::to_string(variant) + "-v";
      const auto known = [&] {
        std::set<std::string> out;
        for (const auto& entry : fs::directory_iterator(golden_folder()))
          if (entry.path().extension() == ".json" && entry.path().filename().string().rfind(stem, 0) == 0)
            out.insert(without_end(bytes_of(entry.path())));
        return out;
      };
      write_if_new(name, variant, std::string(bytes.asChars().begin(), bytes.size()), text, known());
      BOOST_TEST(known().contains(text), name << " (variant " << variant
                                              << ") has something no golden message has: SOC_WRITE_GOLDEN=1 adds one");
    }
}

BOOST_AUTO_TEST_SUITE_END()
