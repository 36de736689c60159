#include "firewall/set_element.h"

#include "firewall/ruleset.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

namespace warder::firewall {
namespace {

void write_element(MessageWriter& out, const SetElement& element, bool with_values) {
  const auto start = out.nest(NFTA_LIST_ELEM);
  const auto key = out.nest(NFTA_SET_ELEM_KEY);
  out.put(NFTA_DATA_VALUE, util::as_bytes(element.key.byte_view()));
  out.end_nest(key);
  if (with_values && element.remaining) {
    out.put_be64(NFTA_SET_ELEM_TIMEOUT, static_cast<std::uint64_t>(element.remaining->count()));
  }
  if (with_values && element.traffic.counted && element.traffic.packets != 0) {
    const auto expression = out.nest(NFTA_SET_ELEM_EXPR);
    out.put_name(NFTA_EXPR_NAME, "counter");
    const auto data = out.nest(NFTA_EXPR_DATA);
    out.put_be64(NFTA_COUNTER_BYTES, element.traffic.bytes);
    out.put_be64(NFTA_COUNTER_PACKETS, element.traffic.packets);
    out.end_nest(data);
    out.end_nest(expression);
  }
  out.end_nest(start);
}

void read_counter(util::ByteView expression, Traffic& traffic) {
  const auto name = find_attribute(expression, NFTA_EXPR_NAME);
  const auto data = find_attribute(expression, NFTA_EXPR_DATA);
  if (!name || name->name() != "counter" || !data) {
    return;
  }
  traffic.counted = true;
  if (const auto packets = find_attribute(data->data, NFTA_COUNTER_PACKETS)) {
    traffic.packets = packets->be64().value_or(0);
  }
  if (const auto bytes = find_attribute(data->data, NFTA_COUNTER_BYTES)) {
    traffic.bytes = bytes->be64().value_or(0);
  }
}

std::optional<net::IpAddress> read_key(util::ByteView key, net::Family family) {
  const auto value = find_attribute(key, NFTA_DATA_VALUE);
  if (!value || value->data.size() != (family == net::Family::kIpv4 ? 4U : 16U)) {
    return std::nullopt;
  }
  const auto address = net::IpAddress::from_bytes(util::as_text(value->data));
  // An IPv4-mapped key in an IPv6 set is none of ours.
  if (!address || address->family() != family) {
    return std::nullopt;
  }
  return *address;
}

std::optional<SetElement> read_element(util::ByteView attributes, net::Family family) {
  SetElement element;
  element.traffic.counted = false;
  bool has_key = false;
  bool has_timeout = false;
  std::uint64_t left = 0;
  AttributeReader reader(attributes);
  while (const auto attribute = reader.next()) {
    switch (attribute->type) {
      case NFTA_SET_ELEM_KEY:
        if (const auto key = read_key(attribute->data, family)) {
          element.key = *key;
          has_key = true;
        }
        break;
      case NFTA_SET_ELEM_TIMEOUT:
        has_timeout = true;
        break;
      case NFTA_SET_ELEM_EXPIRATION:
        left = attribute->be64().value_or(0);
        break;
      case NFTA_SET_ELEM_EXPR:
        read_counter(attribute->data, element.traffic);
        break;
      case NFTA_SET_ELEM_EXPRESSIONS:
        if (const auto first = find_attribute(attribute->data, NFTA_LIST_ELEM)) {
          read_counter(first->data, element.traffic);
        }
        break;
      default:
        break;
    }
  }
  if (!has_key) {
    return std::nullopt;
  }
  if (has_timeout) {
    // Such a number is no time; cut so that it can be added to a clock.
    constexpr std::uint64_t kLongest = 1ULL << 42U;
    element.remaining = std::chrono::milliseconds(left < kLongest ? left : kLongest);
  }
  return element;
}

std::uint16_t kind_of(ElementRequest request) {
  switch (request) {
    case ElementRequest::kAdd:
      return NFT_MSG_NEWSETELEM;
    case ElementRequest::kRemove:
      return NFT_MSG_DELSETELEM;
    case ElementRequest::kGet:
      break;
  }
  return NFT_MSG_GETSETELEM;
}

}  // namespace

void write_elements(MessageWriter& out, ElementRequest request, std::uint16_t extra_flags,
                    std::uint32_t sequence, std::string_view set,
                    std::span<const SetElement> elements) {
  const bool adds = request == ElementRequest::kAdd;
  out.begin(table_message(kind_of(request)),
            static_cast<std::uint16_t>(NLM_F_REQUEST | extra_flags |
                                       (adds ? NLM_F_CREATE | NLM_F_EXCL : 0)),
            sequence);
  write_generation_header(out);
  out.put_name(NFTA_SET_ELEM_LIST_TABLE, kTable);
  out.put_name(NFTA_SET_ELEM_LIST_SET, set);
  const auto list = out.nest(NFTA_SET_ELEM_LIST_ELEMENTS);
  for (const SetElement& element : elements) {
    write_element(out, element, adds);
  }
  out.end_nest(list);
}

void write_list_request(MessageWriter& out, std::uint32_t sequence, std::string_view set) {
  out.begin(table_message(NFT_MSG_GETSETELEM), NLM_F_REQUEST | NLM_F_DUMP, sequence);
  write_generation_header(out);
  out.put_name(NFTA_SET_ELEM_LIST_TABLE, kTable);
  out.put_name(NFTA_SET_ELEM_LIST_SET, set);
}

bool read_elements(const Message& message, net::Family family,
                   const std::function<bool(const SetElement&)>& visit) {
  if (message.type != table_message(NFT_MSG_NEWSETELEM) ||
      message.payload.size() < sizeof(nfgenmsg)) {
    return true;
  }
  const auto list =
      find_attribute(message.payload.subspan(sizeof(nfgenmsg)), NFTA_SET_ELEM_LIST_ELEMENTS);
  if (!list) {
    return true;
  }
  AttributeReader reader(list->data);
  while (const auto item = reader.next()) {
    const auto element = read_element(item->data, family);
    if (element && !visit(*element)) {
      return false;
    }
  }
  return true;
}

}  // namespace warder::firewall
