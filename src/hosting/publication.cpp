#include "hosting/publication.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/text.h"
#include "hosting/label.h"
#include "hosting/life_cycle.h"
#include "net/pem.h"

namespace postseal::hosting {

namespace {

Result<std::vector<LabelState>> labels_of(store::Store& store) {
    POSTSEAL_TRY(const auto domains, store.domains.all());
    std::vector<LabelState> labels;
    for (const store::Domain& domain : domains) {
        if (!is_label(domain.label)) {
            continue;  // monitored only
        }
        POSTSEAL_TRY(const Versions versions, store.domains.versions(domain.id));
        labels.push_back(label_state(domain, versions));
    }
    return labels;
}

}  // namespace

Result<std::unique_ptr<Publication>> Publication::load(ZoneSettings zone, std::shared_ptr<net::CertificateStore> tls,
                                                       store::Store& store, const Clock& clock, Log& log) {
    std::unique_ptr<Publication> made(new Publication(std::move(zone), std::move(tls), clock));
    std::vector<LabelState> labels;
    const auto read = store.domains.each_shown([&](const store::Domains::Shown& shown) {
        if (is_label(shown.label)) {  // others are monitored only
            labels.push_back({std::string(shown.label),
                              shown.policy_id.empty() ? std::nullopt : std::optional(std::string(shown.policy_id)),
                              shown.uses, shown.own_rua});
        }
        if (shown.version > 0) {
            // A domain that moved in again while its old label retires is served by the newer entry, unless that has
            // nothing to serve yet; entries come in that order.
            made->bodies_.set("mta-sts." + std::string(shown.name), {std::string(shown.body), shown.id, shown.version});
        }
    });
    if (!read) {
        return read.error();
    }
    POSTSEAL_TRY(dns::ZonePtr content, build_zone(made->settings_, labels, made->next_serial()));
    made->zone_ = std::make_shared<dns::LiveZone>(std::move(content));
    if (const auto loaded = made->load_certificates(store, log); !loaded) {
        return loaded.error();
    }
    return made;
}

// Nothing is parsed and no key is opened: a hundred thousand of either would take a minute. What a handshake needs it
// opens itself (net/tls.h).
Result<void> Publication::load_certificates(store::Store& store, Log& log) {
    tls_->set_open_key([&store](const std::string& host, ByteView sealed) -> Result<Bytes> {
        POSTSEAL_TRY(const std::string pem, store.certificates.open_key(host, sealed));
        std::string_view rest = pem;
        auto der = net::take_pem_block(rest);
        return der ? Result<Bytes>(std::move(*der)) : invalid_input("key of " + host, "not PEM");
    });
    // Certificates of one authority mostly have the same issuers.
    std::string issuers_pem;
    std::shared_ptr<const net::CertificateStore::Issuers> issuers;
    bool first_key = true;
    return store.certificates.each_sealed([&](const store::Certificates::Sealed& sealed) {
        std::string_view rest = sealed.chain_pem;
        const auto host = dns::Name::parse_ascii(sealed.host);
        auto leaf = net::take_pem_block(rest);
        if (!host || !leaf) {
            log.error("hosting", "certificate of " + printable(sealed.host, 300) + ": not PEM");
            return;
        }
        if (std::exchange(first_key, false)) {
            // A master key that was replaced opens none of them: to be said now, not in each handshake.
            if (const auto opened = store.certificates.open_key(host->text(), sealed.sealed_key); !opened) {
                log.error("hosting", "certificate of " + host->text() + ": " + opened.error().message());
            }
        }
        if (!issuers || rest != issuers_pem) {
            issuers_pem = rest;
            std::vector<Bytes> ders;
            while (auto der = net::take_pem_block(rest)) {
                ders.push_back(std::move(*der));
            }
            issuers = tls_->intern(ders);
        }
        tls_->load(*host, std::move(*leaf), issuers, sealed.sealed_key, sealed.not_after);
    });
}

std::uint32_t Publication::next_serial() {
    const auto now = static_cast<std::uint32_t>(clock_->now().time_since_epoch().count());
    serial_ = std::max(serial_ + 1, now);
    return serial_;
}

Result<void> Publication::change(std::vector<dns::NameRecords> names) {
    for (dns::NameRecords& own : installation_records(settings_, next_serial())) {
        names.push_back(std::move(own));
    }
    return zone_->change(names);
}

Result<void> Publication::show_label(const LabelState& state) {
    POSTSEAL_TRY(auto names, label_records(settings_, state));
    return change(std::move(names));
}

Result<void> Publication::remove_label(const std::string& label) {
    POSTSEAL_TRY(auto names, no_records(settings_, label));
    return change(std::move(names));
}

Result<void> Publication::set_account(const std::string& issuer, const std::string& account_uri, store::Store& store) {
    bool changed = false;
    for (CaaIssuer& known : settings_.caa) {
        if (known.issuer == issuer && known.account_uri != account_uri) {
            known.account_uri = account_uri;
            changed = true;
        }
    }
    if (changed) {
        POSTSEAL_TRY(const auto labels, labels_of(store));
        POSTSEAL_TRY(dns::ZonePtr content, build_zone(settings_, labels, next_serial()));
        zone_->publish(std::move(content));
    }
    return {};
}

Result<void> Publication::show_certificate(const store::Certificate& certificate) {
    POSTSEAL_TRY(auto parsed, net::certificate_from_pem(certificate.chain_pem, certificate.key_pem));
    return tls_->set(certificate.host, std::move(parsed));
}

net::DnsHandler Publication::dns_handler() const {
    // Each poller thread has a Reader of its own; the number tells this handler's zone from one that lived before it.
    static std::atomic<std::uint64_t> handlers{0};
    return [zone = zone_, number = ++handlers](const net::DnsQuery& query, Bytes& reply) {
        thread_local std::uint64_t reader_of = 0;
        thread_local std::optional<dns::LiveZone::Reader> reader;
        thread_local std::shared_ptr<dns::LiveZone> kept;
        if (reader_of != number) {
            reader_of = number;
            kept = zone;
            reader.emplace(*kept);
        }
        const auto transport =
            query.transport == net::DnsQuery::Transport::tcp ? dns::Transport::tcp : dns::Transport::udp;
        return reader->zone().answer(query.message, transport, reply);
    };
}

}  // namespace postseal::hosting
