#pragma once

#include "util/result.h"

#include <functional>
#include <string>
#include <string_view>

namespace warder::storage {

// Calls `leaf` for each element of a document that holds text only, in order, with the names on the
// way to it ("ListBucketResult/Contents/Key") and its text; and for each end of an element that
// holds others, with its path and an empty text and `ended` set. No namespaces, no document types
// (so no entities but the five of XML). kInvalid for what is no XML, deeper than 32 or longer than
// 8 MiB.
struct XmlPart {
  std::string_view path;
  std::string_view text;
  bool ended = false;
};
util::Status read_xml(std::string_view document, const std::function<void(const XmlPart&)>& leaf);

}  // namespace warder::storage
