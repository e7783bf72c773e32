// What stands around a report and repeats what it says: file names (RFC 8460 §5.1), TLS-Report-* fields and Subject
// (§5.3). The body wins (§5.6, RPT-053); differences are listed, and a policy-domain that the body lacks is taken from
// here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "tlsrpt/deviations.h"
#include "tlsrpt/read.h"
#include "tlsrpt/report.h"

namespace postseal::tlsrpt {

// "sender!policy-domain!begin!end[!unique].json[.gz]"; begin and end in seconds since 1970.
struct FileNameHint {
    std::string submitter;
    std::string policy_domain;
    TimePoint begin;
    TimePoint end;
};
std::optional<FileNameHint> parse_file_name(std::string_view path);

// "Report Domain: D Submitter: S Report-ID: <I>", whatever blanks and prefixes there are.
struct SubjectHint {
    std::string report_domain;
    std::string submitter;
    std::string report_id;
    bool report_id_in_brackets = false;
};
std::optional<SubjectHint> parse_subject(std::string_view subject);

// `file_names` from the innermost outwards.
void apply_hints(Report& report, const std::vector<std::string>& file_names, const MailHeaders* mail,
                 Deviations& deviations);

}  // namespace postseal::tlsrpt
