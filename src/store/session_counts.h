// The sending side's counters by day, and what became of each report (RFC 8460 §4.1, §5.5; design rule 15).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dns/name.h"
#include "store/database.h"
#include "tlsrpt/aggregate.h"

namespace postseal::store {

enum class DeliveryState { pending, sent, retry, failed };
std::string_view to_string(DeliveryState state);

struct Delivery {
    Day day;
    dns::Name domain;  // the policy domain that the report speaks to
    std::string rua;   // as published
    DeliveryState state = DeliveryState::pending;
    std::int64_t attempts = 0;
    std::optional<TimePoint> first_attempt;
    std::optional<TimePoint> next_attempt;
    std::string last_error;
    std::string report_json;  // what was sent: a retry sends the same bytes under the same report-id
};

// One MX host of a domain in testing mode, as enforcing the policy would have met it (design rule 16).
struct TestingHost {
    Day day;
    dns::Name domain;
    dns::Name host;
    bool best = false;                             // of the best preference: where mail goes first
    tlsrpt::PolicyResult policy;                   // the policy then in force; without counts
    std::optional<tlsrpt::FailureDetail> failure;  // why it would have been refused; without sessions
    TimePoint seen;
};

// Who gets no reports for now, by an operator's word.
struct ReportSuppression {
    std::string target;              // canonical, see sender/suppression.h
    std::optional<TimePoint> until;  // nothing: until it is lifted
    TimePoint added;
    std::string actor;
    std::string reason;
};

// Of one day: domains with sessions or deliveries, and deliveries by what became of them.
struct DaySummary {
    std::int64_t domains = 0;
    std::int64_t pending = 0;
    std::int64_t sent = 0;
    std::int64_t retry = 0;
    std::int64_t failed = 0;  // those included that a cap has kept from being made
    std::int64_t capped = 0;
};

// Whose `report_json` is read: it is the most of a delivery, and a day may have a hundred thousand.
enum class ReportTexts { all, unfinished };

class SessionCounts {
public:
    explicit SessionCounts(Database& database) : database_(&database) {}

    // Adds to what is stored, in one transaction: counts of the same (day, domain, policy) are summed, their failure
    // details merged, the newest record kept. An empty record says nothing about the record.
    Result<void> add(const std::vector<tlsrpt::Count>& counts);
    Result<std::vector<Day>> days();
    Result<std::vector<tlsrpt::Count>> of_day(Day day);
    // Whose reports the day may have: domains of sessions, and TLSA base domains.
    Result<std::set<dns::Name>> domains_of(Day day);
    Result<void> erase_before(Day day);

    Result<void> put_testing_host(const TestingHost& host);  // replaces (day, domain, host)
    Result<std::vector<TestingHost>> testing_hosts(Day day);

    Result<void> put_delivery(const Delivery& delivery);  // replaces (day, domain, rua)
    Result<std::vector<Delivery>> deliveries(Day day, ReportTexts texts = ReportTexts::all);
    Result<std::vector<Delivery>> deliveries(Day day, const dns::Name& domain);
    Result<DaySummary> summary_of(Day day, std::string_view capped_error_begins);
    // Domains of the day with a delivery that is to be tried again: by then, or at all.
    Result<std::set<dns::Name>> to_be_retried(Day day, std::optional<TimePoint> by);

    Result<void> put_suppression(const ReportSuppression& entry);  // replaces the target's
    // Whether there was one.
    Result<bool> erase_suppression(const std::string& target);
    Result<std::vector<ReportSuppression>> suppressions();  // by target, those that have run out too

private:
    Database* database_;
};

}  // namespace postseal::store
