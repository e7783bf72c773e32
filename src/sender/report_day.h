// A day's counts as the reports that can be made of them (RFC 8460 §4, §4.1): what is told to each domain, and when.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "dns/name.h"
#include "store/store.h"
#include "tlsrpt/aggregate.h"
#include "tlsrpt/report.h"

namespace postseal::sender {

// What DANE at a domain's hosts came to, of sessions with another domain whose MX hosts they are. RFC 8460 §3 has such
// results sent to the TLSA base domain; we send them to the recipient domain, too, whose mail it is (RPT-002).
struct HostResults {
    dns::Name recipient;
    std::vector<tlsrpt::PolicyResult> policies;
};

struct DomainDay {
    std::string record;  // the newest `pr` seen, for when DNS does not answer
    std::vector<tlsrpt::PolicyResult> policies;
    std::vector<HostResults> at_hosts;  // the domain is their TLSA base domain
    // Nothing happened but that a report was mailed there, and its policy could not be had: to tell of it would make
    // the next day's report, for ever (RPT-014).
    bool only_our_reports = false;
};
using ReportDay = std::map<dns::Name, DomainDay>;

// Blocks on the store.
Result<ReportDay> read_report_day(store::Store& store, Day day);

// The report to one destination of the domain. `told_already`: recipient domains whose own report goes to the same
// destination, which is told nothing twice. Nothing: there is nothing to tell.
std::optional<tlsrpt::Report> report_to(Day day, const dns::Name& domain, const DomainDay& domain_day,
                                        const std::set<dns::Name>& told_already, const tlsrpt::Submitter& submitter);

// RFC 8460 §4.1: a delay after the day's end, random for each domain, so that neither everybody reports at midnight nor
// we to everybody at once (RPT-034). The same after a restart and on all hosts that share `secret`. From one second to
// `spread`; with a spread of 0 the day's end.
TimePoint report_moment(std::string_view secret, Day day, const dns::Name& domain, Seconds spread);

}  // namespace postseal::sender
