#include "filter/text_prefix.h"

#include <utility>

namespace warder::filter {
namespace {

// `.+` or `.*`, greedy, to the end of the line.
bool is_rest(const RegexNode& node) {
  CharClass not_break = CharClass::single('\n');
  not_break.negate();
  return node.kind == NodeKind::kRepeat && node.least <= 1 && node.most == kNoLimit && !node.lazy &&
         node.kids[0].kind == NodeKind::kClass && node.kids[0].chars == not_break;
}

// The tree before a final content of anything; empty when the prefix has another form.
std::optional<RegexTree> head_of(const RegexTree& tree) {
  const RegexNode& root = tree.root;
  const std::size_t size = root.kids.size();
  if (root.kind != NodeKind::kConcat || size < 2 || root.kids[size - 1].kind != NodeKind::kAssert ||
      root.kids[size - 1].assertion != AssertKind::kTextEnd ||
      root.kids[size - 2].kind != NodeKind::kCapture ||
      tree.names[root.kids[size - 2].group] != "content" || !is_rest(root.kids[size - 2].kids[0])) {
    return std::nullopt;
  }
  RegexTree head = tree;
  std::vector<RegexNode> kids(root.kids.begin(), root.kids.end() - 2);
  head.root = make_concat(std::move(kids));
  return head;
}

}  // namespace

util::Result<TextPrefix> TextPrefix::compile(std::string_view text, const RegexDialect& dialect) {
  WARDER_ASSIGN_OR_RETURN(TextPattern pattern, TextPattern::compile(text, dialect));
  TextPrefix prefix(std::move(pattern));
  if (std::optional<RegexTree> head = head_of(prefix.pattern_.tree())) {
    WARDER_ASSIGN_OR_RETURN(prefix.head_, TextPattern::compile(std::move(*head)));
  }
  return prefix;
}

std::optional<Subject> TextPrefix::match(const Subject& message, Captures& captures,
                                         std::string& buffer) const {
  if (head_) {
    const std::optional<Span> head = head_->match_span(message, captures);
    if (!head) {
      return std::nullopt;
    }
    const std::string_view rest = message.text.substr(head->end);
    // With nothing or a line break left, the whole expression might divide the line differently.
    if (rest.find('\n') == rest.size() - 1 && rest.size() > 1) {
      return Subject{rest, message.kind};
    }
    captures.clear();
  }
  if (!pattern_.match(message, captures)) {
    return std::nullopt;
  }
  const std::string_view content = find_capture(captures, "content");
  if (content.empty()) {
    return message;
  }
  const char* end = message.text.data() + message.text.size();
  if (content.data() + content.size() + 1 == end) {
    return Subject{{content.data(), content.size() + 1}, message.kind};
  }
  buffer.assign(content);
  buffer += '\n';
  return Subject{buffer, message.kind};
}

}  // namespace warder::filter
