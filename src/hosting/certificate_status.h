// How it stands with certificates, as people and machines are told: API, command line, metrics. Plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "dns/name.h"
#include "hosting/order_budget.h"
#include "hosting/renewal.h"

namespace postseal::hosting {

struct CertificateStatus {
    // none: never ordered; waiting: in the queue before a limit; ordering: an order is under way; valid; due: it is
    // time to renew it; failing: the last order failed, whether or not an older certificate is still good.
    enum class State { none, waiting, ordering, valid, due, failing };
    dns::Name host;
    State state = State::none;
    std::string ca;  // directory of the CA that issued what is in use; "" = none, or not known
    std::optional<TimePoint> not_before;
    std::optional<TimePoint> not_after;
    std::optional<TimePoint> renew_at;
    std::optional<RenewalWindow> window;  // of the CA (RFC 9773); none: at two thirds of the lifetime
    std::optional<TimePoint> next_try;
    std::int64_t failures = 0;  // in a row
    std::optional<TimePoint> failing_since;
    std::string last_error;
    std::string waits_for;           // why it waits
    std::size_t queue_position = 0;  // from 1; 0 = not in the queue
    bool overdue = false;            // it should have been renewed long ago
};
std::string_view to_string(CertificateStatus::State state);

struct CaStatus {
    std::string directory;
    std::string caa_issuer;
    std::string profile;
    bool account = false;
    std::string problem;                  // why there is no account, or why it is passed over; "" = fine
    std::optional<TimePoint> down_until;  // passed over until then
    BudgetLimits limits;
    OrderBudget::Headroom orders;
    std::size_t certificates = 0;  // in use, from this CA
};

struct QueueStatus {
    std::size_t waiting = 0;
    std::size_t running = 0;
    std::optional<TimePoint> next;  // when the first of those that wait may go
};

struct CertificateFigures {
    struct Ca {
        std::string directory;
        bool up = false;
        std::int64_t orders_used = 0;
        std::int64_t orders_limit = 0;
    };
    std::uint64_t orders = 0;  // since the start
    std::uint64_t issued = 0;
    std::uint64_t renewed = 0;
    std::uint64_t failed_authorizations = 0;
    std::uint64_t failures = 0;
    std::uint64_t preflight_refusals = 0;
    std::uint64_t certificates = 0;  // now
    std::uint64_t waiting = 0;
    std::uint64_t failing = 0;
    std::uint64_t overdue = 0;
    std::optional<TimePoint> earliest_end;
    std::vector<Ca> cas;
};

}  // namespace postseal::hosting
