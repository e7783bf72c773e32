// What the tests of this module share: texts to start from, and looking at lists of deviations.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "tlsrpt/read.h"
#include "tlsrpt/report.h"

namespace postseal::tlsrpt {

inline std::string read_whole(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline std::string testdata(std::string_view name) {
    return read_whole(std::string(POSTSEAL_SOURCE_DIR "/src/tlsrpt/testdata/").append(name));
}

inline bool has_code(const std::vector<Deviation>& deviations, std::string_view code) {
    for (const auto& deviation : deviations) {
        if (deviation.code == code) {
            return true;
        }
    }
    return false;
}

inline std::string codes(const std::vector<Deviation>& deviations) {
    std::string text;
    for (const auto& deviation : deviations) {
        text += deviation.code + " (" + deviation.message + ") ";
    }
    return text;
}

inline std::string replaced(std::string text, std::string_view what, std::string_view with) {
    const auto at = text.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    return at == std::string::npos ? text : text.replace(at, what.size(), with);
}

// A report as RFC 8460 §4.4 asks for it, with a failure, to be spoilt by the tests.
inline constexpr std::string_view good_json =
    R"({"organization-name":"Example Mail",)"
    R"("date-range":{"start-datetime":"2026-01-31T00:00:00Z","end-datetime":"2026-01-31T23:59:59Z"},)"
    R"("contact-info":"tls-reports@sender.example","report-id":"2026-01-31_receiver.example@sender.example",)"
    R"("policies":[{"policy":{"policy-type":"sts","policy-string":["version: STSv1","mode: enforce",)"
    R"("mx: mx.receiver.example","max_age: 604800"],"policy-domain":"receiver.example",)"
    R"("mx-host":["mx.receiver.example"]},)"
    R"("summary":{"total-successful-session-count":7,"total-failure-session-count":2},)"
    R"("failure-details":[{"result-type":"certificate-expired","sending-mta-ip":"192.0.2.1",)"
    R"("receiving-mx-hostname":"mx.receiver.example","receiving-mx-helo":"mx.receiver.example",)"
    R"("receiving-ip":"198.51.100.2","failed-session-count":2}]}]})";

inline ReadReport read_json_text(std::string_view json, const ReadLimits& limits = {}) {
    return read_report_json(as_bytes(json), limits);
}

}  // namespace postseal::tlsrpt
