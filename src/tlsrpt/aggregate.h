// Counting sessions into the reports of a day (RFC 8460 §4, §4.1): grouped by policy domain and applied policy,
// policies of one session never summed. Pure: sessions in, Report values out.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "dns/name.h"
#include "tlsrpt/datagram.h"
#include "tlsrpt/report.h"

namespace postseal::tlsrpt {

// One row of the day's counters as the store keeps it.
struct Count {
    Day day;
    dns::Name domain;     // whose report: `d` of the datagram
    std::string record;   // the TLSRPT record then seen
    PolicyResult policy;  // identity of the applied policy, with counts and failure details
};

class Aggregate {
public:
    // Over these, failure details of a (day, domain) fold into one "other" entry of their result type.
    struct Limits {
        std::size_t details_per_policy_max = 1000;
        std::size_t policies_per_domain_max = 100;
    };
    Aggregate() = default;
    explicit Aggregate(Limits limits) : limits_(limits) {}
    void add(Day day, const Session& session);
    void add(const Count& count);             // merging what other collectors stored
    [[nodiscard]] std::vector<Count> take();  // everything so far, and starts afresh
    [[nodiscard]] bool empty() const { return by_key_.empty(); }

private:
    struct Key {
        Day day;
        dns::Name domain;
        friend auto operator<=>(const Key&, const Key&) = default;
    };
    struct DomainDay {
        std::string record;  // the newest
        std::vector<PolicyResult> policies;
    };
    Limits limits_{};
    std::map<Key, DomainDay> by_key_;
};

struct Submitter {
    std::string organization_name;
    std::string contact_info;  // addr-spec; its domain is the submitter
};
// One report for (day, domain): the full UTC day, records merged, report-id unique per (submitter, day, domain).
Report report_of_day(Day day, const dns::Name& domain, const std::vector<PolicyResult>& policies,
                     const Submitter& submitter);

}  // namespace postseal::tlsrpt
