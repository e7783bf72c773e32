// The TXT record at _mta-sts.<policy domain> (RFC 8461 §3.1): which of the RRset counts, and what it says.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>

#include "base/problem.h"
#include "base/result.h"
#include "dns/name.h"

namespace postseal::mtasts {

// RFC 8461 §3.1: id = 1*32(ALPHA / DIGIT).
constexpr std::size_t id_length_max = 32;

struct StsRecord {
    std::string id;
    std::map<std::string, std::string> extensions;  // unknown fields, first value of each name
    friend bool operator==(const StsRecord&, const StsRecord&) = default;
};

struct StsRecordJudgement {
    std::optional<StsRecord> record;  // what a conforming sender concludes: one usable record, or no policy
    bool present = false;             // at least one TXT claimed to be an MTA-STS record ("v=STSv1" WSP* ";")
    Problems problems;                // `line` is the 1-based number of the TXT record in the RRset
};

// The RRset as a whole, each element one TXT record with its character-strings joined.
StsRecordJudgement judge_sts_records(std::span<const std::string> txt_records);

// "v=STSv1; id=…;" for a valid id.
std::string format_sts_record(const std::string& id);

// RFC 8461 §3.1: the name at which the record lives, _mta-sts.<domain>.
Result<dns::Name> sts_record_name(const dns::Name& policy_domain);
// RFC 8461 §3.2: the host that serves the policy, mta-sts.<domain>.
Result<dns::Name> policy_host_name(const dns::Name& policy_domain);

}  // namespace postseal::mtasts
