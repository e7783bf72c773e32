// TLS reports received: raw bytes, what was read from them, and the sums that pages show (design rules 17–19).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dns/name.h"
#include "store/database.h"
#include "tlsrpt/report.h"

namespace postseal::store {

// Rule 18, weakest first.
enum class Trust { unverified, network, aligned, known, operator_ };
std::string_view to_string(Trust trust);  // "operator" for operator_

struct NewReport {
    TimePoint received;
    std::string via;     // "https", "import", "smtp"
    std::string source;  // peer address or file name, for people
    Trust trust = Trust::unverified;
    dns::Name domain;       // the hosted domain (or the policy domain of an import)
    Bytes raw;              // the bytes as they came
    std::string submitter;  // domain of contact-info, else organization-name, else ""; lower case
    tlsrpt::Report report;
    std::vector<tlsrpt::Deviation> deviations;
    std::string signature = {};  // the DKIM signature that was believed, "d=google.com s=20251104"; "": none was
};

struct StoredReport {
    std::int64_t id = 0;
    TimePoint received;
    std::string via;
    std::string source;
    Trust trust = Trust::unverified;
    dns::Name domain;
    std::string submitter;
    tlsrpt::Report report;
    std::vector<tlsrpt::Deviation> deviations;
    std::string signature;
};

// One row of the sums: never add rows of different policy types (rule 19).
struct Rollup {
    Day day;
    std::string policy_type;
    std::string submitter;
    std::int64_t successful = 0;
    std::int64_t failed = 0;
};
struct FailureRollup {
    Day day;
    std::string policy_type;
    std::string submitter;
    std::string result_type;
    std::string mx_host;
    std::int64_t sessions = 0;
};

struct ReportTotals {
    std::int64_t received = 0;
    std::int64_t sessions_ok = 0;  // of the policy type that the domain's reports speak most of: see reports.cpp
    std::int64_t sessions_failed = 0;
    std::optional<TimePoint> last;
};

class Reports {
public:
    explicit Reports(Database& database) : database_(&database) {}

    enum class Added { stored, duplicate };
    // Durable when it returns. Duplicate: the same (submitter, report-id, policy domain, range) was received before, by
    // whatever way, with the same trust or more. With less, what was received takes its place, in the sums as well:
    // report-ids can be guessed, and whoever posts a forged report first must not keep the real one out.
    Result<Added> add(const NewReport& report);
    // Counts every stored report anew: what rollups() and failure_rollups() give must not change by it. All domains.
    Result<void> recount();

    Result<std::vector<StoredReport>> list(const dns::Name& domain, std::int64_t limit);  // newest first
    // Trusted ones (rule 18) that were received since then, newest first: what anybody can post neither is among them
    // nor pushes them out.
    Result<std::vector<StoredReport>> trusted_since(const dns::Name& domain, TimePoint since, std::int64_t limit);
    // What the submitter has reported to the domain, received since then and signed (or the operator's own), newest
    // first. System only.
    Result<std::vector<StoredReport>> signed_by(const dns::Name& domain, const std::string& submitter, TimePoint since,
                                                std::int64_t limit);
    Result<std::int64_t> newest_trusted(const dns::Name& domain);  // id; 0: there is none
    Result<std::optional<StoredReport>> find(std::int64_t id);
    Result<Bytes> raw(std::int64_t id);
    Result<ReportTotals> totals(const dns::Name& domain);
    Result<std::vector<Rollup>> rollups(const dns::Name& domain, Day from, Day to);  // both days included
    Result<std::vector<FailureRollup>> failure_rollups(const dns::Name& domain, Day from, Day to);

private:
    // True: there was the same with less trust, and it is in the sums no more.
    Result<bool> take_off_weaker(const NewReport& report);
    enum class Sums { add, take_off };
    Result<void> change_rollups(Sums how, const dns::Name& domain, Day day, const std::string& submitter,
                                const tlsrpt::Report& report);
    Database* database_;
};

}  // namespace postseal::store
