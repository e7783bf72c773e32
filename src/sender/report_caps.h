// How much one destination gets. A TLSRPT record may name anybody's mailbox or server, who is not asked (RFC 8460 §7,
// RPT-055): these caps keep a stranger from having us flood a third.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/session_counts.h"
#include "tlsrpt/record.h"
#include "tlsrpt/report.h"

namespace postseal::sender {

struct ReportCaps {
    std::uint64_t rua_max = 10;              // of one record; what stands behind gets nothing
    std::uint64_t per_address_max = 10'000;  // reports of a day to one mailbox or https URI, over all domains
    std::uint64_t per_host_max = 100'000;    // the same to all of a mail domain or https host
    std::uint64_t bytes_max = 10'000'000;    // of one report, compressed
};

// How the error of a delivery begins that a cap has kept from being made. It is final.
inline constexpr std::string_view cap_mark = "cap: ";

// By what a destination is known: the mailbox without regard to case, or the URI.
std::string destination_key(const tlsrpt::ReportUri& rua);
// The mail domain, or the host of the URI.
std::string destination_host(const tlsrpt::ReportUri& rua);

// Counts the reports of one day. One thread.
class DestinationCaps {
public:
    // `delivered`: what was tried before.
    DestinationCaps(const ReportCaps& caps, const std::vector<store::Delivery>& delivered);
    // Counts one more report; or says why it must not be made.
    std::optional<std::string> refuse(const tlsrpt::ReportUri& rua);

private:
    void count(const tlsrpt::ReportUri& rua);

    ReportCaps caps_;
    std::map<std::string, std::uint64_t> by_address_;
    std::map<std::string, std::uint64_t> by_host_;
};

// The JSON of the report, of at most so many bytes when it is compressed: where it is larger, the failures of fewest
// sessions are put together by their result type. All sums stay. Nothing: it is too large even so.
std::optional<std::string> json_within(tlsrpt::Report report, std::uint64_t compressed_bytes_max);

}  // namespace postseal::sender
