// What a day's reports cost before they are sent: read from the store, merged, written as JSON, compressed. The
// reporter's own functions, on one thread, without DNS and delivery.
//
//     report_build DATABASE DOMAINS
//
// The database is made: each domain has an STS and a TLSA policy and three different failures. Prints one line of JSON.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "store/store.h"
#include "tlsrpt/aggregate.h"
#include "tlsrpt/write.h"

namespace {

using namespace postseal;

constexpr Day day{std::chrono::days(20'000)};

double seconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::vector<tlsrpt::Count> counts_of(long number) {
    const std::string domain = "d" + std::to_string(number) + ".example.test";
    const std::string mx = "mx." + domain;
    tlsrpt::PolicyResult sts;
    sts.policy_type = "sts";
    sts.policy_domain = domain;
    sts.policy_strings = {"version: STSv1", "mode: enforce", "mx: " + mx, "max_age: 604800"};
    sts.mx_hosts = {mx};
    sts.successful = 90;
    sts.failed = 10;
    for (const char* reason : {"self-signed_certificate", "certificate has expired", "unable to get local issuer"}) {
        tlsrpt::FailureDetail failure;
        failure.result_type = "certificate-not-trusted";
        failure.sending_mta_ip = "192.0.2.1";
        failure.receiving_mx_hostname = mx;
        failure.receiving_mx_helo = mx;
        failure.receiving_ip = "198.51.100.25";
        failure.reason_code = reason;
        failure.sessions = 3;
        sts.failures.push_back(failure);
    }
    tlsrpt::PolicyResult tlsa;
    tlsa.policy_type = "tlsa";
    tlsa.policy_domain = mx;
    tlsa.policy_strings = {"3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"};
    tlsa.successful = 50;
    const dns::Name name = dns::Name::parse_ascii(domain).value();
    const std::string record = "v=TLSRPTv1; rua=mailto:tlsrpt@" + domain;
    return {{day, name, record, sts}, {day, name, record, tlsa}};
}

int run(const std::string& database, long domains) {
    auto opened = store::Store::open("sqlite:" + database, store::SecretBox::ephemeral());
    if (!opened) {
        std::fprintf(stderr, "%s\n", opened.error().message().c_str());
        return 1;
    }
    store::SessionCounts& counts = (*opened)->session_counts;
    for (long i = 0; i < domains;) {
        std::vector<tlsrpt::Count> part;
        for (; part.size() < 10'000 && i < domains; ++i) {
            for (tlsrpt::Count& count : counts_of(i)) {
                part.push_back(std::move(count));
            }
        }
        if (auto added = counts.add(part); !added) {
            std::fprintf(stderr, "%s\n", added.error().message().c_str());
            return 1;
        }
    }
    const auto begin = std::chrono::steady_clock::now();
    auto read = counts.of_day(day);
    if (!read) {
        std::fprintf(stderr, "%s\n", read.error().message().c_str());
        return 1;
    }
    std::map<dns::Name, std::vector<tlsrpt::PolicyResult>> by_domain;
    for (tlsrpt::Count& count : *read) {
        by_domain[count.domain].push_back(std::move(count.policy));
    }
    const double read_seconds = seconds_since(begin);
    const tlsrpt::Submitter submitter{"Example Ltd", "tls-reports@example.net"};
    std::size_t bytes = 0;
    for (const auto& [domain, policies] : by_domain) {
        const std::string json = tlsrpt::to_json(tlsrpt::report_of_day(day, domain, policies, submitter));
        bytes += tlsrpt::gzip(as_bytes(json)).size();
    }
    std::printf("{\"reports\": %zu, \"seconds\": %.3f, \"read_seconds\": %.3f, \"bytes\": %zu}\n", by_domain.size(),
                seconds_since(begin), read_seconds, bytes);
    return by_domain.size() == static_cast<std::size_t>(domains) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fputs("usage: report_build DATABASE DOMAINS\n", stderr);
        return 2;
    }
    return run(argv[1], std::strtol(argv[2], nullptr, 10));
}
