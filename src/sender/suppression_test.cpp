// What an operator's word keeps back.
#include "sender/suppression.h"

#include <gtest/gtest.h>

namespace postseal::sender {
namespace {

tlsrpt::ReportUri rua(const std::string& uri) {
    const std::vector<std::string> texts{"v=TLSRPTv1; rua=" + uri};
    return tlsrpt::judge_tlsrpt_records(texts).record.value().rua.at(0);
}

TEST(Suppression, ATargetHasOneForm) {
    struct Case {
        const char* text;
        const char* canonical;
        const char* reason;
    };
    const Case cases[] = {
        {"Example.ORG", "example.org", "a domain"},
        {"bücher.example", "xn--bcher-kva.example", "as DNS has it"},
        {"TLS@Example.org", "tls@example.org", "a mailbox"},
        {"mailto:tls%2Dr@example.org?subject=x", "tls-r@example.org", "a mailto URI is its mailbox"},
        {"https://r.example.org/v1?x=1", "https://r.example.org/v1?x=1", "an https URI as published"},
        {"", nullptr, "nothing"},
        {".", nullptr, "everything"},
        {"@example.org", nullptr, "no mailbox"},
        {"a@", nullptr, "no domain"},
        {"a..b", nullptr, "an empty label"},
        {"http://r.example.org/", nullptr, "no rua has this scheme"},
        {"https://", nullptr, "no host"},
        {"mailto:", nullptr, "no mailbox"},
        {"a\nb@example.org", nullptr, "a line end"},
        {"\xff@example.org", nullptr, "no UTF-8"},
    };
    for (const Case& c : cases) {
        const Result<std::string> target = suppression_target(c.text);
        if (c.canonical == nullptr) {
            EXPECT_FALSE(target) << c.text << ": " << c.reason;
        } else {
            EXPECT_EQ(target ? *target : target.error().message(), c.canonical) << c.reason;
        }
    }
}

TEST(Suppression, WhatATargetStandsFor) {
    const dns::Name about = *dns::Name::parse("kestrel.test");
    const auto mailto = rua("mailto:TLS@Box.test");
    const auto https = rua("https://r.box.test:8443/v1");
    struct Case {
        const char* target;
        bool mail;
        bool post;
        const char* reason;
    };
    const Case cases[] = {
        {"kestrel.test", true, true, "all reports about the domain"},
        {"tls@box.test", true, false, "the mailbox, in any case of letters"},
        {"box.test", true, false, "all mailboxes of the domain, no host below it"},
        {"r.box.test", false, true, "the https host"},
        {"https://r.box.test:8443/v1", false, true, "the URI"},
        {"https://r.box.test/v1", false, false, "another URI"},
        {"other@box.test", false, false, "another mailbox"},
        {"test", false, false, "no domain above"},
    };
    for (const Case& c : cases) {
        EXPECT_EQ(is_suppressed(*suppression_target(c.target), about, mailto), c.mail) << c.reason;
        EXPECT_EQ(is_suppressed(*suppression_target(c.target), about, https), c.post) << c.reason;
    }
}

}  // namespace
}  // namespace postseal::sender
