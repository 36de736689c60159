#include "storage/xml.h"

#include <expat.h>
#include <memory>
#include <vector>

namespace warder::storage {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::size_t kDeepest = 32;
constexpr std::size_t kLongest = std::size_t{8} << 20U;
constexpr std::size_t kLongestText = 64UL * 1024;

struct FreeParser {
  void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
};

class Reader {
 public:
  explicit Reader(const std::function<void(const XmlPart&)>& leaf)
      : leaf_(leaf), parser_(XML_ParserCreate(nullptr)) {
    XML_SetUserData(parser_.get(), this);
    XML_SetElementHandler(parser_.get(), begin, end);
    XML_SetCharacterDataHandler(parser_.get(), text);
    XML_SetStartDoctypeDeclHandler(parser_.get(), doctype);
  }

  util::Status run(std::string_view document) {
    const XML_Status status =
        XML_Parse(parser_.get(), document.data(), static_cast<int>(document.size()), XML_TRUE);
    if (status != XML_STATUS_OK || refused_) {
      return Error(ErrorCode::kInvalid, "the answer is no XML as it should be");
    }
    return {};
  }

 private:
  static void begin(void* self, const XML_Char* name, const XML_Char**) {
    auto* const reader = static_cast<Reader*>(self);
    if (reader->ends_.size() == kDeepest) {
      reader->refuse();
      return;
    }
    reader->ends_.push_back(reader->path_.size());
    reader->path_ += (reader->path_.empty() ? "" : "/") + std::string(name);
    reader->text_.clear();
    reader->is_leaf_ = true;
  }
  static void end(void* self, const XML_Char*) {
    auto* const reader = static_cast<Reader*>(self);
    if (reader->refused_) {
      return;
    }
    reader->leaf_({reader->path_, reader->is_leaf_ ? std::string_view(reader->text_) : "",
                   !reader->is_leaf_});
    reader->path_.resize(reader->ends_.back());
    reader->ends_.pop_back();
    reader->is_leaf_ = false;
  }
  static void text(void* self, const XML_Char* bytes, int size) {
    auto* const reader = static_cast<Reader*>(self);
    if (reader->text_.size() + static_cast<std::size_t>(size) > kLongestText) {
      reader->refuse();
      return;
    }
    reader->text_.append(bytes, static_cast<std::size_t>(size));
  }
  static void doctype(void* self, const XML_Char*, const XML_Char*, const XML_Char*, int) {
    static_cast<Reader*>(self)->refuse();
  }
  void refuse() {
    refused_ = true;
    XML_StopParser(parser_.get(), XML_FALSE);
  }

  const std::function<void(const XmlPart&)>& leaf_;
  std::unique_ptr<XML_ParserStruct, FreeParser> parser_;
  std::string path_;
  std::vector<std::size_t> ends_;  // where each open element's path began
  std::string text_;
  bool is_leaf_ = false;
  bool refused_ = false;
};

}  // namespace

util::Status read_xml(std::string_view document, const std::function<void(const XmlPart&)>& leaf) {
  if (document.size() > kLongest) {
    return Error(ErrorCode::kInvalid, "the answer is too long");
  }
  return Reader(leaf).run(document);
}

}  // namespace warder::storage
