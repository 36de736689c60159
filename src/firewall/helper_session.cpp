#include "firewall/helper_session.h"

#include <fmt/core.h>

#include <algorithm>

namespace warder::firewall {
namespace {

util::Error malformed_error(std::string text) {
  return {util::ErrorCode::kInvalid, std::move(text)};
}

}  // namespace

HelperSession::HelperSession(HelperShared& shared, Send send)
    : shared_(shared),
      send_(std::move(send)),
      number_(++shared.sessions),
      refilled_(shared.clock.monotonic()) {}

bool HelperSession::take(util::ByteView datagram) {
  std::uint16_t version = wire::kVersion;
  const auto header = wire::read_header(datagram, version);
  if (!header && version != wire::kVersion) {
    return malformed(0,
                     fmt::format("the firewall helper speaks version {} of its messages, this one "
                                 "has version {}; restart warder and warder-firewall after an "
                                 "upgrade",
                                 wire::kVersion, version));
  }
  if (!header || static_cast<std::uint16_t>(header->kind) >= 0x8000) {
    return malformed(0, "a message that is none");
  }
  return take_part(*header, datagram);
}

bool HelperSession::malformed(std::uint64_t request, std::string text) {
  is_open_ = false;
  header_ = {};
  header_.request = request;
  if (++malformed_ > kMostMalformed) {
    return false;
  }
  return answer(malformed_error(std::move(text)));
}

bool HelperSession::within_rate() {
  const util::MonotonicTime now = shared_.clock.monotonic();
  const std::chrono::duration<double> passed = now - refilled_;
  refilled_ = now;
  tokens_ = std::min<double>(kBurst, tokens_ + std::max(0.0, passed.count()) * kASecond);
  if (tokens_ < 1) {
    return false;
  }
  tokens_ -= 1;
  return true;
}

bool HelperSession::take_part(const wire::Header& header, util::ByteView datagram) {
  const bool continues = is_open_ && header.request == header_.request;
  if (continues) {
    if (header.kind != header_.kind || header.total != header_.total || header.first != received_) {
      return malformed(header.request, "a message that does not continue its request");
    }
  } else {
    if (header.request <= last_request_) {
      return malformed(header.request, "a message that was sent before");
    }
    last_request_ = header.request;
    if (header.first != 0) {
      return malformed(header.request, "a request without its beginning");
    }
    header_ = header;
    received_ = 0;
    changes_.clear();
    scope_parts_.clear();
    if (!within_rate()) {
      is_open_ = false;
      return answer(util::Error(util::ErrorCode::kUnavailable,
                                "more requests than the firewall helper takes; try again later"));
    }
    is_open_ = true;
  }
  if (!read_records(header, datagram)) {
    return malformed(header.request, "a record that is none");
  }
  received_ += header.count;
  if (received_ < header_.total) {
    return true;
  }
  is_open_ = false;
  return work_off();
}

bool HelperSession::read_records(const wire::Header& header, util::ByteView datagram) {
  const util::WallTime now = shared_.clock.now();
  for (std::size_t i = 0; i < header.count; ++i) {
    if (header.kind == wire::Kind::kEnsure) {
      auto part = wire::read_scope_part(datagram, i);
      if (!part) {
        return false;
      }
      scope_parts_.push_back(std::move(*part));
      continue;
    }
    auto timed = wire::read_change(datagram, i);
    if (!timed) {
      return false;
    }
    if (timed->left) {
      timed->change.end = now + *timed->left;
    }
    changes_.push_back(timed->change);
  }
  return true;
}

bool HelperSession::work_off() {
  const bool is_ours = shared_.ensured_by == number_;
  switch (header_.kind) {
    case wire::Kind::kEnsure:
      return answer(ensure());
    case wire::Kind::kApply: {
      if (!is_ours) {
        return answer(util::Error(util::ErrorCode::kConflict,
                                  "the firewall's rules are not there; they are being rebuilt"));
      }
      const auto report = shared_.firewall.apply(changes_);
      return report ? answer({}, *report) : answer(report.error());
    }
    case wire::Kind::kList:
      return list();
    case wire::Kind::kTraffic: {
      const auto traffic = shared_.firewall.traffic(changes_.front().prefix);
      return traffic ? answer({}, {}, *traffic) : answer(traffic.error());
    }
    case wire::Kind::kRemoveAll:
      shared_.ensured_by = 0;
      return answer(shared_.firewall.remove_all());
    default:
      return malformed(header_.request, "a message that is none");
  }
}

util::Status HelperSession::ensure() {
  std::vector<Scope> scopes;
  std::size_t at = 0;
  while (at < scope_parts_.size()) {
    const wire::ScopePart& first = scope_parts_[at];
    std::vector<PortRange> ports;
    for (; at < scope_parts_.size() && scope_parts_[at].index == first.index; ++at) {
      if (scope_parts_[at].protocol != first.protocol) {
        return malformed_error("a scope with two protocols");
      }
      ports.insert(ports.end(), scope_parts_[at].ports.begin(), scope_parts_[at].ports.end());
    }
    if (first.index != scopes.size()) {
      return malformed_error("scopes out of order");
    }
    WARDER_ASSIGN_OR_RETURN(Scope scope, Scope::make(first.protocol, std::move(ports)));
    scopes.push_back(std::move(scope));
  }
  shared_.ensured_by = 0;
  WARDER_RETURN_IF_ERROR(shared_.firewall.ensure(scopes));
  shared_.ensured_by = number_;
  told_changed_ = false;
  return {};
}

bool HelperSession::list() {
  wire::Header header{wire::Kind::kElements, header_.request, 0, 0, 0};
  std::vector<wire::TimedElement> waiting;
  bool connected = true;
  const auto flush = [&] {
    header.count = static_cast<std::uint16_t>(waiting.size());
    wire::Datagram datagram = wire::datagram_of(header);
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      wire::put_element(datagram, i, waiting[i]);
    }
    waiting.clear();
    connected = send_(datagram);
    return connected;
  };
  const util::Status status = shared_.firewall.list([&](const Element& element) {
    wire::TimedElement timed{element, std::nullopt};
    if (element.end) {
      timed.left =
          std::max(std::chrono::ceil<std::chrono::milliseconds>(*element.end - shared_.clock.now()),
                   std::chrono::milliseconds(0));
    }
    waiting.push_back(std::move(timed));
    return waiting.size() < wire::kElementsADatagram || flush();
  });
  if (connected && !waiting.empty()) {
    flush();
  }
  return connected && answer(status);
}

bool HelperSession::answer(const util::Status& status, const ApplyReport& report,
                           const Traffic& traffic) {
  wire::Summary summary;
  if (!status) {
    summary.error = status.error().code();
    summary.text = status.error().message();
  }
  summary.report = report;
  summary.report.refusals.clear();
  summary.traffic = traffic;
  wire::Header header{wire::Kind::kAnswer, header_.request,
                      static_cast<std::uint32_t>(report.refusals.size()), 0, 0};
  do {
    header.count = static_cast<std::uint16_t>(
        std::min<std::size_t>(header.total - header.first, wire::kRefusalsADatagram));
    wire::Datagram datagram = wire::datagram_of(header);
    wire::put_summary(datagram, summary);
    for (std::size_t i = 0; i < header.count; ++i) {
      wire::put_refusal(datagram, i, report.refusals[header.first + i]);
    }
    if (!send_(datagram)) {
      return false;
    }
    header.first += header.count;
  } while (header.first < header.total);
  return true;
}

bool HelperSession::tell_changed() {
  if (told_changed_) {
    return true;
  }
  told_changed_ = true;
  return send_(wire::datagram_of({wire::Kind::kChanged, 0, 0, 0, 0}));
}

}  // namespace warder::firewall
