// Findings about TLSA records and the chains that should match them (RFC 7672, RFC 7671 §8).
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <set>
#include <tuple>

#include "dane/tlsa.h"
#include "verdict/findings_parts.h"

namespace postseal::verdict {

namespace {

constexpr std::uint32_t ttl_long_s = 86'400;
constexpr std::size_t record_characters_max = 40;  // enough to tell records apart

std::string short_text(const dns::TlsaData& record) {
    const std::string text = record.text();
    return text.size() <= record_characters_max ? text : text.substr(0, record_characters_max) + "…";
}

// "3 1 1 …" of the key that the server uses now: what its owner has to publish.
std::string record_for(const Bytes& leaf_der) {
    const unsigned char* at = leaf_der.data();
    const std::unique_ptr<X509, decltype(&X509_free)> leaf(d2i_X509(nullptr, &at, static_cast<long>(leaf_der.size())),
                                                           X509_free);
    unsigned char* spki = nullptr;
    const int length = leaf ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf.get()), &spki) : -1;
    if (length <= 0) {
        return "3 1 1 and the SHA-256 digest of the public key";
    }
    const Sha256 digest = sha256({spki, static_cast<std::size_t>(length)});
    OPENSSL_free(spki);
    return dns::TlsaData{3, 1, 1, Bytes(digest.begin(), digest.end())}.text();
}

// RFC 7672 §3.2.2: the next-hop domain counts only when nobody could have forged the MX records.
dane::ReferenceNames reference_names(const Evidence& evidence, const dns::Name& base) {
    dane::ReferenceNames names{base, {}};
    if (evidence.mx.secure) {
        names.next_hop.push_back(evidence.domain());
        if (!evidence.mx.aliases.empty()) {
            names.next_hop.push_back(evidence.mx.aliases.back());
        }
    }
    return names;
}

void find_in_rrset(Report& report, const HostEvidence& host, const TlsaEvidence& tlsa, const std::string& name) {
    const std::string subject = host.name.text();
    for (const dns::TlsaData& record : tlsa.lookup.records) {
        const Params params{{"record", short_text(record)}, {"usage", std::to_string(record.usage)}, {"name", name}};
        if (record.usage <= 1) {  // DANE-030
            report.add("tlsa-usage-pkix", subject, params);
        } else if (dane::usability(record) == dane::Usability::unusable) {  // DANE-047
            report.add("tlsa-record-unusable", subject, params);
        } else if (record.matching_type == 0) {  // DANE-026
            report.add("tlsa-full", subject, params);
        }
    }
    if (dane::demand(tlsa.lookup.records) == dane::Demand::encryption) {
        report.add("tlsa-none-usable", subject, {{"name", name}});
    }
    if (tlsa.lookup.ttl_s > ttl_long_s) {  // DANE-046
        report.add("tlsa-ttl-long", subject, {{"name", name}, {"ttl", std::to_string(tlsa.lookup.ttl_s)}});
    }
}

// One session's chain against the RRset.
class ChainCheck {
public:
    ChainCheck(Report& report, const TlsaEvidence& tlsa, const Probe& probe, dane::ReferenceNames names, TimePoint now,
               std::string subject, const std::string& name)
        : report_(report),
          probe_(probe),
          names_(std::move(names)),
          now_(now),
          subject_(std::move(subject)),
          params_{{"name", name},
                  {"base", tlsa.base_domain.text()},
                  {"expected", probe.chain.empty() ? "" : record_for(probe.chain.front())}} {
        std::ranges::copy_if(tlsa.lookup.records, std::back_inserter(usable_), [](const dns::TlsaData& record) {
            return dane::usability(record) == dane::Usability::usable;
        });
    }

    void run() {
        switch (match(usable_)) {
            case dane::MatchResult::matched:
                check_coverage();
                return;
            case dane::MatchResult::host_mismatch:
                report_.add("tlsa-name-mismatch", subject_, params_);
                return;
            case dane::MatchResult::expired:
                report_.add("tlsa-chain-expired", subject_, params_);
                return;
            case dane::MatchResult::no_match:
                report_.add(only_anchor_digests() ? "tlsa-anchor-not-sent" : "tlsa-mismatch", subject_, params_);
                return;
            case dane::MatchResult::unusable:
                return;  // find_in_rrset() has said it
        }
    }

private:
    using Kind = std::tuple<int, int, int>;
    static Kind kind_of(const dns::TlsaData& record) { return {record.usage, record.selector, record.matching_type}; }

    [[nodiscard]] dane::MatchResult match(const std::vector<dns::TlsaData>& records) const {
        return dane::match_chain(records, probe_.chain, names_, now_).result;
    }
    // DANE-028: with these the server has to send the anchor itself.
    [[nodiscard]] bool only_anchor_digests() const {
        return std::ranges::all_of(
            usable_, [](const dns::TlsaData& record) { return record.usage == 2 && record.matching_type != 0; });
    }

    // RFC 7671 §8, DANE-044: every kind of record that is published must lead to the chain in use.
    void check_coverage() {
        std::set<Kind> covered;
        for (const dns::TlsaData& record : usable_) {
            if (match({record}) == dane::MatchResult::matched) {
                covered.insert(kind_of(record));
            }
        }
        bool complete = true;
        std::set<Kind> reported;
        for (const dns::TlsaData& record : usable_) {
            const Kind kind = kind_of(record);
            if (!covered.contains(kind)) {
                complete = false;
                if (reported.insert(kind).second) {
                    Params params = params_;
                    params.emplace_back("kind", record.text().substr(0, 5));
                    report_.add("tlsa-coverage", subject_, std::move(params));
                }
            } else if (match({record}) != dane::MatchResult::matched) {
                Params params = params_;
                params.emplace_back("record", short_text(record));
                report_.add("tlsa-record-unmatched", subject_, std::move(params));
            }
        }
        if (complete) {
            report_.add("tlsa-ok", subject_, params_);
        }
    }

    Report& report_;
    const Probe& probe_;
    dane::ReferenceNames names_;
    TimePoint now_;
    std::string subject_;
    Params params_;
    std::vector<dns::TlsaData> usable_;
};

void find_in_host(Report& report, const Evidence& evidence, const HostEvidence& host, const TlsaEvidence& tlsa,
                  TimePoint now) {
    const auto tlsa_name = dane::tlsa_name(tlsa.base_domain, evidence.smtp_port);
    const std::string name = tlsa_name ? tlsa_name->text() : tlsa.base_domain.text();
    find_in_rrset(report, host, tlsa, name);
    for (const Probe& probe : host.probes) {
        std::string subject = probe_subject(host, probe);
        if (is_without_sni(host, probe)) {
            subject += " without SNI";  // DANE-038: the fallback certificate must match, too
        }
        if (probe.outcome == Probe::Outcome::starttls_missing) {  // DANE-016
            report.add("tlsa-without-starttls", subject);
        } else if (probe.outcome == Probe::Outcome::tls) {
            ChainCheck(report, tlsa, probe, reference_names(evidence, tlsa.base_domain), now, subject, name).run();
        }
    }
}

// Lookups that failed, and records that do not count because nothing signs them.
void find_in_lookups(Report& report, const Evidence& evidence, const HostEvidence& host) {
    const std::string subject = host.name.text();
    if (!host.address_secure() && host.alias.broken()) {
        report_broken(report, host.alias, "host-lookup-failed", subject, subject);
    }
    for (const TlsaEvidence& tlsa : host.tlsa) {
        const auto tlsa_name = dane::tlsa_name(tlsa.base_domain, evidence.smtp_port);
        const std::string name = tlsa_name ? tlsa_name->text() : tlsa.base_domain.text();
        report_broken(report, tlsa.lookup, "tlsa-lookup-failed", subject, name);
        if (tlsa.lookup.found() && !tlsa.lookup.secure) {
            report.add("tlsa-not-signed", subject, {{"name", name}});
        }
    }
}

}  // namespace

void find_in_tlsa(Report& report, const Evidence& evidence, TimePoint now) {
    bool any_with = false;
    bool any_broken = false;
    std::vector<const HostEvidence*> without;
    for (const HostEvidence& host : evidence.hosts) {
        find_in_lookups(report, evidence, host);
        const HostDaneState state = dane_state(host);
        if (state.tlsa != nullptr) {
            any_with = true;
            find_in_host(report, evidence, host, *state.tlsa, now);
        } else if (state.dane == HostDane::no_tlsa || state.dane == HostDane::insecure) {
            without.push_back(&host);
        } else {
            any_broken = any_broken || state.dane == HostDane::broken;
        }
    }
    if (!any_with) {
        if (!any_broken && !without.empty()) {
            report.add("dane-none", evidence.domain().text());
        }
        return;
    }
    if (!evidence.mx.secure) {
        report.add("tlsa-mx-not-signed", evidence.domain().text());
    }
    for (const HostEvidence* host : without) {
        report.add("tlsa-partial", host->name.text());
    }
}

}  // namespace postseal::verdict
