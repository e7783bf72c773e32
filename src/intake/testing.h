// What tests of mailed reports share: keys, signatures, a zone in memory. The signer is in dkim_verify_test.cpp.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "intake/dkim_verify.h"

namespace postseal::intake::testing {

struct SigningKey {
    std::string pem;
    std::string record;  // "p=…", to be put behind "v=DKIM1; "
};
const SigningKey& rsa_key();  // made once

struct SigningWishes {
    std::string domain = "sender.example";
    std::string selector = "s1";
    bool with_length = false;  // l=
    std::vector<const char*> fields = {"From", "Subject", "Content-Type", "TLS-Report-Domain", nullptr};
};
std::string signed_mail(std::string message, const SigningWishes& wishes = {});

// NAME → its TXT records; "timeout" as the only one: nobody answers.
using Zone = std::map<std::string, std::vector<std::string>>;
inline DkimKeyLookup lookup_in(const Zone& zone) {
    return [&zone](const dns::Name& name) {
        const auto found = zone.find(name.text());
        if (found == zone.end()) {
            return DkimKeyAnswer{};
        }
        using Status = DkimKeyAnswer::Status;
        return found->second.front() == "timeout" ? DkimKeyAnswer{Status::unknown, {}, "timed out"}
                                                  : DkimKeyAnswer{Status::found, found->second, ""};
    };
}

inline std::string report_json(const std::string& id, const std::string& domain, const std::string& contact,
                               const std::string& sessions = "5", const std::string& failed = "0",
                               const std::string& day = "2026-11-20") {
    return R"({"organization-name":"Sender","date-range":{"start-datetime":")" + day +
           R"(T00:00:00Z","end-datetime":")" + day + R"(T23:59:59Z"},"contact-info":")" + contact +
           R"(","report-id":")" + id +
           R"(","policies":[{"policy":{"policy-type":"sts","policy-string":["version: STSv1"],"policy-domain":")" +
           domain + R"(","mx-host":["mx.example.com"]},"summary":{"total-successful-session-count":)" + sessions +
           R"(,"total-failure-session-count":)" + failed + R"(},"failure-details":[]}]})";
}

struct MailWishes {
    std::string from = "tls@sender.example";
    std::string submitter = "sender.example";
    std::string domain = "example.com";
};
inline std::string report_mail(const std::string& json, const MailWishes& wishes = {}) {
    return "From: " + wishes.from + "\r\nTo: reports@example.com\r\nSubject: Report Domain: " + wishes.domain +
           " Submitter: " + wishes.submitter + " Report-ID: <1@sender.example>\r\nTLS-Report-Domain: " + wishes.domain +
           "\r\nTLS-Report-Submitter: " + wishes.submitter +
           "\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=\"tlsrpt\"; boundary=\"b\"\r\n\r\n"
           "--b\r\nContent-Type: text/plain\r\n\r\nA report.\r\n--b\r\nContent-Type: application/tlsrpt+json\r\n\r\n" +
           json + "\r\n--b--\r\n";
}

}  // namespace postseal::intake::testing
