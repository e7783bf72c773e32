// Any TLS report in any container that the world sends → normalised reports (RFC 8460 §4, §5; deviations of real
// senders). Bounded: bytes in, inflated bytes, inflate ratio, JSON depth, list lengths, MIME parts.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "tlsrpt/report.h"

namespace postseal::tlsrpt {

struct ReadLimits {
    std::size_t input_bytes_max = 64U * 1024 * 1024;
    std::size_t json_bytes_max = 20U * 1024 * 1024;   // one report, inflated
    std::size_t inflate_ratio_max = 1000;             // inflated : compressed, for what inflates to over 1 MiB
    std::size_t total_bytes_max = 64U * 1024 * 1024;  // all reports of one input, inflated
    std::size_t reports_max = 100;                    // in one input; where there are more, an error says so
    std::size_t json_depth_max = 32;
    std::size_t policies_max = 10'000;
    std::size_t failures_max = 100'000;  // in one report
    std::size_t mime_parts_max = 200;
    std::size_t mime_depth_max = 10;
};

// What the mail around a report says; all of it is the sender's word (RFC 8460 §5.3, §5.6: the body wins).
struct MailHeaders {
    std::string from;
    std::string subject;
    std::string report_domain;     // TLS-Report-Domain
    std::string report_submitter;  // TLS-Report-Submitter
    std::string message_id;
};

// One report found, readable or not.
struct ReadReport {
    Result<Report> report;  // an error says where and what
    std::vector<Deviation> deviations;
    Bytes json;                                // the report's own bytes, inflated; empty when it could not be unpacked
    std::vector<std::string> file_names = {};  // of the containers around it, innermost first
    std::optional<MailHeaders> mail = {};      // of the innermost message around it
};

struct ReadInput {
    std::vector<ReadReport> reports;  // at least one: an input without any report is one error
    std::optional<MailHeaders> mail;  // of the outermost message, of several the first
};

// `file_name` is a hint for messages and for a missing policy-domain (RFC 8460 §5.1); the kind is sniffed from the
// bytes.
ReadInput read_input(ByteView bytes, std::string_view file_name, const ReadLimits& limits = {});

// A JSON text alone; of several reports in it the first.
ReadReport read_report_json(ByteView json, const ReadLimits& limits = {});

// gzip with a hard cap. Errors: limit_exceeded (too large, too high a ratio), invalid_input (damaged).
Result<Bytes> gunzip(ByteView compressed, const ReadLimits& limits = {});

}  // namespace postseal::tlsrpt
