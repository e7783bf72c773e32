#include "intake/dkim_verify.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>

#include "base/text.h"
#include "intake/testing.h"

extern "C" {
#include <opendkim/dkim.h>
}

namespace postseal::intake {

namespace testing {

const SigningKey& rsa_key() {
    static const SigningKey made = [] {
        const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_RSA_gen(2048), EVP_PKEY_free);
        const std::unique_ptr<BIO, decltype(&BIO_free_all)> pem(BIO_new(BIO_s_mem()), BIO_free_all);
        PEM_write_bio_PrivateKey(pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
        char* text = nullptr;
        const long size = BIO_get_mem_data(pem.get(), &text);
        Bytes der(static_cast<std::size_t>(i2d_PUBKEY(key.get(), nullptr)));
        unsigned char* at = der.data();
        i2d_PUBKEY(key.get(), &at);
        return SigningKey{std::string(text, static_cast<std::size_t>(size)), "p=" + to_base64(der)};
    }();
    return made;
}

std::string signed_mail(std::string message, const SigningWishes& wishes) {
    const std::unique_ptr<DKIM_LIB, decltype(&dkim_close)> library(dkim_init(nullptr, nullptr), dkim_close);
    auto fields = wishes.fields;
    dkim_options(library.get(), DKIM_OP_SETOPT, DKIM_OPTS_SIGNHDRS, fields.data(), sizeof(char**));
    const auto bytes = [](std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); };
    std::string id = "test";
    std::string pem = rsa_key().pem;
    std::string selector = wishes.selector;
    std::string domain = wishes.domain;
    DKIM_STAT status = DKIM_STAT_OK;
    constexpr ssize_t length = 100;
    const std::unique_ptr<DKIM, decltype(&dkim_free)> signer(
        dkim_sign(library.get(), bytes(id), nullptr, bytes(pem), bytes(selector), bytes(domain), DKIM_CANON_RELAXED,
                  DKIM_CANON_RELAXED, DKIM_SIGN_RSASHA256, wishes.with_length ? length : -1, &status),
        dkim_free);
    dkim_chunk(signer.get(), bytes(message), message.size());
    dkim_chunk(signer.get(), nullptr, 0);
    dkim_eom(signer.get(), nullptr);
    unsigned char* text = nullptr;
    std::size_t size = 0;
    dkim_getsighdr_d(signer.get(), 16, &text, &size);
    return "DKIM-Signature: " + std::string(reinterpret_cast<const char*>(text), size) + "\r\n" + message;
}

}  // namespace testing

namespace {

using State = DkimSignature::State;
using testing::rsa_key;
using testing::signed_mail;

const TimePoint now = std::chrono::floor<Seconds>(std::chrono::system_clock::now());
const std::string key_at = "s1._domainkey.sender.example";

std::string mail() {
    return testing::report_mail(testing::report_json("1", "example.com", "tls@sender.example"));
}

// RFC 6376 §3.6.1, RFC 8460 §3; RPT-019
TEST(DkimVerify, takes_keys_that_are_for_reports) {
    struct Case {
        std::string record;
        State state;
        State strict;
        const char* why;
    };
    const std::string& p = rsa_key().record;
    const std::vector<Case> cases = {
        {"v=DKIM1; k=rsa; " + p, State::good, State::bad, "no s=: for every service"},
        {"v=DKIM1; k=rsa; s=*; " + p, State::good, State::bad, "for every service"},
        {"v=DKIM1; k=rsa; s=tlsrpt; " + p, State::good, State::good, "libopendkim alone would refuse it"},
        {"v=DKIM1; k=rsa; s=email:tlsrpt; " + p, State::good, State::good, "one of two"},
        {"v=DKIM1; k=rsa; s= email : tlsrpt ; " + p, State::good, State::good, "blanks mean nothing"},
        {"v=DKIM1; k=rsa; s=TLSRPT; " + p, State::good, State::good, "case means nothing"},
        {"k=rsa; " + p, State::good, State::bad, "v= is optional"},
        {"v=DKIM1; k=rsa; s=email; " + p, State::bad, State::bad, "for another service only"},
        {"v=DKIM1; k=rsa; s=other; " + p, State::bad, State::bad, "for another service only"},
        {"v=DKIM1; k=rsa; t=y; " + p, State::bad, State::bad, "being tested: as if it were not signed"},
        {"v=DKIM1; k=rsa; p=", State::bad, State::bad, "revoked"},
        {"v=DKIM1; k=rsa; h=sha1; " + p, State::bad, State::bad, "not for this hash"},
        {"v=spf1 -all", State::bad, State::bad, "no key"},
    };
    const std::string message = signed_mail(mail());
    for (const Case& one : cases) {
        const testing::Zone zone = {{key_at, {one.record}}};
        const auto found = verify_dkim(message, now, testing::lookup_in(zone));
        ASSERT_EQ(found.size(), 1U);
        EXPECT_EQ(found[0].state, one.state) << one.why << ": " << found[0].why;
        EXPECT_EQ(found[0].why.empty(), one.state == State::good) << one.why;
        const auto strict = verify_dkim(message, now, testing::lookup_in(zone), {.only_tlsrpt_keys = true});
        EXPECT_EQ(strict.at(0).state, one.strict) << one.why << ": " << strict[0].why;
    }
}

// RFC 8460 §3, RFC 6376 §6.1; RPT-016
TEST(DkimVerify, refuses_what_does_not_prove_anything) {
    const testing::Zone zone = {
        {key_at, {"v=DKIM1; " + rsa_key().record}},
        {"two._domainkey.sender.example", {"v=DKIM1; " + rsa_key().record, "v=DKIM1; " + rsa_key().record}},
        {"slow._domainkey.sender.example", {"timeout"}}};
    const auto with = [](std::string text, const std::string& what, const std::string& by) {
        return text.replace(text.find(what), what.size(), by);
    };
    const std::string good = signed_mail(mail());
    struct Case {
        std::string message;
        State state;
        std::string why;
    };
    const std::vector<Case> cases = {
        {good, State::good, ""},
        {with(good, "A report.", "Another."), State::bad, "the body is not what was signed"},
        {good + "More.\r\n", State::bad, "the body is not what was signed"},
        {with(good, "TLS-Report-Domain: example.com", "TLS-Report-Domain: example.org"), State::bad, ""},
        {signed_mail(mail(), {.with_length = true}), State::bad, "l= tag"},
        {signed_mail(mail(), {.selector = "none"}), State::bad, "there is no key"},
        {signed_mail(mail(), {.selector = "two"}), State::bad, "several keys"},
        {signed_mail(mail(), {.selector = "slow"}), State::unknown, "timed out"},
        {with(good, "d=sender.example", "d=other.example"), State::bad,
         "there is no key at s1._domainkey.other.example"},
        {with(good, "a=rsa-sha256", "a=rsa-sha1"), State::bad, ""},
        {"DKIM-Signature: v=1; a=rsa-sha256\r\n" + mail(), State::bad, ""},
        {"DKIM-Signature: \r\n" + mail(), State::bad, ""},
    };
    for (const Case& one : cases) {
        const auto found = verify_dkim(one.message, now, testing::lookup_in(zone));
        ASSERT_FALSE(found.empty()) << one.message.substr(0, 300);
        EXPECT_EQ(found[0].state, one.state) << found[0].why << "\n" << one.message.substr(0, 300);
        EXPECT_NE(found[0].why.find(one.why), std::string::npos) << found[0].why;
    }
    EXPECT_TRUE(verify_dkim(mail(), now, testing::lookup_in(zone)).empty()) << "unsigned";
    std::string many;
    for (int i = 0; i < 1000; ++i) {
        many += "DKIM-Signature: v=1; a=rsa-sha256; d=sender.example; s=s1; h=from; bh=AA==; b=AA==\r\n";
    }
    std::size_t asked = 0;
    EXPECT_EQ(verify_dkim(many + mail(), now,
                          [&](const dns::Name&) {
                              ++asked;
                              return DkimKeyAnswer{};
                          })
                  .at(0)
                  .state,
              State::bad);
    EXPECT_EQ(asked, 0U) << "a thousand signatures are not a thousand questions";
}

TEST(DkimVerify, looks_at_every_signature) {
    const testing::Zone zone = {{key_at, {"v=DKIM1; " + rsa_key().record}},
                                {"s1._domainkey.relay.example", {"v=DKIM1; " + rsa_key().record}}};
    const auto found =
        verify_dkim(signed_mail(signed_mail(mail()), {.domain = "relay.example"}), now, testing::lookup_in(zone));
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].domain.text(), "relay.example");
    EXPECT_EQ(found[0].state, State::good) << found[0].why;
    EXPECT_EQ(found[1].domain.text(), "sender.example");
    EXPECT_EQ(found[1].state, State::good) << found[1].why;
    EXPECT_NE(std::find(found[1].covers.begin(), found[1].covers.end(), "tls-report-domain"), found[1].covers.end());
}

}  // namespace
}  // namespace postseal::intake
