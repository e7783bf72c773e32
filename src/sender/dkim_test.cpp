// Keys and signatures of mailed reports (RFC 6376, RFC 8463; RFC 8460 §3). The independent verifier (dkimpy) has its
// say in scene t-15; here the library verifies itself, and what must not pass does not.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <utility>

#include "sender/dkim_ed25519.h"
#include "sender/dkim_key.h"
#include "sender/dkim_sign.h"
#include "sender/testing.h"
#include "tlsrpt/write.h"

extern "C" {
#include <opendkim/dkim.h>
}

namespace postseal::sender {
namespace {

const DkimIdentity identity{*dns::Name::parse("sender.test"), "postseal"};

std::string report_mail(std::string to = "r@a.test") {
    tlsrpt::Report report;
    report.organization_name = "Example";
    report.contact_info = "tls@sender.test";
    report.report_id = "2026-11-23_a.test@sender.test";
    report.begin = TimePoint(Seconds(1'790'000'000));
    report.end = *report.begin + Seconds(86'399);
    return *tlsrpt::to_mail(report, {identity.domain, *dns::Name::parse("a.test"), "tls@sender.test", std::move(to),
                                     *report.end, "1@sender.test"});
}

// What libopendkim finds when it looks for a key: NAME → the record's text.
std::map<std::string, std::string> published;

DKIM_STAT look_up(DKIM* /*dkim*/, DKIM_SIGINFO* info, unsigned char* buffer, std::size_t size) {
    const std::string name = std::string(reinterpret_cast<const char*>(dkim_sig_getselector(info))) + "._domainkey." +
                             reinterpret_cast<const char*>(dkim_sig_getdomain(info));
    const auto found = published.find(name);
    if (found == published.end() || found->second.size() >= size) {
        return DKIM_STAT_NOKEY;
    }
    std::copy(found->second.begin(), found->second.end(), buffer);
    buffer[found->second.size()] = 0;
    return DKIM_STAT_OK;
}

// One word per signature, from the top.
std::vector<std::string> verified(std::string message) {
    const std::unique_ptr<DKIM_LIB, decltype(&dkim_close)> library(dkim_init(nullptr, nullptr), dkim_close);
    dkim_set_key_lookup(library.get(), look_up);
    std::string id = "test";
    DKIM_STAT status = DKIM_STAT_OK;
    const std::unique_ptr<DKIM, decltype(&dkim_free)> dkim(
        dkim_verify(library.get(), reinterpret_cast<unsigned char*>(id.data()), nullptr, &status), dkim_free);
    dkim_chunk(dkim.get(), reinterpret_cast<unsigned char*>(message.data()), message.size());
    dkim_chunk(dkim.get(), nullptr, 0);
    dkim_eom(dkim.get(), nullptr);
    DKIM_SIGINFO** signatures = nullptr;
    int count = 0;
    dkim_getsiglist(dkim.get(), &signatures, &count);
    std::vector<std::string> words;
    for (int i = 0; i < count; ++i) {
        dkim_sig_process(dkim.get(), signatures[i]);
        const bool good = (dkim_sig_getflags(signatures[i]) & DKIM_SIGFLAG_PASSED) != 0 &&
                          dkim_sig_getbh(signatures[i]) == DKIM_SIGBH_MATCH;
        words.emplace_back(good ? "good" : "bad");
    }
    return words;
}

class DkimTest : public ::testing::Test {
protected:
    DkimTest() {
        keys_ = {*generate_dkim_key(identity, DkimAlgorithm::rsa),
                 *generate_dkim_key(identity, DkimAlgorithm::ed25519)};
        published.clear();
        for (const DkimKey& key : keys_) {
            // libopendkim knows no service but email.
            std::string record = *key.record_value();
            record.replace(record.find("s=tlsrpt"), 8, "s=email");
            published[key.record_name()->text()] = record;
        }
    }
    std::vector<DkimKey> keys_;
};

using Words = std::vector<std::string>;

TEST_F(DkimTest, EachKeySignsTheReport) {  // RPT-015, RPT-017, RPT-047
    const std::string message = report_mail();
    const auto sealed = dkim_signed(message, keys_);
    ASSERT_TRUE(sealed) << sealed.error().message();
    EXPECT_TRUE(sealed->ends_with(message)) << "the message itself is not touched";
    EXPECT_EQ(verified(*sealed), (Words{"good", "good"}));

    std::string head;
    for (const char c : sealed->substr(0, sealed->size() - message.size())) {
        if (c != '\r' && c != '\n' && c != '\t' && c != ' ') {
            head.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
        }
    }
    const std::size_t second = head.find("dkim-signature:", 1);
    ASSERT_NE(second, std::string::npos) << head;
    for (const std::string& field : {head.substr(0, second), head.substr(second)}) {
        EXPECT_EQ(field.find(";l="), std::string::npos) << field;
        EXPECT_NE(field.find("c=relaxed/relaxed;"), std::string::npos) << field;
        EXPECT_NE(field.find("d=sender.test;"), std::string::npos) << field;
        const std::size_t h = field.find(";h=");
        const std::string signed_fields = ":" + field.substr(h + 3, field.find(';', h + 1) - h - 3) + ":";
        for (const char* name : {"from", "to", "subject", "date", "message-id", "mime-version", "content-type",
                                 "tls-report-domain", "tls-report-submitter"}) {
            EXPECT_NE(signed_fields.find(std::string(":") + name + ":"), std::string::npos) << name << field;
        }
    }
    EXPECT_NE(head.find("a=rsa-sha256;"), std::string::npos);
    EXPECT_NE(head.find("a=ed25519-sha256;"), std::string::npos);
    for (std::size_t at = 0; at < sealed->size();) {  // RFC 5322 §2.1.1
        const std::size_t end = sealed->find("\r\n", at);
        EXPECT_LE(end - at, 998U);
        at = end + 2;
    }
}

TEST_F(DkimTest, SignsToAnAddressBeyondAscii) {  // RFC 6532 §3.2
    const auto sealed = dkim_signed(report_mail("b\u00fccher@a.test"), keys_);
    ASSERT_TRUE(sealed) << sealed.error().message();
    EXPECT_EQ(verified(*sealed), (Words{"good", "good"}));
}

TEST_F(DkimTest, WhatIsChangedOnTheWayIsNoticed) {  // RFC 6376 §6.1.3
    const auto sealed = dkim_signed(report_mail(), keys_);
    ASSERT_TRUE(sealed);
    const auto changed = [&](std::string_view what, std::string_view into) {
        std::string message = *sealed;
        const std::size_t at = message.rfind(what);
        EXPECT_NE(at, std::string::npos) << what;
        return message.replace(at, what.size(), into);
    };
    const Words bad{"bad", "bad"};
    EXPECT_EQ(verified(changed("aggregate TLS report", "aggregate TLS rapport")), bad);
    EXPECT_EQ(verified(changed("TLS-Report-Domain: a.test", "TLS-Report-Domain: b.test")), bad);
    EXPECT_EQ(verified(changed("To: r@a.test", "To: r@b.test")), bad);
    EXPECT_EQ(verified("TLS-Report-Domain: b.test\r\n" + *sealed), bad) << "a second one is not slipped in";
    EXPECT_EQ(verified("Received: from a by b\r\n" + *sealed), (Words{"good", "good"})) << "a relay's own line is fine";
}

TEST(DkimRelaxed, Canonical) {  // RFC 6376 §3.4.5 is the first case of each
    EXPECT_EQ(relaxed_header_field("A: X"), "a:X");
    EXPECT_EQ(relaxed_header_field("B : Y\t\r\n\tZ  "), "b:Y Z");
    EXPECT_EQ(relaxed_header_field("Empty:"), "empty:");
    EXPECT_EQ(relaxed_header_field("Colons: a:b"), "colons:a:b");
    EXPECT_EQ(relaxed_header_field("Folded:\r\n  first"), "folded:first");
    EXPECT_EQ(relaxed_body(" C \r\nD \t E\r\n\r\n\r\n"), " C\r\nD E\r\n");
    EXPECT_EQ(relaxed_body(""), "") << "RFC 6376 §3.4.4: nothing, not one line end";
    EXPECT_EQ(relaxed_body("\r\n \r\n"), "");
    EXPECT_EQ(relaxed_body("no end"), "no end\r\n");
    EXPECT_EQ(relaxed_body("\r\na\r\n"), "\r\na\r\n");
}

TEST_F(DkimTest, AKeyIsPublishedForReportsAlone) {  // RFC 8460 §3; RPT-018
    EXPECT_EQ(keys_[0].record_name()->text(), "postseal._domainkey.sender.test");
    EXPECT_EQ(keys_[1].record_name()->text(), "postseal-ed25519._domainkey.sender.test");
    const std::string rsa = *keys_[0].record_value();
    EXPECT_TRUE(rsa.starts_with("v=DKIM1; k=rsa; s=tlsrpt; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A")) << rsa;
    const std::string ed25519 = *keys_[1].record_value();
    EXPECT_TRUE(ed25519.starts_with("v=DKIM1; k=ed25519; s=tlsrpt; p=")) << ed25519;
    EXPECT_EQ(ed25519.size(), std::string("v=DKIM1; k=ed25519; s=tlsrpt; p=").size() + 44) << "RFC 8463 §4: 32 octets";
    EXPECT_EQ(keys_[0].pem.find("BEGIN PUBLIC"), std::string::npos);
}

TEST_F(DkimTest, AKeyIsMadeOnceAndKeptSealed) {
    const auto store = testing::open_store();
    ASSERT_TRUE(stored_dkim_keys(store->certificates, identity)->empty());
    const auto made = dkim_keys(store->certificates, identity);
    ASSERT_TRUE(made && made->size() == 1);
    EXPECT_EQ(made->front().algorithm, DkimAlgorithm::rsa);
    EXPECT_EQ(dkim_keys(store->certificates, identity)->front().pem, made->front().pem);
    EXPECT_TRUE(stored_dkim_keys(store->certificates, {identity.domain, "other"})->empty());
    EXPECT_EQ(dkim_key(store->certificates, identity, DkimAlgorithm::rsa)->pem, made->front().pem)
        << "whoever comes second takes what is there";
    ASSERT_TRUE(replace_dkim_key(store->certificates, keys_[0]));
    ASSERT_TRUE(replace_dkim_key(store->certificates, keys_[1]));
    const auto both = dkim_keys(store->certificates, identity);
    ASSERT_EQ(both->size(), 2U);
    EXPECT_EQ(both->at(0).pem, keys_[0].pem);
    EXPECT_EQ(both->at(1).pem, keys_[1].pem);
}

TEST_F(DkimTest, WhatIsPublishedIsCompared) {
    const std::string right = *keys_[0].record_value();
    const std::string p = right.substr(right.find("p="));
    struct Case {
        std::vector<std::string> texts;
        bool fine;
        const char* reason;
    };
    const Case cases[] = {
        {{right}, true, "as printed"},
        {{p}, true, "RFC 6376 §3.6.1: v=, k= and s= have defaults"},
        {{"v=DKIM1; s=email:tlsrpt; " + p + ";"}, true, "one of several services, a final semicolon"},
        {{"v=DKIM1;k=rsa ; s = * ; p = " + p.substr(2, 70) + " \t " + p.substr(72)}, true, "blanks mean nothing"},
        {{}, false, "nothing there"},
        {{right, right}, false, "RFC 6376 §3.6.2.2"},
        {{"v=DKIM1; s=email; " + p}, false, "for mail only"},
        {{"v=DKIM1; k=ed25519; " + p}, false, "another type"},
        {{"v=DKIM2; " + p}, false, "another version"},
        {{"v=DKIM1; p="}, false, "RFC 6376 §3.6.1: revoked"},
        {{"v=DKIM1; " + p + "; p=x"}, false, "RFC 6376 §3.2: a tag twice"},
        {{"v=DKIM1;; " + p}, false, "an empty piece"},
        {{*keys_[1].record_value()}, false, "the other key"},
        {{"hello"}, false, "no tags at all"},
    };
    for (const Case& c : cases) {
        EXPECT_EQ(!problem_of_published(keys_[0], c.texts).has_value(), c.fine) << c.reason;
    }
}

}  // namespace
}  // namespace postseal::sender
