#include "app/demo_internet.h"

#include <fmt/format.h>

#include <chrono>
#include <future>
#include <utility>

#include "dns/message.h"
#include "net/tls.h"

namespace postseal::app {

namespace {

constexpr std::uint32_t ttl_s = 60;
constexpr std::uint32_t negative_ttl_s = 1;  // what is published next must be seen next

dns::Name name(std::string_view text) {
    return dns::Name::parse(text).value();  // our own words, or a name that was one before
}

dns::Record address_record(const dns::Name& owner, const std::string& address) {
    return {owner, dns::Type::a, ttl_s, dns::AddressData{dns::IpAddress::parse(address).value()}};
}

std::vector<dns::Record> root_records(const DemoPlan& plan) {
    const dns::Name server = name("ns.internet.test");
    return {{dns::Name(), dns::Type::soa, ttl_s,
             dns::SoaData{server, name("hostmaster.internet.test"), 1, 3600, 600, 86'400, negative_ttl_s}},
            {dns::Name(), dns::Type::ns, ttl_s, dns::NsData{server}},
            address_record(server, plan.name_server),
            address_record(name("ns1." + plan.operator_domain), plan.zone_server),
            address_record(name(plan.intake_name), plan.intake_host)};
}

dns::Rcode rcode_of(const net::DnsAnswer& answer) {
    if (!answer.usable()) {
        return dns::Rcode::servfail;
    }
    return answer.nxdomain() ? dns::Rcode::nxdomain : dns::Rcode::noerror;
}

void append_record(Bytes& out, const dns::Record& record) {
    const Bytes data = dns::data_to_wire(record.data);
    append(out, record.name.to_wire());
    append_u16(out, static_cast<std::uint16_t>(record.type));
    append_u16(out, dns::class_in);
    append_u32(out, record.ttl_s);
    append_u16(out, static_cast<std::uint16_t>(data.size()));
    append(out, data);
}

Result<net::ListenAddress> listen_address(const std::string& address, std::uint16_t port) {
    return net::parse_listen_address(fmt::format("{}:{}", address, port));
}

}  // namespace

net::ResolverSettings DemoPlan::resolver_settings() const {
    net::ResolverSettings settings;
    settings.root_hints = "";
    settings.trust_anchor_file = "";
    settings.stub_zones = {{dns::Name(), {fmt::format("{}@{}", name_server, dns_port)}, std::nullopt},
                           {name(zone), {fmt::format("{}@{}", zone_server, dns_port)}, std::nullopt}};
    settings.timeout = std::chrono::seconds(5);
    return settings;
}

SmallInternet::SmallInternet(const DemoPlan& plan, const DemoCa& ca)
    : plan_(plan),
      ca_(ca),
      loops_("internet", 1),
      names_pollers_("internet-dns", 1),
      resolving_pollers_("internet-res", 2) {}

Result<std::unique_ptr<SmallInternet>> SmallInternet::start(const DemoPlan& plan, const DemoCa& ca) {
    std::unique_ptr<SmallInternet> internet(new SmallInternet(plan, ca));
    if (auto opened = internet->open(); !opened) {
        return opened.error();
    }
    return internet;
}

SmallInternet::~SmallInternet() {
    for (const auto& receiver : receivers_) {
        receiver->stop();
    }
    resolving_pollers_.stop();  // first: its threads may wait for the resolver, and that for the name server
    names_pollers_.stop();
    loops_.stop();
}

Result<void> SmallInternet::open() {
    POSTSEAL_TRY(dns::ZonePtr root, dns::Zone::build(dns::Name(), root_records(plan_)));
    names_ = std::make_unique<dns::LiveZone>(std::move(root));
    name_server_ = std::make_unique<net::DnsServer>(
        names_pollers_, net::DnsServerSettings{}, [this](const net::DnsQuery& query, Bytes& reply) {
            const auto transport =
                query.transport == net::DnsQuery::Transport::udp ? dns::Transport::udp : dns::Transport::tcp;
            return names_->current()->answer(query.message, transport, reply);
        });
    POSTSEAL_TRY(const auto names_address, listen_address(plan_.name_server, plan_.dns_port));
    if (auto listening = name_server_->listen(names_address); !listening) {
        return listening;
    }
    POSTSEAL_TRY(resolver_, net::make_unbound_resolver(loop(), plan_.resolver_settings()));
    resolving_server_ = std::make_unique<net::DnsServer>(
        resolving_pollers_, net::DnsServerSettings{},
        [this](const net::DnsQuery& query, Bytes& reply) { return answer_recursive(query, reply); });
    POSTSEAL_TRY(const auto resolver_address, listen_address(plan_.resolver, plan_.dns_port));
    if (auto listening = resolving_server_->listen(resolver_address); !listening) {
        return listening;
    }

    net::SmtpServerSettings good;
    good.host_name = "mail.posthost.test";
    net::TlsSettings tls;
    tls.unknown_name = net::TlsSettings::UnknownName::fallback;
    tls.fallback = name(good.host_name);
    tls.alpn_http = false;
    POSTSEAL_TRY(const auto certificate, ca_.issue(good.host_name));
    POSTSEAL_TRY(auto loaded, certificate.loaded());
    if (auto set = certificates_->set(tls.fallback, std::move(loaded)); !set) {
        return set;
    }
    POSTSEAL_TRY(good.tls, net::TlsContext::make(certificates_, tls));
    POSTSEAL_TRY(auto good_receiver, open_receiver(plan_.good_mx, std::move(good)));
    receivers_.push_back(std::move(good_receiver));
    net::SmtpServerSettings old;
    old.host_name = "antique.posthost.test";
    POSTSEAL_TRY(auto old_receiver, open_receiver(plan_.old_mx, std::move(old)));
    receivers_.push_back(std::move(old_receiver));
    return {};
}

Result<std::unique_ptr<net::SmtpServer>> SmallInternet::open_receiver(const std::string& address,
                                                                      net::SmtpServerSettings settings) {
    auto receiver = std::make_unique<net::SmtpServer>(
        loops_.all(), std::move(settings),
        [this](const net::ReceivedMessage& /*message*/, const std::function<void(net::SmtpAnswer)>& answer) {
            letters_.fetch_add(1);
            answer({});
        });
    POSTSEAL_TRY(const auto listen, listen_address(address, plan_.smtp_port));
    if (auto listening = receiver->listen(listen); !listening) {
        return listening.error();
    }
    return receiver;
}

Result<void> SmallInternet::certify(const dns::Name& domain, DemoCa::Validity validity) {
    POSTSEAL_TRY(const dns::Name mx, domain.prefixed("mx"));
    POSTSEAL_TRY(const auto certificate, ca_.issue(mx.text(), validity));
    POSTSEAL_TRY(auto loaded, certificate.loaded());
    return certificates_->set(mx, std::move(loaded));
}

Result<void> SmallInternet::add_domain(const dns::Name& domain) {
    POSTSEAL_TRY(const dns::Name mx, domain.prefixed("mx"));
    if (auto certified = certify(domain, DemoCa::Validity::now); !certified) {
        return certified;
    }
    return names_->change(
        {{domain, {{domain, dns::Type::mx, ttl_s, dns::MxData{10, mx}}}}, {mx, {address_record(mx, plan_.good_mx)}}});
}

Result<void> SmallInternet::add_old_domain(const dns::Name& domain) {
    POSTSEAL_TRY(const dns::Name mx1, domain.prefixed("mx1"));
    POSTSEAL_TRY(const dns::Name mx2, domain.prefixed("mx2"));
    return names_->change(
        {{domain,
          {{domain, dns::Type::mx, ttl_s, dns::MxData{10, mx1}}, {domain, dns::Type::mx, ttl_s, dns::MxData{10, mx2}}}},
         {mx1, {address_record(mx1, plan_.old_mx)}},
         {mx2, {address_record(mx2, plan_.good_mx)}}});
}

Result<void> SmallInternet::publish_cname(const dns::Name& owner, const dns::Name& target) {
    return names_->change({{owner, {{owner, dns::Type::cname, ttl_s, dns::CnameData{target}}}}});
}

// As a resolver answers its client (RFC 1034 §4.3.1): the whole chain, which here has one link at most.
bool SmallInternet::answer_recursive(const net::DnsQuery& query, Bytes& reply) {
    const dns::Query asked = dns::read_query(query.message);
    if (asked.fault != dns::QueryFault::none) {
        return false;
    }
    ByteReader reader(asked.name);
    const Result<dns::Name> owner = dns::Name::from_wire(reader);
    net::DnsAnswer answer;
    if (owner) {
        std::promise<net::DnsAnswer> done;
        resolver_->resolve(*owner, asked.type, [&done](net::DnsAnswer found) { done.set_value(std::move(found)); });
        answer = done.get_future().get();
    }
    std::vector<dns::Record> records = std::move(answer.records);
    if (!records.empty() && answer.canonical_name != *owner) {
        records.insert(records.begin(),
                       {*owner, dns::Type::cname, answer.ttl_s, dns::CnameData{answer.canonical_name}});
    }
    dns::Header header = asked.header;
    header.response = true;
    header.recursion_available = true;
    header.rcode = static_cast<std::uint8_t>(rcode_of(answer));
    header.question_count = 1;
    header.answer_count = static_cast<std::uint16_t>(records.size());
    header.authority_count = 0;
    header.additional_count = asked.edns ? 1 : 0;
    append(reply, dns::encode_header(header));
    append(reply, asked.question);
    for (const dns::Record& record : records) {
        append_record(reply, record);
    }
    if (asked.edns) {
        dns::append_opt(reply, {});
    }
    return true;
}

}  // namespace postseal::app
