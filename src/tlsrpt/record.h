// The TXT record at _smtp._tls.<policy domain> (RFC 8460 §3): which of the RRset counts, and where reports go.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/problem.h"
#include "base/result.h"
#include "dns/name.h"

namespace postseal::tlsrpt {

struct ReportUri {
    enum class Scheme { mailto, https } scheme = Scheme::mailto;
    std::string published;  // as in the record: what an https POST goes to
    std::string decoded;    // %-decoded, for people and for mailto
    std::string address;    // mailto: the decoded addr-spec without "?…", local part quoted where RFC 5321 asks
    friend bool operator==(const ReportUri&, const ReportUri&) = default;
};

struct TlsrptRecord {
    std::vector<ReportUri> rua;                     // union over all rua fields, in order; only mailto: and https:
    std::map<std::string, std::string> extensions;  // unknown fields, first value of each name
    friend bool operator==(const TlsrptRecord&, const TlsrptRecord&) = default;
};

struct TlsrptRecordJudgement {
    std::optional<TlsrptRecord> record;
    bool present = false;
    Problems problems;  // `line` is the 1-based number of the TXT record in the RRset
};
TlsrptRecordJudgement judge_tlsrpt_records(std::span<const std::string> txt_records);

// "v=TLSRPTv1; rua=a,b" with ',' '!' ';' inside a URI %-encoded.
std::string format_tlsrpt_record(const std::vector<std::string>& rua);

// _smtp._tls.<domain>
Result<dns::Name> tlsrpt_record_name(const dns::Name& policy_domain);

}  // namespace postseal::tlsrpt
