// Mailed reports from the SMTP session's end to the sums (design rules 17, 18; RFC 8460 §3).
#include "intake/mail_intake.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "intake/mail_trust.h"
#include "intake/plausibility.h"
#include "intake/testing.h"
#include "store/testing.h"

namespace postseal::intake {
namespace {

using testing::report_json;
using testing::report_mail;
using testing::signed_mail;
using Kind = MailIntake::Outcome::Kind;

class MachineClock : public Clock {
public:
    [[nodiscard]] TimePoint now() const override {
        return std::chrono::floor<Seconds>(std::chrono::system_clock::now());
    }
};
class NoLog : public Log {
public:
    void write(LogLevel, std::string_view, std::string_view) override {}
};

const std::string label = "abcdefghijklmnopqrstuvwx27";

class MailIntakeTest : public ::testing::Test {
protected:
    MailIntakeTest() {
        store::Domain domain;
        domain.organisation = organisation_;
        domain.name = name_;
        domain.label = label;
        EXPECT_TRUE(store_->domains.add(domain));
        const std::string record = "v=DKIM1; s=tlsrpt; " + testing::rsa_key().record;
        for (const char* who : {"sender.example", "google.com", "evil.example"}) {
            zone_[std::string("s1._domainkey.") + who] = {record};
        }
        zone_["slow._domainkey.sender.example"] = {"timeout"};
    }
    MailIntake::Outcome take(const std::string& message, const std::string& to = "reports@example.net") {
        ArrivedMail mail;
        mail.received = clock_.now();
        mail.via = "smtp";
        mail.peer = *dns::IpAddress::parse("192.0.2.1");
        mail.peer_name = "out.sender.example";
        mail.recipients = {to};
        mail.data = message;
        return intake_.take(mail);
    }
    std::vector<store::KeptMail> kept() { return *store_->kept_mails.list({0, organisation_}, 0, 100); }

    const dns::Name name_ = *dns::Name::parse("example.com");
    MachineClock clock_;
    NoLog log_;
    std::unique_ptr<store::Store> store_ = store::testing::new_store();
    std::int64_t organisation_ = store_->accounts.organisation("ours", clock_.now())->id;
    testing::Zone zone_;
    MailIntake intake_{*store_,
                       {testing::lookup_in(zone_), [](const dns::IpAddress&) { return std::optional<dns::Name>(); }},
                       clock_,
                       log_,
                       {}};
};

TEST_F(MailIntakeTest, counts_a_signed_report_once) {  // RPT-016
    const std::string mail = signed_mail(report_mail(report_json("1", "example.com", "tls@sender.example")));
    std::vector<std::string> told;
    intake_.observe([&](const store::Domain& domain) { told.push_back(domain.name.text()); });
    const auto first = take(mail);
    EXPECT_EQ(first.kind, Kind::counted) << first.detail;
    EXPECT_EQ(first.stored, 1U);
    const auto second = take(mail);
    EXPECT_EQ(second.stored, 0U);
    EXPECT_EQ(second.duplicates, 1U);
    EXPECT_EQ(told, std::vector<std::string>{"example.com"});
    const auto stored = store_->reports.list(name_, 10)->at(0);
    EXPECT_EQ(stored.trust, store::Trust::aligned) << "signed, and on nobody's list";
    EXPECT_EQ(stored.signature, "d=sender.example s=s1");
    EXPECT_EQ(stored.source, "192.0.2.1 (out.sender.example)");
    EXPECT_EQ(stored.submitter, "sender.example");
    EXPECT_EQ(as_text(*store_->reports.raw(stored.id)), mail) << "the mail as it came, signature and all";
    EXPECT_EQ(store_->reports.totals(name_)->sessions_ok, 5);
    EXPECT_TRUE(kept().empty());
}

// Rule 18; RPT-016
TEST_F(MailIntakeTest, counts_nothing_that_is_not_signed_by_its_submitter) {
    const std::string google = "smtp-tls-reporting@google.com";
    const auto json = [&](const std::string& contact) { return report_json("1", "example.com", contact); };
    const auto with = [](std::string text, const std::string& what, const std::string& by) {
        return text.replace(text.find(what), what.size(), by);
    };
    const std::string good = signed_mail(report_mail(json("tls@sender.example")));
    struct Case {
        std::string mail;
        std::string reason;
        const char* why;
    };
    const std::vector<Case> cases = {
        {report_mail(json("tls@sender.example")), "unsigned", "no signature"},
        {with(good, "A report.", "Reports!!"), "bad-signature", "the body was changed"},
        {signed_mail(
             report_mail(json(google), {.from = "noreply-smtp-tls-reporting@google.com", .submitter = "google.com"}),
             {.domain = "evil.example"}),
         "not-aligned", "signed by somebody else"},
        {signed_mail(report_mail(json(google), {.from = "x@evil.example", .submitter = "google.com"}),
                     {.domain = "evil.example"}),
         "not-aligned", "who signs and sends, but names Google"},
        {signed_mail(report_mail(json(google), {.from = "x@evil.example", .submitter = "evil.example"}),
                     {.domain = "evil.example"}),
         "not-aligned", "names Google in the report alone"},
        {signed_mail(
             "From: noreply-smtp-tls-reporting@google.com\r\n" + report_mail(json(google), {.from = "x@evil.example"}),
             {.domain = "evil.example"}),
         "not-aligned", "two From fields"},
        {signed_mail(report_mail(json("tls@sender.example")), {.with_length = true}), "bad-signature", "l="},
        {signed_mail(report_mail(report_json("1", "elsewhere.example", "tls@sender.example"))), "no-domain-of-ours",
         "about a domain that nobody here has"},
        {"From: a@b.example\r\nSubject: Out of office\r\n\r\nI am away.\r\n", "no-report", "a mail"},
        {signed_mail(report_mail("{\"organization-name\": \"x\", \"policies\": [")), "unreadable", "cut off"},
    };
    for (const Case& one : cases) {
        const auto outcome = take(one.mail);
        EXPECT_EQ(outcome.kind, Kind::kept) << one.why;
        EXPECT_EQ(outcome.reason, one.reason) << one.why << ": " << outcome.detail;
    }
    EXPECT_EQ(store_->reports.totals(name_)->received, 0);
    EXPECT_EQ(*store_->reports.newest_trusted(name_), 0) << "readiness sees nothing of it";
    EXPECT_EQ(kept().size(), cases.size());
    EXPECT_EQ(kept().back().sender, "tls@sender.example");
    EXPECT_EQ(kept().back().organisation, organisation_) << "it speaks of our domain";
    EXPECT_EQ(intake_.counters().kept.load(), cases.size());
    take(cases[0].mail);
    EXPECT_EQ(kept().size(), cases.size());
    EXPECT_EQ(kept().back().arrivals, 2) << "the same bytes again take no more room";
}

TEST_F(MailIntakeTest, knows_the_big_submitters) {
    const std::string json = report_json("1", "example.com", "smtp-tls-reporting@google.com");
    const auto mail = [&](const std::string& from) {
        return signed_mail(report_mail(json, {.from = from, .submitter = "google.com"}), {.domain = "google.com"});
    };
    // Google signs what its users write to each other (invitations, groups) with the same d=.
    EXPECT_EQ(take(mail("calendar-notification@google.com")).kind, Kind::counted);
    EXPECT_EQ(store_->reports.list(name_, 1)->at(0).trust, store::Trust::aligned);
    EXPECT_EQ(*store_->reports.newest_trusted(name_), 0);
    // The same report from the right mailbox takes its place.
    const auto better = take(mail("noreply-smtp-tls-reporting@google.com"));
    EXPECT_EQ(better.stored, 1U) << better.detail;
    EXPECT_EQ(store_->reports.list(name_, 5)->size(), 1U);
    EXPECT_EQ(store_->reports.list(name_, 1)->at(0).trust, store::Trust::known);
    EXPECT_NE(*store_->reports.newest_trusted(name_), 0);
    EXPECT_EQ(store_->reports.totals(name_)->sessions_ok, 5) << "counted once";
}

// What is not covered by the signature is not read: a signed report, sent again with another domain in its header.
TEST_F(MailIntakeTest, reads_only_what_is_signed) {
    const auto no_domain = [](const std::string& id) {
        std::string json = report_json(id, "x", "tls@sender.example");
        const std::string member = R"(,"policy-domain":"x")";
        return json.erase(json.find(member), member.size());
    };
    const testing::SigningWishes from_only = {.fields = {"From", "Content-Type", nullptr}};
    const auto outcome = take(signed_mail(report_mail(no_domain("1")), from_only));
    EXPECT_EQ(outcome.reason, "no-domain-of-ours") << "the domain stood in unsigned fields alone";
    EXPECT_EQ(take(signed_mail(report_mail(no_domain("2")))).kind, Kind::counted) << "here they are signed";
    std::string second = signed_mail(report_mail(no_domain("3"), {.domain = "elsewhere.example"}));
    EXPECT_EQ(take("TLS-Report-Domain: example.com\r\n" + second).reason, "no-domain-of-ours")
        << "one more on top of the signed one";
}

TEST_F(MailIntakeTest, asks_to_come_again_while_dns_is_down) {
    const std::string json = report_json("1", "example.com", "tls@sender.example");
    const auto outcome = take(signed_mail(report_mail(json), {.selector = "slow"}));
    EXPECT_EQ(outcome.kind, Kind::try_later);
    EXPECT_EQ(outcome.reason, "dns");
    EXPECT_TRUE(kept().empty());
    const auto foreign =
        take(signed_mail(signed_mail(report_mail(json)), {.domain = "evil.example", .selector = "slow"}));
    EXPECT_EQ(foreign.kind, Kind::counted) << "nobody waits for the key of a relay";
}

TEST_F(MailIntakeTest, holds_odd_figures_until_somebody_looks) {
    const auto mail = [&](const std::string& id, const std::string& sessions, const std::string& day) {
        return signed_mail(report_mail(report_json(id, "example.com", "tls@sender.example", sessions, "0", day)));
    };
    EXPECT_EQ(take(mail("a", "999999999999", "2026-11-20")).reason, "odd-figures");
    EXPECT_EQ(take(mail("b", "-4", "2026-11-20")).reason, "odd-figures");
    EXPECT_EQ(take(mail("c", "3", "2999-11-20")).reason, "odd-figures");
    EXPECT_EQ(take(mail("d", "50000", "2026-11-01")).kind, Kind::counted) << "nothing to compare it with";
    for (int day = 2; day < 10; ++day) {
        const std::string text = "2026-11-0" + std::to_string(day);
        EXPECT_EQ(take(mail(text, "40", text)).kind, Kind::counted);
    }
    const auto odd = take(mail("e", "6000000", "2026-11-21"));
    EXPECT_EQ(odd.reason, "odd-figures");
    EXPECT_EQ(odd.detail, "6000000 sessions (sts); of its 9 earlier days the highest is 2026-11-01, with 50000");
    const auto before = *store_->reports.totals(name_);
    const auto id = kept().front().id;
    EXPECT_EQ(intake_.retry({organisation_}, id, MailIntake::Review::same_rules)->reason, "odd-figures");
    EXPECT_EQ(kept().front().arrivals, 1) << "to look again is no arrival";
    EXPECT_EQ(intake_.retry({}, id, MailIntake::Review::accept).error().code, Errc::not_found) << "somebody else's";
    EXPECT_EQ(intake_.retry({organisation_}, id, MailIntake::Review::accept)->kind, Kind::counted);
    EXPECT_EQ(store_->reports.totals(name_)->sessions_ok, before.sessions_ok + 6'000'000);
    EXPECT_EQ(store_->reports.list(name_, 1)->at(0).trust, store::Trust::operator_);
    EXPECT_EQ(kept().size(), 3U);
    EXPECT_FALSE(*store_->kept_mails.drop({0}, kept().front().id)) << "of another organisation";
    EXPECT_TRUE(*store_->kept_mails.drop({organisation_}, kept().front().id));
    EXPECT_EQ(kept().size(), 2U);
}

TEST_F(MailIntakeTest, reads_a_kept_mail_again_when_its_domain_has_come) {
    EXPECT_EQ(take(signed_mail(report_mail(report_json("1", "new.example", "tls@sender.example")))).reason,
              "no-domain-of-ours");
    store::Domain domain;
    domain.organisation = organisation_;
    domain.name = *dns::Name::parse("new.example");
    domain.label = "abcdefghijklmnopqrstuvwx22";
    ASSERT_TRUE(store_->domains.add(domain));
    EXPECT_EQ(intake_.retry({0}, kept().front().id, MailIntake::Review::same_rules)->kind, Kind::counted);
    EXPECT_EQ(store_->reports.list(domain.name, 1)->at(0).trust, store::Trust::aligned);
    EXPECT_TRUE(kept().empty());
}

TEST_F(MailIntakeTest, gives_a_mail_to_the_owner_of_the_label_that_it_was_sent_to) {
    take("From: a@b.example\r\n\r\nHello\r\n", label + "@reports.example.net");
    EXPECT_EQ(kept().at(0).organisation, organisation_);
    EXPECT_EQ(kept().at(0).domain, name_);
}

TEST_F(MailIntakeTest, refuses_who_sends_too_much_that_does_not_count) {  // RPT-054
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(take("From: a@b.example\r\n\r\n" + std::to_string(i) + "\r\n").kind, Kind::kept);
    }
    EXPECT_EQ(take("From: a@b.example\r\n\r\none more\r\n").reason, "too-many");
    EXPECT_EQ(kept().size(), 100U);
}

TEST_F(MailIntakeTest, keeps_room_for_what_counts) {
    MailIntakeSettings settings;
    settings.kept_bytes_max = 2000;
    MailIntake small{*store_,
                     {testing::lookup_in(zone_), [](const dns::IpAddress&) { return std::optional<dns::Name>(); }},
                     clock_,
                     log_,
                     settings};
    ArrivedMail mail;
    mail.received = clock_.now();
    mail.via = "lmtp";
    mail.recipients = {"a@b.example"};
    mail.data = "From: a@b.example\r\n\r\n" + std::string(1900, 'x') + "\r\n";
    EXPECT_EQ(small.take(mail).kind, Kind::kept);
    mail.data += "y\r\n";
    EXPECT_EQ(small.take(mail).reason, "full");
    mail.data = signed_mail(report_mail(report_json("1", "example.com", "tls@sender.example")));
    EXPECT_EQ(small.take(mail).kind, Kind::counted);
}

TEST(Submitters, are_read_from_the_shipped_list) {
    const Submitters shipped = Submitters::shipped();
    EXPECT_GE(shipped.all().size(), 8U);
    const auto name = [](const char* text) { return *dns::Name::parse(text); };
    EXPECT_TRUE(shipped.vouches(name("google.com"), name("google.com"), "noreply-smtp-tls-reporting@google.com"));
    EXPECT_FALSE(shipped.vouches(name("google.com"), name("google.com"), "somebody@google.com"));
    EXPECT_FALSE(shipped.vouches(name("google.com"), name("evil.example"), "noreply-smtp-tls-reporting@google.com"));
    EXPECT_TRUE(shipped.vouches(name("mail.ru"), name("corp.mail.ru"), "tls@corp.mail.ru"));
    EXPECT_FALSE(shipped.vouches(name("notmail.ru"), name("notmail.ru"), "tls@notmail.ru"));
    Submitters own;
    EXPECT_FALSE(own.vouches(name("a.example"), name("a.example"), "x@a.example"));
    own.approve(name("a.example"));
    EXPECT_TRUE(own.vouches(name("a.example"), name("mail.a.example"), "x@a.example"));
    for (const char* bad : {"google.com", "google.com\t\t-\tsample", "..\tgoogle.com\t-\tsample",
                            "google.com\tgoogle.com\t-\tperhaps", "google.com\tgoogle..com\t-\tsample"}) {
        EXPECT_FALSE(Submitters::parse(bad)) << bad;
    }
}

TEST(WithoutUncoveredFields, keeps_what_is_covered) {
    const std::string head =
        "Subject: a\r\n b\r\nTLS-Report-Domain: one.example\r\nReceived: x\r\n"
        "tls-report-domain: two.example\r\nFrom: f\r\n";
    const std::string body = "\r\nSubject: of the body\r\n";
    EXPECT_EQ(without_uncovered_fields(head + body, {"from"}), "Received: x\r\nFrom: f\r\n" + body);
    EXPECT_EQ(without_uncovered_fields(head + body, {"from", "tls-report-domain", "subject"}),
              "Subject: a\r\n b\r\nReceived: x\r\ntls-report-domain: two.example\r\nFrom: f\r\n" + body)
        << "the lowest of two is the one that is covered (RFC 6376 §5.4.2)";
    EXPECT_EQ(from_fields(head + body), 1U);
    EXPECT_EQ(from_fields("From: a\r\nfrom : b\r\n\r\n"), 2U);
}

}  // namespace
}  // namespace postseal::intake
