// Counting sessions into the reports of a day (RFC 8460 §4, §4.1): grouped by policy domain and applied policy,
// policies of one session never summed. Pure: sessions in, Report values out.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
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
    // Over these, failure details of a policy fold into one entry of their result type, and policies of a (day, domain)
    // into one entry of their type without policy-string: remote hosts write into both.
    struct Limits {
        std::size_t details_per_policy_max = 1000;
        std::size_t policies_per_domain_max = 100;
    };
    Aggregate() = default;
    explicit Aggregate(Limits limits) : limits_(limits) {}
    void add(Day day, const Session& session);
    void add(const Count& count);             // merging what other collectors stored
    [[nodiscard]] std::vector<Count> take();  // everything so far, by day and domain, and starts afresh
    [[nodiscard]] bool empty() const { return by_key_.empty(); }

private:
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    using Index = std::unordered_map<std::string, std::size_t, TextHash, std::equal_to<>>;
    struct Counted {
        PolicyResult policy;
        Index details;  // by what makes a failure detail one of its own → place in policy.failures
    };
    struct DomainDay {
        std::string record;  // the newest
        std::vector<Counted> policies;
        Index by_identity;  // by what makes a policy one of its own → place in policies
    };
    struct Key {
        Day day;
        dns::Name domain;
        friend bool operator==(const Key&, const Key&) = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const {
            return std::hash<dns::Name>{}(key.domain) ^ static_cast<std::size_t>(key.day.time_since_epoch().count());
        }
    };

    DomainDay& at(Day day, const dns::Name& domain, const std::string& record);
    std::size_t place_of(DomainDay& of, const PolicyResult& policy, const dns::Name& domain);
    void add_failure(Counted& counted, const FailureDetail& failure);

    Limits limits_{};
    std::unordered_map<Key, DomainDay, KeyHash> by_key_;
    std::string scratch_;  // for keys, so that counting allocates nothing for what is known already
};

struct Submitter {
    std::string organization_name;
    std::string contact_info;  // addr-spec; its domain is the submitter
};
// One report for (day, domain): the full UTC day, equal policies merged, report-id unique per (submitter, day, domain).
Report report_of_day(Day day, const dns::Name& domain, const std::vector<PolicyResult>& policies,
                     const Submitter& submitter);

}  // namespace postseal::tlsrpt
