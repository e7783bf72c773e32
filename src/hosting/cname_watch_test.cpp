#include "hosting/cname_watch.h"

#include <gtest/gtest.h>

namespace postseal::hosting {
namespace {

using store::DomainState;

const TimePoint now{Seconds(1'800'000'000)};
const std::string label = "abcdefghijklmnopqrstuvwx27";

Verification looked(const std::string& problem_code = "", Purpose purpose = Purpose::policy_id) {
    Verification all;
    for (const CnameRecord& record : *records_for(*dns::Name::parse("a.test"), label, *dns::Name::parse("z.test"))) {
        SeenRecord one;
        one.record = record;
        one.seen = problem_code.empty() || record.purpose != purpose;
        one.checked = now;
        one.ever_seen = true;
        if (!one.seen) {
            one.problem = "a sentence";
            one.problem_code = problem_code;
        }
        all.push_back(one);
    }
    return all;
}

store::Domain domain_in(DomainState state) {
    store::Domain domain;
    domain.name = *dns::Name::parse("a.test");
    domain.label = label;
    domain.state = state;
    domain.verified = now - std::chrono::days(30);
    return domain;
}

TEST(CnameWatch, a_record_is_lost_only_when_that_is_certain) {
    const struct {
        const char* code;
        bool lost;
        const char* why;
    } cases[] = {
        {"not-found", true, "its owner removed it"},
        {"wrong-target", true, "it leads to somebody else"},
        {"other-record", true, "something else stands there"},
        {"chain", true, "a way through other people's zones is none (rule 1)"},
        {"bogus", true, "senders that validate see nothing"},
        {"servfail", false, "name servers that do not answer have removed nothing"},
        {"timeout", false, "the same"},
        {"resolver-stale", false, "the domain's own servers show it"},
    };
    for (const auto& one : cases) {
        const CnameNews news = judge_cnames(domain_in(DomainState::enforce), looked(one.code), {}, now);
        EXPECT_EQ(news.what == CnameNews::What::lost, one.lost) << one.code << ": " << one.why;
        EXPECT_EQ(news.lost.has_value(), one.lost) << one.code;
    }
}

TEST(CnameWatch, news_come_once_and_end) {
    store::Domain domain = domain_in(DomainState::enforce);
    EXPECT_EQ(judge_cnames(domain, looked(), {}, now).what, CnameNews::What::nothing);
    domain.cnames_lost = now - Seconds(600);
    CnameNews news = judge_cnames(domain, looked("not-found"), {}, now);
    EXPECT_EQ(news.what, CnameNews::What::nothing) << "told already";
    EXPECT_EQ(news.lost, now - Seconds(600)) << "since then";
    news = judge_cnames(domain, looked("timeout"), {}, now);
    EXPECT_EQ(news.lost, now - Seconds(600)) << "silence brings nothing back";
    news = judge_cnames(domain, looked(), {}, now);
    EXPECT_EQ(news.what, CnameNews::What::back);
    EXPECT_FALSE(news.lost);
}

TEST(CnameWatch, says_what_senders_still_do) {
    store::PolicyVersion enforced;
    enforced.mode = mtasts::Mode::enforce;
    enforced.max_age_s = 86'400;
    const Versions versions{enforced};
    const store::Domain domain = domain_in(DomainState::enforce);
    EXPECT_NE(judge_cnames(domain, looked("not-found"), versions, now).text.find("go on enforcing"), std::string::npos);
    EXPECT_NE(judge_cnames(domain, looked("not-found", Purpose::policy_host), versions, now).text.find("fetch it anew"),
              std::string::npos);
    EXPECT_NE(judge_cnames(domain, looked("not-found", Purpose::reports), versions, now).text.find("reports"),
              std::string::npos);
}

// STS-067 (RFC 8461 §8.3): the tombstone has to be found.
TEST(CnameWatch, earlier_removal_names_the_day) {
    store::Domain domain = domain_in(DomainState::retiring);
    domain.cnames_until = now + std::chrono::days(3);
    const CnameNews news = judge_cnames(domain, looked("not-found"), {}, now);
    EXPECT_EQ(news.what, CnameNews::What::lost);
    EXPECT_NE(news.text.find("have to stay until 2027-01-18"), std::string::npos) << news.text;
}

TEST(CnameWatch, what_was_never_there_is_not_lost) {
    Verification seen = looked("not-found", Purpose::reports);
    seen[2].ever_seen = false;
    store::Domain domain = domain_in(DomainState::enforce);
    EXPECT_EQ(judge_cnames(domain, seen, {}, now).what, CnameNews::What::nothing) << "reports that nobody wants";
    domain.cnames_lost = now;
    EXPECT_EQ(judge_cnames(domain, seen, {}, now).what, CnameNews::What::back) << "the others are there";
    EXPECT_EQ(judge_cnames(domain_in(DomainState::pending), looked("not-found"), {}, now).what,
              CnameNews::What::nothing);
    EXPECT_EQ(judge_cnames(domain_in(DomainState::gone), looked("not-found"), {}, now).what, CnameNews::What::nothing);
    store::Domain never = domain_in(DomainState::verified);
    never.verified.reset();
    EXPECT_EQ(judge_cnames(never, looked("not-found"), {}, now).what, CnameNews::What::nothing);
}

}  // namespace
}  // namespace postseal::hosting
