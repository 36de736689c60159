#pragma once

#include "ship/message.h"

#include <optional>
#include <string>
#include <vector>

namespace warder::ship {

// What a person needs beside the sentence of an event. An event whose detail has text members
// `cause`, `next`, `incident` and `state` says it itself; texts are plain (plain_text()).
struct Advice {
  std::string cause;  // empty: the event's sentence says it all
  // What an operator types next, in order. For an event that does not say it these are commands of
  // ours, into which nothing from outside gets but addresses.
  std::vector<std::string> steps;
  // Names what belongs together over time; the same for an alert and its recovery.
  std::string incident;
  bool tells_end = false;  // another event will say that it is over
  bool is_over = false;    // tells that the incident has ended
  bool is_known = false;   // tells that somebody has acknowledged it
};

Advice advice_of(const Message& message);

}  // namespace warder::ship
