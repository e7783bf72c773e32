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
                                                       store::Store& store, const Clock& clock, Log& log,
                                                       std::optional<KeyTimes> dnssec, Labels wanted) {
    std::unique_ptr<Publication> made(new Publication(std::move(zone), std::move(tls), store, clock, log));
    made->dnssec_ = wanted == Labels::all ? dnssec : std::nullopt;
    if (auto loaded = made->dnssec_ ? made->load_keys() : Result<void>(); !loaded) {
        return loaded.error();
    }
    std::vector<LabelState> labels;
    const auto read = store.domains.each_shown([&](const store::Domains::Shown& shown) {
        if (wanted == Labels::all && is_label(shown.label)) {  // others are monitored only
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
    POSTSEAL_TRY(made->serials_reserved_, store.dns_keys.reserved_serial(made->settings_.zone));
    made->serial_ = made->serials_reserved_;
    POSTSEAL_TRY(const std::uint32_t serial, made->next_serial());
    POSTSEAL_TRY(dns::ZonePtr content,
                 build_zone(made->settings_, labels, serial, made->keys_ ? made->keys_->signing : dns::SigningPtr()));
    const auto signatures = content->signature_state();
    made->signing_figures_.first_expiry = signatures.first_expiry;
    made->tags_in_use_ = signatures.tags;
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

// RFC 1982, RFC 1035 §3.3.13: secondaries follow only a serial that grows, also over a restart and when the clock went
// back. Serials are reserved in the store by the thousand, so that a change costs no write for them.
Result<std::uint32_t> Publication::next_serial() {
    constexpr std::uint32_t reserved_at_once = 1000;
    const auto now = static_cast<std::uint32_t>(clock_->now().time_since_epoch().count());
    const std::uint32_t next = std::max(serial_ + 1, now);
    if (next > serials_reserved_) {
        const std::uint32_t reserved = next + reserved_at_once;
        if (const auto done = store_->dns_keys.reserve_serial(settings_.zone, reserved); !done) {
            return done.error();
        }
        serials_reserved_ = reserved;
    }
    serial_ = next;
    return serial_;
}

Result<void> Publication::change(std::vector<dns::NameRecords> names) {
    POSTSEAL_TRY(const std::uint32_t serial, next_serial());
    for (dns::NameRecords& own : installation_records(settings_, serial)) {
        names.push_back(std::move(own));
    }
    return zone_->change(names, keys_ ? keys_->signing : dns::SigningPtr());
}

Result<KeyPlan> Publication::plan(const std::vector<std::uint16_t>& tags_in_use) {
    POSTSEAL_TRY(const auto keys, store_->dns_keys.all(settings_.zone));
    return plan_keys(settings_.zone, keys, *dnssec_, *clock_, tags_in_use);
}

Result<void> Publication::load_keys() {
    const auto made = store_->transaction([this]() -> Result<void> {
        POSTSEAL_TRY(const auto keys, store_->dns_keys.all(settings_.zone));
        POSTSEAL_TRY(const KeyChange missing, first_keys(keys, clock_->now()));
        return apply(store_->dns_keys, settings_.zone, missing);
    });
    if (!made) {
        return made.error();
    }
    POSTSEAL_TRY(keys_, plan({}));
    settings_.key_records = keys_->apex;
    return {};
}

Result<void> Publication::tend_keys() {
    if (!keys_) {
        return {};
    }
    constexpr std::size_t names_at_once = 500;  // a few hundredths of a second, in which jobs wait
    const auto work = [this]() -> Result<void> {
        const Seconds between_walks(60);  // through the whole zone: half a second of a hundred thousand labels
        POSTSEAL_TRY(KeyPlan now, plan(tags_in_use_));
        if (!now.same_as(*keys_)) {
            // Whatever signed until now may be in the zone until the next walk says otherwise.
            for (const auto& key : keys_->signing->zone_keys) {
                tags_in_use_.push_back(key->tag());
            }
            keys_ = std::move(now);
            settings_.key_records = keys_->apex;
            log_->info("dns", "the keys of " + settings_.zone.fqdn() + " changed");
            if (auto changed = change({}); !changed) {
                return changed;
            }
            next_walk_ = TimePoint();
        } else {
            for (const std::int64_t gone : now.gone) {
                if (auto erased = store_->dns_keys.erase(gone); !erased) {
                    return erased;
                }
            }
        }
        // A clock that went back does not keep a walk from happening.
        if (clock_->now() < next_walk_ && next_walk_ <= clock_->now() + between_walks) {
            return {};
        }
        auto due = zone_->current()->due(names_at_once);
        next_walk_ = due.empty() ? clock_->now() + between_walks : TimePoint();
        if (!due.empty()) {
            signing_figures_.made_anew += due.size();
            if (auto changed = change(std::move(due)); !changed) {
                return changed;
            }
        }
        const auto state = zone_->current()->signature_state();
        signing_figures_.first_expiry = state.first_expiry;
        tags_in_use_ = state.tags;
        return {};
    };
    auto done = work();
    if (!done) {
        ++signing_figures_.failures;
    }
    return done;
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
        std::vector<dns::NameRecords> names;
        for (const LabelState& label : labels) {
            POSTSEAL_TRY(auto records, label_records(settings_, label));
            std::move(records.begin(), records.end(), std::back_inserter(names));
        }
        return change(std::move(names));  // what stays as it is keeps its signatures
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
