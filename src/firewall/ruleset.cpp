#include "firewall/ruleset.h"

#include <fmt/core.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <algorithm>
#include <endian.h>
#include <sys/socket.h>

namespace warder::firewall {
namespace {

constexpr std::string_view kBase = "prerouting";
// NF_IP_PRI_RAW: before connection tracking (-200) and destination NAT (-100), behind
// defragmentation (-400).
constexpr std::int32_t kRawPriority = -300;
// Raised whenever the same comment would stand for another rule than before.
constexpr int kRuleVersion = 2;
// nft's own numbers for types, which it keeps with a set to print its elements (nft, datatype.h).
constexpr std::uint32_t kTypeIpv4 = 7;
constexpr std::uint32_t kTypeIpv6 = 8;
// nft's tag of a comment among a rule's user data (libnftnl, udata.h).
constexpr std::uint8_t kUserDataComment = 0;

std::string_view family_name(net::Family family) {
  return family == net::Family::kIpv4 ? "v4" : "v6";
}

std::uint32_t key_length(net::Family family) { return family == net::Family::kIpv4 ? 4 : 16; }

std::string chain_of(const Scope& scope, net::Family family) {
  return scope.is_all() ? std::string(family_name(family))
                        : fmt::format("{}_{}", scope.name(), family_name(family));
}

bool uses_family(const Ruleset& ruleset, ScopeIndex scope, net::Family family) {
  return std::any_of(ruleset.sets.begin(), ruleset.sets.end(),
                     [&](const SetId& set) { return set.scope == scope && set.family == family; });
}

void add_banned_rules(const Ruleset& ruleset, ScopeIndex scope, net::Family family,
                      std::vector<Rule>& rules) {
  for (const SetId& set : ruleset.sets) {
    if (set.scope != scope || set.family != family) {
      continue;
    }
    Rule rule;
    rule.kind = Rule::Kind::kBanned;
    rule.chain = chain_of(ruleset.scopes[scope], family);
    rule.family = family;
    rule.target = ruleset.set_name(set);
    rule.length = set.length;
    const bool drop = ruleset.options.block_type == BlockType::kDrop;
    rule.comment =
        fmt::format("warder {} {} {}", kRuleVersion, drop ? "drop" : "reject", rule.target);
    rules.push_back(std::move(rule));
  }
}

void add_port_rules(const Ruleset& ruleset, ScopeIndex index, net::Family family,
                    std::vector<Rule>& rules) {
  const Scope& scope = ruleset.scopes[index];
  std::vector<std::uint8_t> protocols{static_cast<std::uint8_t>(scope.protocol())};
  if (scope.protocol() == Protocol::kAny) {
    protocols = {IPPROTO_TCP, IPPROTO_UDP};
  }
  for (const std::uint8_t protocol : protocols) {
    Rule rule;
    rule.kind = Rule::Kind::kPorts;
    rule.chain = family_name(family);
    rule.family = family;
    rule.target = chain_of(scope, family);
    rule.protocol = protocol;
    rule.any_port = scope.ports().empty();
    if (rule.any_port) {
      rule.comment = fmt::format("warder {} protocol {} {}", kRuleVersion, protocol, rule.target);
      rules.push_back(rule);
    }
    for (const PortRange& range : scope.ports()) {
      rule.ports = range;
      rule.comment = fmt::format("warder {} protocol {} ports {}-{} {}", kRuleVersion, protocol,
                                 range.first, range.last, rule.target);
      rules.push_back(rule);
    }
  }
}

// Writes the expressions of a rule, one call an expression (linux/netfilter/nf_tables.h).
class Expressions {
 public:
  explicit Expressions(MessageWriter& out) : out_(out) {}

  void meta(std::uint32_t key) {
    in("meta", [&] {
      out_.put_be32(NFTA_META_DREG, NFT_REG_1);
      out_.put_be32(NFTA_META_KEY, key);
    });
  }
  void family(net::Family family) {
    const std::uint8_t protocol = family == net::Family::kIpv4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
    meta(NFT_META_NFPROTO);
    equals(util::ByteView(&protocol, 1));
  }
  void payload(std::uint32_t base, std::uint32_t offset, std::uint32_t length) {
    in("payload", [&] {
      out_.put_be32(NFTA_PAYLOAD_DREG, NFT_REG_1);
      out_.put_be32(NFTA_PAYLOAD_BASE, base);
      out_.put_be32(NFTA_PAYLOAD_OFFSET, offset);
      out_.put_be32(NFTA_PAYLOAD_LEN, length);
    });
  }
  void mask(util::ByteView bytes) {
    const util::Bytes zero(bytes.size());
    in("bitwise", [&] {
      out_.put_be32(NFTA_BITWISE_SREG, NFT_REG_1);
      out_.put_be32(NFTA_BITWISE_DREG, NFT_REG_1);
      out_.put_be32(NFTA_BITWISE_LEN, static_cast<std::uint32_t>(bytes.size()));
      data(NFTA_BITWISE_MASK, bytes);
      data(NFTA_BITWISE_XOR, zero);
    });
  }
  void equals(util::ByteView bytes) {
    in("cmp", [&] {
      out_.put_be32(NFTA_CMP_SREG, NFT_REG_1);
      out_.put_be32(NFTA_CMP_OP, NFT_CMP_EQ);
      data(NFTA_CMP_DATA, bytes);
    });
  }
  void between(util::ByteView first, util::ByteView last) {
    in("range", [&] {
      out_.put_be32(NFTA_RANGE_SREG, NFT_REG_1);
      out_.put_be32(NFTA_RANGE_OP, NFT_RANGE_EQ);
      data(NFTA_RANGE_FROM_DATA, first);
      data(NFTA_RANGE_TO_DATA, last);
    });
  }
  void lookup(std::string_view set) {
    in("lookup", [&] {
      out_.put_name(NFTA_LOOKUP_SET, set);
      out_.put_be32(NFTA_LOOKUP_SREG, NFT_REG_1);
    });
  }
  void counter() {
    in("counter", [] {});
  }
  void verdict(int code, std::string_view chain = {}) {
    in("immediate", [&] {
      out_.put_be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
      const auto outer = out_.nest(NFTA_IMMEDIATE_DATA);
      const auto inner = out_.nest(NFTA_DATA_VERDICT);
      out_.put_be32(NFTA_VERDICT_CODE, static_cast<std::uint32_t>(code));
      if (!chain.empty()) {
        out_.put_name(NFTA_VERDICT_CHAIN, chain);
      }
      out_.end_nest(inner);
      out_.end_nest(outer);
    });
  }
  void reject() {
    in("reject", [&] {
      out_.put_be32(NFTA_REJECT_TYPE, NFT_REJECT_ICMPX_UNREACH);
      const std::uint8_t code = NFT_REJECT_ICMPX_ADMIN_PROHIBITED;
      out_.put(NFTA_REJECT_ICMP_CODE, util::ByteView(&code, 1));
    });
  }

 private:
  template <typename Fill>
  void in(std::string_view name, Fill fill) {
    const auto element = out_.nest(NFTA_LIST_ELEM);
    out_.put_name(NFTA_EXPR_NAME, name);
    const auto body = out_.nest(NFTA_EXPR_DATA);
    fill();
    out_.end_nest(body);
    out_.end_nest(element);
  }
  void data(std::uint16_t attribute, util::ByteView bytes) {
    const auto start = out_.nest(attribute);
    out_.put(NFTA_DATA_VALUE, bytes);
    out_.end_nest(start);
  }

  MessageWriter& out_;
};

util::Bytes network_mask(net::Family family, unsigned length) {
  util::Bytes mask(key_length(family));
  for (unsigned bit = 0; bit < length; ++bit) {
    mask[bit / 8] = static_cast<std::uint8_t>(mask[bit / 8] | (0x80U >> (bit % 8)));
  }
  return mask;
}

std::array<std::uint8_t, 2> port_bytes(std::uint16_t port) {
  return {static_cast<std::uint8_t>(port >> 8U), static_cast<std::uint8_t>(port & 0xFFU)};
}

void write_expressions(MessageWriter& out, const Rule& rule, BlockType block_type) {
  Expressions expression(out);
  switch (rule.kind) {
    case Rule::Kind::kFamily:
      expression.family(rule.family);
      expression.verdict(NFT_GOTO, rule.target);
      return;
    case Rule::Kind::kPorts:
      expression.meta(NFT_META_L4PROTO);
      expression.equals(util::ByteView(&rule.protocol, 1));
      if (!rule.any_port) {
        // Source and destination port stand in the same places for TCP and UDP.
        expression.payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
        const auto first = port_bytes(rule.ports.first);
        const auto last = port_bytes(rule.ports.last);
        if (first == last) {
          expression.equals(first);
        } else {
          expression.between(first, last);
        }
      }
      expression.verdict(NFT_JUMP, rule.target);
      return;
    case Rule::Kind::kBanned: {
      const bool v4 = rule.family == net::Family::kIpv4;
      const std::uint32_t size = key_length(rule.family);
      // The chain is for this family only; but nft takes the address for a bare number without
      // this, and cannot load what it has listed.
      expression.family(rule.family);
      // Where the source address is in the header (RFC 791, RFC 8200).
      expression.payload(NFT_PAYLOAD_NETWORK_HEADER, v4 ? 12 : 8, size);
      if (rule.length < size * 8) {
        expression.mask(network_mask(rule.family, rule.length));
      }
      expression.lookup(rule.target);
      expression.counter();
      if (block_type == BlockType::kDrop) {
        expression.verdict(NF_DROP);
      } else {
        expression.reject();
      }
      return;
    }
  }
}

// Begins one message of the table.
class TableWriter {
 public:
  TableWriter(MessageWriter& out, std::uint32_t& sequence) : out_(out), sequence_(sequence) {}

  MessageWriter& begin(std::uint16_t kind, std::uint16_t flags) {
    out_.begin(table_message(kind), static_cast<std::uint16_t>(NLM_F_REQUEST | flags), ++sequence_);
    write_generation_header(out_);
    // The table's name has the same number in every kind of message.
    static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_SET_TABLE == 1 &&
                  NFTA_RULE_TABLE == 1);
    out_.put_name(NFTA_TABLE_NAME, kTable);
    return out_;
  }

 private:
  MessageWriter& out_;
  std::uint32_t& sequence_;
};

void write_chain(TableWriter& table, const std::string& name) {
  MessageWriter& out = table.begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
  out.put_name(NFTA_CHAIN_NAME, name);
  if (name == kBase) {
    const auto hook = out.nest(NFTA_CHAIN_HOOK);
    out.put_be32(NFTA_HOOK_HOOKNUM, NF_INET_PRE_ROUTING);
    out.put_be32(NFTA_HOOK_PRIORITY, static_cast<std::uint32_t>(kRawPriority));
    out.end_nest(hook);
    out.put_be32(NFTA_CHAIN_POLICY, NF_ACCEPT);
    out.put_name(NFTA_CHAIN_TYPE, "filter");
  }
}

void write_set(TableWriter& table, const Ruleset& ruleset, const SetId& set, std::uint32_t id) {
  const bool v4 = set.family == net::Family::kIpv4;
  MessageWriter& out = table.begin(NFT_MSG_NEWSET, NLM_F_CREATE);
  out.put_name(NFTA_SET_NAME, ruleset.set_name(set));
  // Never NFT_SET_INTERVAL: adding to a large interval set takes minutes.
  out.put_be32(NFTA_SET_FLAGS, NFT_SET_TIMEOUT);
  out.put_be32(NFTA_SET_KEY_TYPE, v4 ? kTypeIpv4 : kTypeIpv6);
  out.put_be32(NFTA_SET_KEY_LEN, key_length(set.family));
  out.put_be32(NFTA_SET_ID, id);
  const auto description = out.nest(NFTA_SET_DESC);
  out.put_be32(NFTA_SET_DESC_SIZE, ruleset.options.max_elements);
  out.end_nest(description);
  if (ruleset.options.counters) {
    const auto expression = out.nest(NFTA_SET_EXPR);
    out.put_name(NFTA_EXPR_NAME, "counter");
    out.end_nest(expression);
  }
}

void write_rule(TableWriter& table, const Rule& rule, BlockType block_type) {
  MessageWriter& out = table.begin(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
  out.put_name(NFTA_RULE_CHAIN, rule.chain);
  const auto expressions = out.nest(NFTA_RULE_EXPRESSIONS);
  write_expressions(out, rule, block_type);
  out.end_nest(expressions);
  util::Bytes user_data{kUserDataComment, static_cast<std::uint8_t>(rule.comment.size() + 1)};
  user_data.insert(user_data.end(), rule.comment.begin(), rule.comment.end());
  user_data.push_back(0);
  out.put(NFTA_RULE_USERDATA, user_data);
}

std::string comment_of(util::ByteView user_data) {
  while (user_data.size() >= 2) {
    const std::size_t length = user_data[1];
    if (user_data.size() < 2 + length) {
      break;
    }
    if (user_data[0] == kUserDataComment) {
      const std::string_view text = util::as_text(user_data.subspan(2, length));
      return std::string(text.substr(0, text.find('\0')));
    }
    user_data = user_data.subspan(2 + length);
  }
  return {};
}

// Is what the kernel has under our names usable as it is? A chain at another hook, or a set of
// another kind, cannot be changed: then the whole table is made anew.
bool is_compatible(const Ruleset& ruleset, const TableState& state) {
  const auto base = state.chains.find(kBase);
  if (base != state.chains.end() &&
      (!base->second.is_base || base->second.hook != NF_INET_PRE_ROUTING ||
       base->second.priority != kRawPriority || base->second.policy != NF_ACCEPT)) {
    return false;
  }
  for (const auto& [name, chain] : state.chains) {
    if (name != kBase && chain.is_base) {
      return false;
    }
  }
  for (const SetId& set : ruleset.sets) {
    const auto found = state.sets.find(ruleset.set_name(set));
    if (found != state.sets.end() &&
        (found->second.key_length != key_length(set.family) ||
         (found->second.flags & ~std::uint32_t{NFT_SET_EXPR}) != NFT_SET_TIMEOUT ||
         found->second.size != ruleset.options.max_elements ||
         found->second.counts != ruleset.options.counters)) {
      return false;
    }
  }
  // NFT_TABLE_F_DORMANT: somebody switched the table off.
  return (state.flags & NFT_TABLE_F_DORMANT) == 0;
}

std::map<std::string, std::vector<std::string>, std::less<>> comments_of(
    const std::vector<Rule>& rules) {
  std::map<std::string, std::vector<std::string>, std::less<>> comments;
  for (const Rule& rule : rules) {
    comments[rule.chain].push_back(rule.comment);
  }
  return comments;
}

}  // namespace

std::uint16_t table_message(std::uint16_t kind) {
  return static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | kind);
}

void write_generation_header(MessageWriter& out, std::uint16_t resource) {
  nfgenmsg header{};
  header.nfgen_family = resource == 0 ? std::uint8_t{NFPROTO_INET} : std::uint8_t{AF_UNSPEC};
  header.version = NFNETLINK_V0;
  header.res_id = htobe16(resource);
  out.header({reinterpret_cast<const std::uint8_t*>(&header), sizeof header});
}

std::string Ruleset::set_name(const SetId& set) const {
  return fmt::format("{}_{}_{}", scopes[set.scope].name(), family_name(set.family), set.length);
}

std::map<std::string, SetId> Ruleset::set_names() const {
  std::map<std::string, SetId> names;
  for (ScopeIndex scope = 0; scope < scopes.size(); ++scope) {
    for (const net::Family family : {net::Family::kIpv4, net::Family::kIpv6}) {
      for (unsigned length = 0; length <= key_length(family) * 8; ++length) {
        const SetId set{scope, family, static_cast<std::uint8_t>(length)};
        names.emplace(set_name(set), set);
      }
    }
  }
  return names;
}

std::vector<Rule> rules_of(const Ruleset& ruleset) {
  std::vector<Rule> rules;
  for (const net::Family family : {net::Family::kIpv4, net::Family::kIpv6}) {
    Rule rule;
    rule.chain = kBase;
    rule.family = family;
    rule.target = family_name(family);
    rule.comment = fmt::format("warder {} family {}", kRuleVersion, rule.target);
    rules.push_back(std::move(rule));
    for (ScopeIndex scope = 0; scope < ruleset.scopes.size(); ++scope) {
      add_banned_rules(ruleset, scope, family, rules);
      if (!ruleset.scopes[scope].is_all() && uses_family(ruleset, scope, family)) {
        add_port_rules(ruleset, scope, family, rules);
      }
    }
  }
  return rules;
}

std::set<std::string> chains_of(const Ruleset& ruleset) {
  std::set<std::string> chains{std::string(kBase), "v4", "v6"};
  for (const SetId& set : ruleset.sets) {
    chains.insert(chain_of(ruleset.scopes[set.scope], set.family));
  }
  return chains;
}

void TableState::take(const Message& message) {
  nfgenmsg header{};
  if (message.payload.size() < sizeof header) {
    return;
  }
  if (message.payload[0] != NFPROTO_INET) {
    return;
  }
  const util::ByteView attributes = message.payload.subspan(sizeof header);
  const auto table = find_attribute(attributes, NFTA_TABLE_NAME);
  if (!table || table->name() != kTable) {
    return;
  }
  const auto text = [&](std::uint16_t type) {
    const auto attribute = find_attribute(attributes, type);
    return std::string(attribute ? attribute->name() : std::string_view());
  };
  const auto number = [](util::ByteView from, std::uint16_t type) {
    const auto attribute = find_attribute(from, type);
    return attribute ? attribute->be32().value_or(0) : 0;
  };
  if (message.type == table_message(NFT_MSG_NEWTABLE)) {
    exists = true;
    flags = number(attributes, NFTA_TABLE_FLAGS);
  } else if (message.type == table_message(NFT_MSG_NEWCHAIN)) {
    Chain chain;
    if (const auto hook = find_attribute(attributes, NFTA_CHAIN_HOOK)) {
      chain.is_base = true;
      chain.hook = number(hook->data, NFTA_HOOK_HOOKNUM);
      chain.priority = static_cast<std::int32_t>(number(hook->data, NFTA_HOOK_PRIORITY));
      chain.policy = number(attributes, NFTA_CHAIN_POLICY);
    }
    chains[text(NFTA_CHAIN_NAME)] = chain;
  } else if (message.type == table_message(NFT_MSG_NEWSET)) {
    Set set;
    set.flags = number(attributes, NFTA_SET_FLAGS);
    set.key_length = number(attributes, NFTA_SET_KEY_LEN);
    if (const auto description = find_attribute(attributes, NFTA_SET_DESC)) {
      set.size = number(description->data, NFTA_SET_DESC_SIZE);
    }
    set.counts = find_attribute(attributes, NFTA_SET_EXPR).has_value();
    sets[text(NFTA_SET_NAME)] = set;
  } else if (message.type == table_message(NFT_MSG_NEWRULE)) {
    const auto user_data = find_attribute(attributes, NFTA_RULE_USERDATA);
    rules[text(NFTA_RULE_CHAIN)].push_back(user_data ? comment_of(user_data->data) : std::string());
  }
}

void write_install(MessageWriter& out, const Ruleset& ruleset, const TableState& state,
                   std::uint32_t& sequence) {
  TableWriter table(out, sequence);
  const bool fresh = !state.exists || !is_compatible(ruleset, state);
  if (fresh && state.exists) {
    table.begin(NFT_MSG_DELTABLE, 0);
  }
  const TableState before = fresh ? TableState{} : state;
  if (fresh) {
    table.begin(NFT_MSG_NEWTABLE, NLM_F_CREATE);
  }

  const std::set<std::string> chains = chains_of(ruleset);
  for (const std::string& chain : chains) {
    if (!before.chains.contains(chain)) {
      write_chain(table, chain);
    }
  }
  std::set<std::string> sets;
  std::uint32_t set_number = 0;
  for (const SetId& set : ruleset.sets) {
    sets.insert(ruleset.set_name(set));
    if (!before.sets.contains(ruleset.set_name(set))) {
      write_set(table, ruleset, set, ++set_number);
    }
  }

  const std::vector<Rule> rules = rules_of(ruleset);
  const bool strays =
      std::any_of(before.chains.begin(), before.chains.end(),
                  [&](const auto& entry) { return !chains.contains(entry.first); }) ||
      std::any_of(before.sets.begin(), before.sets.end(),
                  [&](const auto& entry) { return !sets.contains(entry.first); });
  if (!strays && before.rules == comments_of(rules)) {
    return;
  }
  if (!fresh) {
    // All rules of the table go first: they hold on to the chains and sets that must go.
    table.begin(NFT_MSG_DELRULE, 0);
    for (const auto& [name, set] : before.sets) {
      if (!sets.contains(name)) {
        table.begin(NFT_MSG_DELSET, 0).put_name(NFTA_SET_NAME, name);
      }
    }
    for (const auto& [name, chain] : before.chains) {
      if (!chains.contains(name)) {
        table.begin(NFT_MSG_DELCHAIN, 0).put_name(NFTA_CHAIN_NAME, name);
      }
    }
  }
  for (const Rule& rule : rules) {
    write_rule(table, rule, ruleset.options.block_type);
  }
}

}  // namespace warder::firewall
