#include "tlsrpt/reason.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

namespace postseal::tlsrpt {
namespace {

// RFC 8460 §4.4: failure-reason-code is free text. What senders really write, each with its source.
TEST(Reason, is_explained) {
    struct Case {
        const char* code;
        const char* explanation;
    };
    const std::vector<Case> cases = {
        {"X509_V_ERR_CERT_HAS_EXPIRED", "expired"},
        {"certificate has expired", "expired"},
        {"X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed"},
        {"self-signed_certificate", "self-signed"},  // Postfix by libtlsrpt
        {"X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN", "self-signed-in-chain"},
        {"self-signed certificate in certificate chain", "self-signed-in-chain"},
        {"X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "chain-incomplete"},
        {"unable to get local issuer certificate", "chain-incomplete"},
        {"X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED", "bad-issuer"},  // the example of the RFC
        {"X509_V_ERR_HOSTNAME_MISMATCH", "name-mismatch"},
        {"MX_HOSTS_MISMATCH", "mx-not-in-policy"},  // Microsoft
        {"VALIDATION_FAILURE", "general-validation"},
        {"STARTTLS_NOT_SUPPORTED", "no-starttls"},
        {"TLS is required, but was not offered by host mx.example.com[192.0.2.1]", "no-starttls"},
        {"lost connection with mx.example.com while performing the EHLO handshake", "connection-lost"},
        {"Cannot start TLS: handshake failure", "handshake"},
        {"error:0A000102:SSL routines::unsupported protocol", "protocol-version"},
        {"error:0A000126:SSL routines::unexpected eof while reading", "connection-lost"},
        {"No matching DANE TLSA records", "tlsa-mismatch"},
        {"x509: certificate signed by unknown authority", "untrusted"},
        {"CRL has expired", "revocation-unknown"},
        {"certificate is not yet valid", "not-yet-valid"},
        {"EE_KEY_TOO_SMALL", "weak-key"},
    };
    for (const Case& one : cases) {
        const ReasonText* found = explain_reason(one.code);
        EXPECT_EQ(found == nullptr ? "" : found->explanation, one.explanation) << one.code;
    }
    for (const char* code : {"", "   ", "unexpired", "something else", "1454 octets", "\xff\xfe"}) {
        EXPECT_EQ(explain_reason(code), nullptr) << code;
    }
    EXPECT_EQ(explain_reason(std::string(1 << 20, 'x')), nullptr) << "only the beginning of a long text is looked at";
}

TEST(Reason, list_is_in_order_and_has_its_words) {
    const auto& all = reason_texts();
    EXPECT_GE(all.size(), 60U);
    std::set<std::string> sources;
    std::set<std::string> explanations;
    for (const ReasonText& one : all) {
        // Each text is what explains itself: a broader one further up would hide it.
        const ReasonText* found = explain_reason(one.text);
        ASSERT_NE(found, nullptr) << one.text;
        EXPECT_EQ(found->explanation, one.explanation) << one.text << " is hidden by " << found->text;
        sources.insert(one.source);
        explanations.insert(one.explanation);
    }
    for (const char* source : {"OpenSSL", "Postfix", "Microsoft", "mail.ru"}) {
        EXPECT_TRUE(sources.contains(source)) << source;
    }
    // The catalogues' own test goes by the interface's list.
    std::ifstream file(POSTSEAL_SOURCE_DIR "/api/openapi.json");
    const std::string interface {
        std::istreambuf_iterator<char>(file), {}
    };
    const auto list = interface.find("\"Explanation\": {");
    ASSERT_NE(list, std::string::npos);
    const std::string named = interface.substr(list, interface.find(']', list) - list);
    for (const std::string& explanation : explanations) {
        EXPECT_NE(named.find("\"" + explanation + "\""), std::string::npos) << explanation;
    }
    for (const char* bad :
         {"expired\tnow\tx", "expired\tnever\tx\texpired", "expired\tnow\tx\tHas_Expired", "\tnow\tx\ty"}) {
        EXPECT_FALSE(parse_reason_texts(bad)) << bad;
    }
}

}  // namespace
}  // namespace postseal::tlsrpt
