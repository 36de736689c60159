#pragma once

#include "model/event.h"
#include "ship/message.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace warder::ship {

// What a mail says, in texts that are one line each unless noted, without control characters.
struct MailContent {
  // What it is: "ban 203.0.113.9 (sshd)", "37 alerts in 1m"; of an event that is of no jail and no
  // address its own sentence, which would only be announced by another heading.
  std::string headline;
  bool is_sentence = false;
  std::string severity;
  std::string error;  // empty when the event has no cause besides its sentence
  std::string cause;  // may be several lines; empty when the headline says it all
  std::vector<std::pair<std::string, std::string>> facts;  // names and values
  // Of a summary: the worst that it speaks of.
  struct Line {
    std::string time;
    model::Severity severity = model::Severity::kInfo;
    std::string text;
  };
  std::vector<Line> lines;
  std::vector<std::string> steps;  // commands, as they are typed
};

MailContent mail_content(std::string_view host, const Message& message);

// EVENT, ERROR, CAUSE, WORST, DETAILS, NEXT STEPS; 72 columns wide but for words that are longer
// and for commands, which are copied as a whole.
std::string mail_text_part(const MailContent& content);
// The same as a page of one column, for light and dark screens, telephones and paper.
std::string mail_html_part(const MailContent& content, model::Severity severity);

}  // namespace warder::ship
