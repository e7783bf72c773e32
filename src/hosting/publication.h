// What the world sees of the hosted domains, in memory: the zone, the policy bodies, the certificates. Filled from the
// store at start and changed by jobs; the servers read it on their own loops without waiting for anybody.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "dns/zone.h"
#include "hosting/challenge_board.h"
#include "hosting/key_plan.h"
#include "hosting/policy_host.h"
#include "hosting/zone_content.h"
#include "net/dns_server.h"
#include "net/tls.h"
#include "store/store.h"

namespace postseal::hosting {

class Publication {
public:
    // A process that neither answers DNS nor runs jobs has no use for the zone, half of what a name takes.
    enum class Labels { all, none };
    // Reads everything from the store: zone, bodies, certificates. Blocks.
    static Result<std::unique_ptr<Publication>> load(ZoneSettings zone, std::shared_ptr<net::CertificateStore> tls,
                                                     store::Store& store, const Clock& clock, Log& log,
                                                     std::optional<KeyTimes> dnssec = std::nullopt,
                                                     Labels wanted = Labels::all);

    // The rest: by one thread at a time (the jobs loop); with Labels::all.
    Result<void> show_label(const LabelState& state);
    Result<void> remove_label(const std::string& label);
    // The CA's account has become known: every CAA names it from now on.
    Result<void> set_account(const std::string& issuer, const std::string& account_uri, store::Store& store);
    Result<void> show_certificate(const store::Certificate& certificate);
    // What time does to a signed zone: keys whose turn it is, signatures that run out. Every few seconds.
    Result<void> tend_keys();
    struct SigningFigures {
        std::atomic<std::int64_t> first_expiry{0};  // of any signature in the zone; 0: not signed
        std::atomic<std::uint64_t> made_anew{0};    // names signed again because time had passed
        std::atomic<std::uint64_t> failures{0};     // of tend_keys()
    };
    [[nodiscard]] const SigningFigures& signing_figures() const { return signing_figures_; }
    void show_body(const dns::Name& policy_host, const store::PolicyVersion& version) {
        bodies_.set(policy_host.text(), {version.body, version.domain, version.version});
    }
    void remove_body(const dns::Name& policy_host) { bodies_.remove(policy_host.text()); }

    // For the listeners; any thread. They have to end before this object.
    [[nodiscard]] net::DnsHandler dns_handler() const;
    [[nodiscard]] const PolicyBodies& bodies() const { return bodies_; }
    [[nodiscard]] const std::shared_ptr<ChallengeBoard>& challenges() const { return challenges_; }
    [[nodiscard]] const std::shared_ptr<net::CertificateStore>& tls() const { return tls_; }
    [[nodiscard]] const ZoneSettings& zone_settings() const { return settings_; }
    [[nodiscard]] const std::shared_ptr<dns::LiveZone>& live_zone() const { return zone_; }
    [[nodiscard]] dns::ZonePtr zone() const { return zone_->current(); }

private:
    Publication(ZoneSettings settings, std::shared_ptr<net::CertificateStore> tls, store::Store& store,
                const Clock& clock, Log& log)
        : settings_(std::move(settings)), tls_(std::move(tls)), store_(&store), clock_(&clock), log_(&log) {}
    Result<void> load_keys();
    Result<KeyPlan> plan(const std::vector<std::uint16_t>& tags_in_use);
    Result<void> load_certificates(store::Store& store, Log& log);
    Result<std::uint32_t> next_serial();
    Result<void> change(std::vector<dns::NameRecords> names);

    ZoneSettings settings_;
    std::shared_ptr<net::CertificateStore> tls_;
    store::Store* store_;
    const Clock* clock_;
    Log* log_;
    std::uint32_t serial_ = 0;
    std::uint32_t serials_reserved_ = 0;
    std::optional<KeyTimes> dnssec_;
    std::optional<KeyPlan> keys_;
    std::vector<std::uint16_t> tags_in_use_;  // of keys whose signatures the last walk saw
    TimePoint next_walk_;
    SigningFigures signing_figures_;
    std::shared_ptr<dns::LiveZone> zone_;
    PolicyBodies bodies_;
    std::shared_ptr<ChallengeBoard> challenges_ = std::make_shared<ChallengeBoard>();
};

}  // namespace postseal::hosting
