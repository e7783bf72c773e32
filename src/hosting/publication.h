// What the world sees of the hosted domains, in memory: the zone, the policy bodies, the certificates. Filled from the
// store at start and changed by jobs; the servers read it on their own loops without waiting for anybody.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "dns/zone.h"
#include "hosting/challenge_board.h"
#include "hosting/policy_host.h"
#include "hosting/zone_content.h"
#include "net/dns_server.h"
#include "net/tls.h"
#include "store/store.h"

namespace postseal::hosting {

class Publication {
public:
    // Reads everything from the store: zone, bodies, certificates. Blocks.
    static Result<std::unique_ptr<Publication>> load(ZoneSettings zone, std::shared_ptr<net::CertificateStore> tls,
                                                     store::Store& store, const Clock& clock, Log& log);

    // The rest: by one thread at a time (the jobs loop).
    Result<void> show_label(const LabelState& state);
    Result<void> remove_label(const std::string& label);
    // The CA's account has become known: every CAA names it from now on.
    Result<void> set_account(const std::string& issuer, const std::string& account_uri, store::Store& store);
    Result<void> show_certificate(const store::Certificate& certificate);
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
    [[nodiscard]] dns::ZonePtr zone() const { return zone_->current(); }

private:
    Publication(ZoneSettings settings, std::shared_ptr<net::CertificateStore> tls, const Clock& clock)
        : settings_(std::move(settings)), tls_(std::move(tls)), clock_(&clock) {}
    Result<void> load_certificates(store::Store& store, Log& log);
    std::uint32_t next_serial();
    Result<void> change(std::vector<dns::NameRecords> names);

    ZoneSettings settings_;
    std::shared_ptr<net::CertificateStore> tls_;
    const Clock* clock_;
    std::uint32_t serial_ = 0;
    std::shared_ptr<dns::LiveZone> zone_;
    PolicyBodies bodies_;
    std::shared_ptr<ChallengeBoard> challenges_ = std::make_shared<ChallengeBoard>();
};

}  // namespace postseal::hosting
