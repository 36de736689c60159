#include "firewall/table_client.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>

namespace warder::firewall {
namespace {

// A dump that another transaction disturbs is begun again so often.
constexpr int kDumpAttempts = 8;
// Keys asked for in one message. More save little, and cost more where one is missing.
constexpr std::size_t kTogether = 32;

}  // namespace

util::Error firewall_error(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return {util::ErrorCode::kDenied,
              "the kernel does not let this process change the firewall: it lacks CAP_NET_ADMIN; "
              "start it as root, or through warder-firewall.service, which grants it"};
    case EOPNOTSUPP:
    case EPROTONOSUPPORT:
    case EINVAL:
      return {util::ErrorCode::kUnavailable,
              std::string("the kernel refuses a part of the rules (") + std::strerror(error) +
                  "): it needs nf_tables with inet tables, hash sets and element counters (Linux "
                  "5.10 or later); try 'modprobe nf_tables', and inside a container run warder on "
                  "the host"};
    case ENOENT:
      return {util::ErrorCode::kConflict,
              "the firewall's rules are not there; they are being rebuilt"};
    default:
      return util::errno_error("changing the firewall", error);
  }
}

TableClient::TableClient(std::unique_ptr<Channel> channel)
    : channel_(std::move(channel)), buffer_(kNetlinkDatagram) {}

util::Result<std::uint32_t> TableClient::generation() {
  out_.clear();
  const std::uint32_t question = next_sequence();
  out_.begin(table_message(NFT_MSG_GETGEN), NLM_F_REQUEST, question);
  write_generation_header(out_);
  if (const int error = channel_->send(out_.finish()); error != 0) {
    return firewall_error(error);
  }
  std::optional<std::uint32_t> found;
  std::size_t length = 0;
  while (channel_->receive(buffer_, length) == 0) {
    MessageReader reader(util::ByteView(buffer_).first(length));
    while (const auto message = reader.next()) {
      if (message->sequence != question) {
        continue;
      }
      const auto error = error_of(*message);
      if (error && *error != 0) {
        return firewall_error(*error == EINVAL ? EOPNOTSUPP : *error);
      }
      if (message->payload.size() >= sizeof(nfgenmsg)) {
        const auto id = find_attribute(message->payload.subspan(sizeof(nfgenmsg)), NFTA_GEN_ID);
        found = id ? id->be32() : std::nullopt;
      }
    }
  }
  if (!found) {
    return util::Error(util::ErrorCode::kConflict, "answers of the kernel were lost");
  }
  return *found;
}

MessageWriter& TableClient::begin() {
  out_.clear();
  first_ = next_sequence();
  out_.begin(NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, first_);
  write_generation_header(out_, NFNL_SUBSYS_NFTABLES);
  return out_;
}

TableClient::Outcome TableClient::commit() {
  // A question at the end whose answer shows that no answer before it got lost: the kernel answers
  // what is wrong with a transaction, and is silent otherwise.
  Outcome outcome;
  const std::uint32_t last = next_sequence();
  out_.begin(NFNL_MSG_BATCH_END, NLM_F_REQUEST, last);
  write_generation_header(out_, NFNL_SUBSYS_NFTABLES);
  outcome.general = channel_->send(out_.finish());
  if (outcome.general != 0) {
    return outcome;
  }
  out_.clear();
  const std::uint32_t question = next_sequence();
  out_.begin(table_message(NFT_MSG_GETGEN), NLM_F_REQUEST, question);
  write_generation_header(out_);
  outcome.general = channel_->send(out_.finish());
  bool answered = false;
  for (;;) {
    std::size_t length = 0;
    const int error = channel_->receive(buffer_, length);
    if (error == EAGAIN) {
      break;
    }
    if (error != 0) {
      outcome.lost = true;
      if (error != ENOBUFS) {
        break;
      }
      continue;
    }
    MessageReader reader(util::ByteView(buffer_).first(length));
    while (const auto message = reader.next()) {
      if (message->sequence == question) {
        answered = true;
      }
      const auto code = error_of(*message);
      if (!code || *code == 0) {
        continue;
      }
      if (message->sequence == first_ || message->sequence == last) {
        outcome.general = *code;
      } else if (message->sequence > first_ && message->sequence < last) {
        outcome.failed.emplace(message->sequence, *code);
      }
    }
  }
  outcome.lost = outcome.lost || !answered;
  transactions_.unknown += outcome.lost ? 1 : 0;
  transactions_.done += outcome.is_done() && last != first_ + 1 ? 1 : 0;
  return outcome;
}

int TableClient::dump(util::ByteView request, std::uint32_t sequence,
                      const std::function<bool(const Message&)>& visit) {
  if (const int error = channel_->send(request); error != 0) {
    return error;
  }
  bool disturbed = false;
  for (;;) {
    std::size_t length = 0;
    const int error = channel_->receive(buffer_, length);
    if (error != 0) {
      return error == EAGAIN ? EIO : error;
    }
    MessageReader reader(util::ByteView(buffer_).first(length));
    while (const auto message = reader.next()) {
      if (message->sequence != sequence) {
        continue;
      }
      disturbed = disturbed || (message->flags & NLM_F_DUMP_INTR) != 0;
      if (message->type == NLMSG_DONE) {
        return disturbed ? EINTR : 0;
      }
      if (const auto code = error_of(*message)) {
        return *code;
      }
      if (!visit(*message)) {
        return 0;
      }
    }
  }
}

util::Result<std::vector<std::optional<SetElement>>> TableClient::look_up(
    std::span<const Key> keys) {
  Found found(keys.size());
  std::vector<std::size_t> places(keys.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  std::vector<std::size_t> undecided;
  WARDER_RETURN_IF_ERROR(ask(keys, places, kTogether, found, undecided));
  if (!undecided.empty()) {
    std::vector<std::size_t> none;
    WARDER_RETURN_IF_ERROR(ask(keys, undecided, 1, found, none));
  }
  return found;
}

util::Status TableClient::ask(std::span<const Key> keys, std::span<const std::size_t> places,
                              std::size_t together, Found& found,
                              std::vector<std::size_t>& undecided) {
  struct Question {
    std::span<const std::size_t> places;
    std::size_t answered = 0;
    bool refused = false;  // at the first place that is not answered
  };
  std::vector<Question> questions;
  std::vector<SetElement> elements;
  out_.clear();
  const std::uint32_t first = sequence_ + 1;
  for (std::size_t at = 0; at < places.size();) {
    const std::string_view set = keys[places[at]].set;
    const std::size_t begin = at;
    elements.clear();
    while (at < places.size() && at - begin < together && keys[places[at]].set == set) {
      elements.push_back({keys[places[at++]].address, std::nullopt, {}});
    }
    questions.push_back({places.subspan(begin, at - begin)});
    write_elements(out_, ElementRequest::kGet, 0, next_sequence(), set, elements);
  }
  if (const int error = channel_->send(out_.finish()); error != 0) {
    return firewall_error(error);
  }
  const auto take = [&](const Message& message) -> util::Status {
    const std::size_t place = message.sequence - first;
    if (place >= questions.size()) {
      return {};
    }
    Question& question = questions[place];
    if (const auto code = error_of(message)) {
      // Whatever else is wrong with a key, the transaction will say it of its element.
      if (*code == EPERM) {
        return firewall_error(*code);
      }
      question.refused = true;
      return {};
    }
    // The answers come in the order of the elements, a message each.
    if (question.answered < question.places.size()) {
      const std::size_t key = question.places[question.answered];
      read_elements(message, keys[key].address.family(), [&](const SetElement& element) {
        if (element.key == keys[key].address) {
          found[key] = element;
          ++question.answered;
        }
        return false;
      });
    }
    return {};
  };
  std::vector<std::size_t> lengths;
  while (channel_->receive_short(buffer_, lengths) == 0) {
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      MessageReader reader(util::ByteView(buffer_).subspan(i * kShortDatagram, lengths[i]));
      while (const auto message = reader.next()) {
        WARDER_RETURN_IF_ERROR(take(*message));
      }
    }
  }
  for (const Question& question : questions) {
    const std::size_t decided = question.answered + (question.refused ? 1 : 0);
    if (decided < question.places.size() && !question.refused) {
      return util::Error(util::ErrorCode::kConflict, "answers of the kernel were lost");
    }
    const auto behind = question.places.subspan(std::min(decided, question.places.size()));
    undecided.insert(undecided.end(), behind.begin(), behind.end());
  }
  return {};
}

util::Result<TableState> TableClient::read_state() {
  int error = 0;
  for (int attempt = 0; attempt < kDumpAttempts; ++attempt) {
    TableState state;
    for (const std::uint16_t kind :
         {NFT_MSG_GETTABLE, NFT_MSG_GETCHAIN, NFT_MSG_GETSET, NFT_MSG_GETRULE}) {
      MessageWriter request;
      const std::uint32_t sequence = next_sequence();
      request.begin(table_message(kind), NLM_F_REQUEST | NLM_F_DUMP, sequence);
      write_generation_header(request);
      if (kind == NFT_MSG_GETSET || kind == NFT_MSG_GETRULE) {
        request.put_name(NFTA_SET_TABLE, kTable);
      }
      error = dump(request.finish(), sequence, [&](const Message& message) {
        state.take(message);
        return true;
      });
      // Sets cannot be asked for in a table that is not there.
      if (error == ENOENT) {
        error = 0;
      }
      if (error != 0) {
        break;
      }
    }
    if (error == 0) {
      return state;
    }
    if (error != EINTR && error != ENOBUFS) {
      break;
    }
  }
  if (error == EINTR || error == ENOBUFS) {
    return util::Error(util::ErrorCode::kConflict,
                       "another program keeps changing the firewall while it is read");
  }
  return firewall_error(error);
}

}  // namespace warder::firewall
