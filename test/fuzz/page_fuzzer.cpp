// The cutter beside RapidJSON's Reader. On valid pages both see the same events: the same bytes, the same
// fields, the same top-level names. On invalid pages, whatever can be separated is separated, and its valid
// neighbours survive.
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/okta/member.hpp"
#include "logzio_okta/okta/page.hpp"

#include "fuzz/input.hpp"

using namespace logzio_okta;

namespace {

/// An element of a page as the Reader sees it.
struct Element {
  std::string_view bytes;
  bool object = false;
  std::string_view uuid;       // As written, inside the quotes.
  std::string_view published;  //
  std::string_view message;    // With its quotes.
  std::set<std::string> names;
  std::size_t depth = 0;
  std::size_t fields = 0;
  std::size_t longest = 0;
};

std::string_view inside(std::string_view quoted) {
  return quoted.substr(1, quoted.size() - 2);
}

/// Hears the Reader's tokens, and takes from the stream where each of them ends.
class Follower : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Follower> {
 public:
  explicit Follower(std::string_view page) : stream(page.data(), page.size()), page_(page) {}

  // Named by RapidJSON, whose Reader calls them.
  bool Default() { return value(false); }
  bool RawNumber(const char*, rapidjson::SizeType, bool) { return value(false); }
  bool String(const char*, rapidjson::SizeType, bool) { return value(true); }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    const std::string_view raw = token();
    ++element_.fields;
    element_.longest = std::max(element_.longest, inside(raw).size());
    if (depth_ != 2) return true;
    key_ = std::string(text, size);
    element_.names.insert(*key_);
    if (std::string_view* const field = wanted()) *field = {};
    return true;
  }
  bool StartObject() { return open(); }
  bool EndObject(rapidjson::SizeType) { return close(); }
  bool StartArray() { return open(); }
  bool EndArray(rapidjson::SizeType) { return close(); }

  rapidjson::MemoryStream stream;
  std::vector<Element> elements;

 private:
  static constexpr std::size_t depth_max = 400;  // The Reader that tells where tokens end recurses.

  /// The text of the token that was just read: what is before it are white space, commas and colons.
  std::string_view token() {
    std::string_view raw = page_.substr(last_end_, stream.Tell() - last_end_);
    raw.remove_prefix(std::min(raw.find_first_not_of(" \t\r\n,:"), raw.size()));
    last_end_ = stream.Tell();
    return raw;
  }
  /// The field that the key just read names.
  std::string_view* wanted() {
    if (!element_.object || !key_) return nullptr;
    if (*key_ == "uuid") return &element_.uuid;
    if (*key_ == "published") return &element_.published;
    return *key_ == "displayMessage" ? &element_.message : nullptr;
  }
  bool value(bool text) {
    const std::string_view raw = token();
    if (depth_ == 0) return false;  // No array.
    if (depth_ == 1) {
      elements.push_back({.bytes = raw, .longest = text ? inside(raw).size() : 0});
      return true;
    }
    if (text) element_.longest = std::max(element_.longest, inside(raw).size());
    if (depth_ == 2 && text) {
      if (std::string_view* const field = wanted()) *field = *key_ == "displayMessage" ? raw : inside(raw);
    }
    if (depth_ == 2) key_.reset();
    return true;
  }
  bool open() {
    const std::string_view raw = token();
    if (depth_ == 0 && raw != "[") return false;
    if (depth_ == 1) {
      element_ = Element{.object = raw == "{"};
      begin_ = last_end_ - 1;
    }
    if (depth_ <= 2) key_.reset();
    element_.depth = std::max(element_.depth, depth_++);
    return depth_ <= depth_max;
  }
  bool close() {
    static_cast<void>(token());
    if (--depth_ != 1) return true;
    element_.bytes = page_.substr(begin_, last_end_ - begin_);
    elements.push_back(element_);
    return true;
  }

  std::string_view page_;
  std::size_t last_end_ = 0;
  std::size_t begin_ = 0;
  std::size_t depth_ = 0;
  std::optional<std::string> key_;  // At the top level of an element, if its value comes next.
  Element element_;
};

/// The elements of a page; nothing if it is not a valid JSON array.
std::optional<std::vector<Element>> read(std::string_view page) {
  constexpr unsigned flags = rapidjson::kParseValidateEncodingFlag | rapidjson::kParseNumbersAsStringsFlag;
  Follower follower(page);
  rapidjson::Reader reader;
  if (reader.Parse<flags>(follower.stream, follower).IsError()) return std::nullopt;
  // The stream shows its end as a NUL, so that a NUL in the text would pass for it.
  if (follower.stream.Tell() != page.size()) return std::nullopt;
  return std::move(follower.elements);
}

void same(const EventSlice& cut, const Element& read) {
  CHECK(cut.bytes == read.bytes && cut.object == read.object);
  CHECK(cut.uuid == read.uuid && cut.published == read.published && cut.display_message == read.message);
  constexpr std::pair<OwnKey, const char*> names[] = {
      {OwnKey::type, "type"},       {OwnKey::tenant_name, "tenant_name"}, {OwnKey::timestamp, "@timestamp"},
      {OwnKey::message, "message"}, {OwnKey::logzio_okta, "logzio_okta"}, {OwnKey::token, "token"}};
  for (const auto& [key, name] : names) CHECK(cut.own_keys.has(key) == read.names.contains(name));
  for (const std::string& name : read.names) CHECK(cut.top_keys.may_have(name));
  CHECK(!cut.newline_inside);
  CHECK(cut.newline_between == cut.bytes.contains('\n') || cut.bytes.contains('\r'));
  CHECK(cut.will_be_flattened == (read.depth > limits::depth_max || read.fields > limits::fields_max ||
                                  read.longest > limits::field_chars_max));
}

/// Slices are in the page, one after the other, and each is an element by itself.
void judge_slices(std::string_view page, const std::vector<EventSlice>& events) {
  const char* at = page.data();
  for (const EventSlice& event : events) {
    CHECK(!event.bytes.empty() && event.bytes.data() >= at);
    at = event.bytes.data() + event.bytes.size();
    CHECK(at <= page.data() + page.size());
    EventSlice alone;
    CHECK(PageCutter::cut_one(event.bytes, alone));
    CHECK(alone.bytes == event.bytes && alone.object == event.object && alone.uuid == event.uuid);
    CHECK(alone.published == event.published && alone.display_message == event.display_message);
    CHECK(alone.newline_inside == event.newline_inside && alone.newline_between == event.newline_between);
    CHECK(alone.hash == event.hash);
    std::string_view value;
    // Where the key is spelt with an escape only the cutter knows it.
    if (event.uuid.empty() || event.bytes.contains('\\') || !is_strict_json_object(event.bytes)) continue;
    CHECK(find_member(event.bytes, "uuid", value) && inside(value) == event.uuid);
  }
}

/// Whether strings and brackets close, naively.
bool closes(std::string_view text) {
  std::string open;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\'))
        ++i;
      else if (c == '"')
        in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') open += c;
    if (c != '}' && c != ']') continue;
    if (open.empty() || (c == '}') != (open.back() == '{')) return false;
    open.pop_back();
  }
  return !in_string && open.empty();
}

void judge_neighbours(std::string_view poison) {
  if (!closes(poison)) return;
  const std::string before = R"({"uuid":"a","published":"2026-11-23T12:00:00Z","x":["]}\"",{}]})";
  const std::string after = R"({"displayMessage":"b\\","n":1.10})";
  const std::string page = "[" + before + " ,\n" + std::string(poison) + "," + after + "]";
  PageCutter cutter;
  CHECK(cutter.cut(page));
  CHECK(cutter.events().size() >= 2);
  CHECK(cutter.events().front().bytes == before && cutter.events().front().uuid == "a");
  CHECK(cutter.events().back().bytes == after && cutter.events().back().display_message == R"("b\\")");
  judge_slices(page, cutter.events());
}

void judge_bound(std::string_view body, std::size_t elements) {
  PageCutter cutter;
  CHECK(cutter.cut(body, elements));
  CHECK(elements == 0 || (!cutter.cut(body, elements - 1) && cutter.too_many() && cutter.events().empty()));
  static_cast<void>(PageCutter::begins_with_one_event(body));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::string page = "[" + text + "]";
  for (const std::string_view body : {std::string_view(text), std::string_view(page)}) {
    PageCutter cutter;
    const bool cut = cutter.cut(body);
    if (cut) judge_slices(body, cutter.events());
    if (cut) judge_bound(body, cutter.events().size());
    const auto elements = read(body);
    if (!elements || elements->size() > limits::elements_max) continue;
    CHECK(cut);
    CHECK(cutter.events().size() == elements->size());
    for (std::size_t i = 0; i < elements->size(); ++i) same(cutter.events()[i], (*elements)[i]);
  }
  judge_neighbours(text);
  return 0;
}
