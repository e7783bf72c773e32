// Hosted domains, their labels and the versions of their policies (design §4 rules 1–6).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/name.h"
#include "mtasts/policy.h"
#include "store/database.h"

namespace postseal::store {

enum class DomainState { pending, verified, certificate, testing, ready, enforce, retiring, gone, paused, monitored };
std::string_view to_string(DomainState state);
std::optional<DomainState> domain_state_from_string(std::string_view text);

// Which of MTA-STS and TLS-RPT a domain has here (design §4 rule 2). watch: neither; its policy lives elsewhere and is
// looked at.
enum class Uses { both, mta_sts, tls_rpt, watch };
std::string_view to_string(Uses uses);  // "both", "mta-sts", "tls-rpt", "watch"
std::optional<Uses> uses_from_string(std::string_view text);

struct Domain {
    std::int64_t id = 0;
    std::int64_t organisation = 0;
    dns::Name name;
    std::string label;  // 26 characters of base32; never reissued. Of a watched domain: no label, but unique
    DomainState state = DomainState::pending;
    mtasts::Mode wanted_mode = mtasts::Mode::testing;  // what the owner chose
    TimePoint added;
    std::optional<TimePoint> verified;       // since when the CNAMEs show our label
    std::optional<TimePoint> testing_since;  // since when `testing` has been served without a break
    std::optional<TimePoint> cnames_until;   // while retiring: until when the owner must keep the CNAMEs
    std::string verification;                // JSON of the last look at the CNAMEs; its shape is hosting's
    std::string mx_watch;                    // JSON of the last look at the MX hosts; its shape is hosting's
    std::string last_error;                  // why it does not move on, for people
    Uses uses = Uses::both;
    std::vector<std::string> own_rua;      // the owner's, published after ours (RFC 8460 §3)
    std::optional<TimePoint> cnames_lost;  // since when a CNAME that was there is not
    std::string imported;                  // JSON of the policy that it comes with; its shape is hosting's
    std::string elsewhere;                 // JSON of the last look at a policy that lives elsewhere; hosting's, too
    bool record_removed = false;           // no id in DNS although a policy is served: its owner wants it so
};

struct PolicyVersion {
    std::int64_t domain = 0;   // Domain::id
    std::int64_t version = 0;  // counts from 1 per domain
    mtasts::Mode mode = mtasts::Mode::testing;
    std::int64_t max_age_s = 0;
    std::string body;
    std::string policy_id;  // RFC 8461 §3.1; never used for another body of the domain
    TimePoint made;
    std::optional<TimePoint> body_live;    // read back over HTTPS from every node
    std::optional<TimePoint> id_live;      // the id was put into DNS
    std::optional<TimePoint> last_served;  // replaced by the next version's body at this moment
};

class Domains {
public:
    explicit Domains(Database& database) : database_(&database) {}

    // refused: the organisation has the domain already, or the label was ever used, or the state is one of a verified
    // domain while another entry of the same name is verified (rule 1); update() likewise.
    Result<Domain> add(const Domain& domain);
    Result<void> update(const Domain& domain);  // all columns but id, organisation, name, label
    Result<std::optional<Domain>> find(std::int64_t organisation, const dns::Name& name);  // the one not gone
    Result<std::optional<Domain>> find_by_label(const std::string& label);                 // gone or not
    Result<std::vector<Domain>> list(std::int64_t organisation);                           // by name, without gone
    Result<std::vector<Domain>> with_name(const dns::Name& name);  // all organisations, without gone, oldest first
    Result<std::vector<Domain>> all();                             // all organisations, without gone
    Result<std::vector<Domain>> all_with_gone();
    // What the world sees of a domain, for all of them at a start: those that retire first, then oldest first, without
    // gone: of several entries of a domain, the one that holds the policy host comes last. The newest version is
    // the one that is served, the newest with an id in DNS the published one (hosting/life_cycle.h). The views are gone
    // with the next one.
    struct Shown {
        std::int64_t id = 0;
        std::string_view name;
        std::string_view label;
        std::int64_t version = 0;  // 0: nothing to serve
        std::string_view body;
        std::string_view policy_id;  // "": no id in DNS
        Uses uses = Uses::both;
        std::vector<std::string> own_rua;
    };
    Result<void> each_shown(const std::function<void(const Shown&)>& one);

    // refused: the version or the policy id exists for the domain.
    Result<void> add_version(const PolicyVersion& version);
    Result<void> update_version(const PolicyVersion& version);         // the moments only
    Result<std::vector<PolicyVersion>> versions(std::int64_t domain);  // oldest first

private:
    Database* database_;
};

}  // namespace postseal::store
