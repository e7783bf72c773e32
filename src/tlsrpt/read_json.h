// A report's JSON (RFC 8460 §4.4) → Report and deviations.
#pragma once

#include <simdjson.h>

#include <string_view>
#include <vector>

#include "base/result.h"
#include "tlsrpt/deviations.h"
#include "tlsrpt/read.h"
#include "tlsrpt/report.h"

namespace postseal::tlsrpt {

// A ReadReport that still collects deviations: those of its container come after.
struct OpenReport {
    Result<Report> report;
    Deviations deviations;
    Bytes json;
    std::vector<std::string> file_names = {};
    std::optional<MailHeaders> mail = {};
    [[nodiscard]] ReadReport close() && {
        return {std::move(report), deviations.list(), std::move(json), std::move(file_names), std::move(mail)};
    }
};

// True for an object with members that only a TLS report has.
bool is_report(simdjson::dom::element element);

Result<Report> report_from_json(simdjson::dom::object object, const ReadLimits& limits, Deviations& deviations);

// Every report in a JSON text: one object, a list of them, or several after another; at least one element, which then
// holds the error.
std::vector<OpenReport> read_json_reports(std::string_view bytes, const ReadLimits& limits);

}  // namespace postseal::tlsrpt
