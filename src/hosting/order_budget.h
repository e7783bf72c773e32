// What a CA lets one account do in a time, as data: how much of it is used, whether one more order fits, and when it
// will. The defaults are Let's Encrypt's (RFC 8555 §6.6 leaves limits to the CA). Pure; remembering is the caller's.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "dns/name.h"

namespace postseal::hosting {

struct BudgetLimits {                     // [[acme]]; 0 = no such limit
    std::int64_t orders = 300;            // new orders per account …
    Seconds orders_window{3 * 3600};      // … in this time
    std::int64_t domain_week = 50;        // certificates per registered domain in seven days
    std::int64_t name_week = 5;           // certificates for exactly the same name in seven days
    std::int64_t failures_hour = 5;       // failed authorizations per name in an hour
    bool renewals_exempt = true;          // renewals: from `orders` and `domain_week`; with ARI from `name_week` too
    std::int64_t kept_for_renewals = 10;  // percent of `orders` that first certificates leave alone
};

enum class OrderKind { first, renewal, ari_renewal };
enum class BudgetEvent { order, certificate, failed_authorization };
std::string_view to_string(BudgetEvent event);  // "order", "certificate", "failed-authorization"
std::optional<BudgetEvent> budget_event_from_string(std::string_view text);

// "example.co.uk" of mta-sts.example.co.uk, by the public suffix list; the name itself where it says nothing.
dns::Name registered_domain(const dns::Name& host);

class OrderBudget {
public:
    explicit OrderBudget(BudgetLimits limits) : limits_(limits) {}

    void note(BudgetEvent event, const dns::Name& host, TimePoint at);
    // Whether an event of an order of this kind counts towards the limits at all.
    [[nodiscard]] bool counts(BudgetEvent event, OrderKind kind) const;

    struct Refusal {
        std::string limit;  // "orders", "domain-week", "name-week", "failures-hour"
        std::string words;  // "300 orders in 3 h"
        TimePoint until;
    };
    // Nothing: one more order for the host fits now.
    [[nodiscard]] std::optional<Refusal> refusal(const dns::Name& host, OrderKind kind, TimePoint now) const;

    // First certificates that may be ordered now as far as `orders` goes; the rest waits.
    [[nodiscard]] std::size_t free_orders(TimePoint now) const;

    struct Headroom {
        std::int64_t used = 0;
        std::int64_t limit = 0;
        std::optional<TimePoint> frees_at;  // when the oldest of them no longer counts
    };
    [[nodiscard]] Headroom orders(TimePoint now) const;
    [[nodiscard]] const BudgetLimits& limits() const { return limits_; }

private:
    using Moments = std::deque<TimePoint>;  // oldest first
    static std::size_t within(const Moments& moments, TimePoint now, Seconds window);
    static std::optional<TimePoint> full_until(const Moments* moments, std::int64_t limit, Seconds window,
                                               TimePoint now);

    BudgetLimits limits_;
    Moments orders_;
    std::map<dns::Name, Moments> by_domain_;
    std::map<dns::Name, Moments> by_name_;
    std::map<dns::Name, Moments> failures_;
};

// 1 m, 10 m, 100 m, 1 d after one, two, three, more failures in a row: what CAs ask for.
Seconds order_backoff(std::int64_t failures);

}  // namespace postseal::hosting
