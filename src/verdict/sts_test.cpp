// Which policy holds: fetched, cached, none (design rule 9; RFC 8461 §3.1, §3.3, §5.1).
#include "verdict/sts.h"

#include <gtest/gtest.h>

#include "verdict/evidence_for_test.h"

namespace postseal::verdict {
namespace {

using mtasts::Mode;
using mtasts::TxtState;
using test::cached;
using test::domain;
using test::policy_body;
using test::publish;
using test::test_now;
using tlsrpt::ResultType;
using Outcome = PolicyFetch::Outcome;
using From = PolicyInForce::From;

Evidence published(std::string_view body) {
    Evidence evidence = domain(false, {{"mx.example.com", 10, test::HostIs::insecure}});
    publish(evidence, body);
    return evidence;
}

// STS-013, STS-018
TEST(TxtOutcome, CertainAndUncertain) {
    const auto state = [](const Lookup<std::string>& lookup) { return txt_outcome(lookup).state; };
    const auto records = [](std::vector<std::string> texts) {
        return test::answer<std::string>(std::move(texts), false);
    };
    EXPECT_EQ(state(records({"v=STSv1; id=a1;"})), TxtState::usable);
    EXPECT_EQ(txt_outcome(records({"v=spf1 -all", "v=STSv1; id=a1;"})).id, "a1") << "STS-012: other TXT records";
    EXPECT_EQ(state(records({"v=STSv1; id=a;", "v=STSv1; id=b;"})), TxtState::invalid) << "two records";
    EXPECT_EQ(state(records({"v=STSv1; id=;"})), TxtState::invalid);
    EXPECT_EQ(state(records({"v=spf1 -all"})), TxtState::absent);
    EXPECT_EQ(state(records({})), TxtState::absent);
    EXPECT_EQ(state(test::no_answer<std::string>(Answer::nodata)), TxtState::absent);
    EXPECT_EQ(state(test::no_answer<std::string>(Answer::nxdomain)), TxtState::absent);
    EXPECT_EQ(state(test::no_answer<std::string>(Answer::failed)), TxtState::lookup_failed);
    EXPECT_EQ(state(test::no_answer<std::string>(Answer::bogus)), TxtState::lookup_failed);
    EXPECT_EQ(state({}), TxtState::lookup_failed) << "not asked";
}

// RFC 8461 §3.3; STS-058
// HTTPS-002: the media type is compared without regard to case, its parameters mean nothing, without one there is none.
TEST(JudgeFetch, WhatCountsAsAPolicy) {
    const auto judge = [](auto change) {
        PolicyFetch fetch = published(policy_body("enforce", {"mx.example.com"})).fetch;
        change(fetch);
        return judge_fetch(fetch);
    };
    const auto good = judge([](PolicyFetch&) {});
    ASSERT_TRUE(good.policy);
    EXPECT_FALSE(good.failure);
    for (const char* type : {"text/plain", "TEXT/Plain", "text/plain;charset=us-ascii", "text/plain ; x=y"}) {
        EXPECT_TRUE(judge([type](PolicyFetch& fetch) { fetch.content_type = type; }).policy) << type;
    }
    for (const char* type : {"", "text/html", "text/plainx", "application/octet-stream", "x/y; text/plain"}) {
        const auto judged = judge([type](PolicyFetch& fetch) { fetch.content_type = type; });
        EXPECT_FALSE(judged.policy) << type;
        EXPECT_EQ(judged.failure, ResultType::sts_policy_fetch_error) << type;
    }
    for (const int status : {0, 100, 204, 206, 301, 302, 304, 307, 308, 404, 429, 500}) {
        const auto judged = judge([status](PolicyFetch& fetch) { fetch.status = status; });
        EXPECT_FALSE(judged.policy) << status << ": a body that looks like a policy does not help";
        EXPECT_EQ(judged.failure, ResultType::sts_policy_fetch_error) << status;
    }
    const auto invalid = judge([](PolicyFetch& fetch) { fetch.body = {'x'}; });
    EXPECT_EQ(invalid.failure, ResultType::sts_policy_invalid);
    EXPECT_TRUE(invalid.reason.starts_with("the policy is invalid: ")) << invalid.reason;
    EXPECT_FALSE(invalid.problems.empty());
    const struct {
        Outcome outcome = Outcome::not_attempted;
        std::optional<ResultType> failure;
    } cases[] = {
        {Outcome::not_attempted, {}},
        {Outcome::held_back, {}},
        {Outcome::running, {}},
        {Outcome::dns_failed, ResultType::sts_policy_fetch_error},
        {Outcome::no_address, ResultType::sts_policy_fetch_error},
        {Outcome::refused_address, ResultType::sts_policy_fetch_error},
        {Outcome::connect_failed, ResultType::sts_policy_fetch_error},
        {Outcome::timed_out, ResultType::sts_policy_fetch_error},
        {Outcome::tls_failed, ResultType::sts_policy_fetch_error},
        {Outcome::certificate_error, ResultType::sts_webpki_invalid},
        {Outcome::protocol_error, ResultType::sts_policy_fetch_error},
        {Outcome::too_large, ResultType::sts_policy_fetch_error},
    };
    for (const auto& c : cases) {
        const auto judged = judge([&c](PolicyFetch& fetch) { fetch.outcome = c.outcome; });
        EXPECT_FALSE(judged.policy);
        EXPECT_EQ(judged.failure, c.failure);
        EXPECT_EQ(judged.reason.empty(), c.outcome == Outcome::not_attempted);
    }
}

TEST(PolicyInForce, FetchedReplacesCached) {
    Evidence evidence = published(policy_body("testing", {"mx.example.com"}));
    PolicyInForce got = policy_in_force(evidence, test_now);
    ASSERT_TRUE(got.policy);
    EXPECT_EQ(got.from, From::fetch);
    EXPECT_EQ(got.policy->id, "20260921");
    EXPECT_EQ(got.policy->fetched, test_now);
    EXPECT_EQ(got.policy->id_ttl_s, 3600U);

    evidence.cached = cached(policy_body("enforce", {"mx.example.com"}));
    got = policy_in_force(evidence, test_now);
    EXPECT_EQ(got.policy->policy.mode, Mode::testing) << "STS-072: a live policy replaces a cached one";
    EXPECT_FALSE(got.enforced());
}

TEST(PolicyInForce, NoRecordNoPolicy) {
    for (const Answer how : {Answer::nodata, Answer::nxdomain, Answer::failed, Answer::bogus, Answer::not_asked}) {
        Evidence evidence = published(policy_body("enforce", {"mx.example.com"}));
        evidence.sts_txt = test::no_answer<std::string>(how);
        PolicyInForce got = policy_in_force(evidence, test_now);
        EXPECT_FALSE(got.policy) << "RFC 8461 §3.1: a policy that no record announces (a checker fetches it anyway)";
        EXPECT_EQ(got.from, From::nowhere);
        EXPECT_FALSE(got.failure);
        EXPECT_FALSE(got.reasons.empty());
        evidence.cached = cached(policy_body("enforce", {"other.example.com"}));
        got = policy_in_force(evidence, test_now);
        EXPECT_EQ(got.from, From::fetch) << "STS-070: a cached policy is refreshed whatever TXT says";
        EXPECT_EQ(got.policy->id, "20260901") << "under the id that was known";
    }
}

// The attacks of design rule 9. STS-018, STS-020
TEST(PolicyInForce, ACachedPolicyHoldsAgainst) {
    const struct {
        void (*change)(Evidence&) = nullptr;
        std::optional<ResultType> failure;
        const char* reason = "";
    } cases[] = {
        {[](Evidence& e) { e.sts_txt = test::no_answer<std::string>(Answer::nxdomain); },
         ResultType::sts_policy_fetch_error, "a vanished record"},
        {[](Evidence& e) { e.sts_txt = test::no_answer<std::string>(Answer::failed); },
         ResultType::sts_policy_fetch_error, "SERVFAIL"},
        {[](Evidence& e) { e.sts_txt = test::no_answer<std::string>(Answer::bogus); },
         ResultType::sts_policy_fetch_error, "bogus DNSSEC"},
        {[](Evidence& e) { e.sts_txt.records.emplace_back("v=STSv1; id=other;"); }, ResultType::sts_policy_fetch_error,
         "a second record"},
        {[](Evidence& e) { e.sts_txt.records = {"v=STSv1;"}; }, ResultType::sts_policy_fetch_error, "a broken record"},
        {[](Evidence& e) { e.fetch.outcome = Outcome::timed_out; }, ResultType::sts_policy_fetch_error,
         "a new id whose fetch fails: the forged record and blocked HTTPS"},
        {[](Evidence& e) { e.fetch.outcome = Outcome::certificate_error; }, ResultType::sts_webpki_invalid,
         "a policy host with a wrong certificate"},
        {[](Evidence& e) { e.fetch.status = 404; }, ResultType::sts_policy_fetch_error, "404"},
        {[](Evidence& e) { e.fetch.body = {'x'}; }, ResultType::sts_policy_invalid, "a body that does not parse"},
        {[](Evidence& e) { e.fetch.outcome = Outcome::held_back; }, {}, "the back-off"},
        {[](Evidence& e) { e.fetch.outcome = Outcome::not_attempted; }, {}, "the same id: nothing to fetch"},
        {[](Evidence& e) { e.sts_txt = {}; }, {}, "nothing asked yet"},
    };
    for (const auto& c : cases) {
        Evidence evidence = published(policy_body("none", {}));
        evidence.cached = cached(policy_body("enforce", {"mx.example.com"}));
        // Only the last step of discovery is broken; where the record is, nothing is fetched.
        if (evidence.fetch.outcome == Outcome::response) {
            c.change(evidence);
        }
        if (txt_outcome(evidence.sts_txt).state != TxtState::usable) {
            evidence.fetch = {};
        }
        const PolicyInForce got = policy_in_force(evidence, test_now);
        EXPECT_TRUE(got.enforced()) << c.reason;
        EXPECT_EQ(got.from, From::cache) << c.reason;
        EXPECT_EQ(got.failure, c.failure) << c.reason;

        evidence.cached->fetched = test_now - Seconds{604'800};
        EXPECT_FALSE(policy_in_force(evidence, test_now).policy) << "until it runs out: " << c.reason;
    }
}

// STS-058, STS-071: nothing is reported about a policy that says none.
TEST(PolicyInForce, NoFailureOverACachedNone) {
    Evidence evidence = published("x");
    evidence.cached = cached(policy_body("none", {}));
    EXPECT_FALSE(policy_in_force(evidence, test_now).failure);
    evidence.fetch = {};
    evidence.sts_txt = test::no_answer<std::string>(Answer::nxdomain);
    EXPECT_FALSE(policy_in_force(evidence, test_now).failure);
    evidence.cached.reset();
    EXPECT_FALSE(policy_in_force(evidence, test_now).failure) << "no record, no cache: the domain just has no MTA-STS";
}

// STS-024: RFC 8461 §3.2
TEST(PolicyInForce, MaxAgeZeroHoldsForThisDelivery) {
    Evidence evidence = published("version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 0\n");
    const PolicyInForce got = policy_in_force(evidence, test_now);
    ASSERT_TRUE(got.enforced());
    EXPECT_EQ(got.policy->expires(), test_now);
    evidence.cached = got.policy;
    evidence.fetch = {};
    EXPECT_FALSE(policy_in_force(evidence, test_now + Seconds{1}).policy) << "from the cache it has expired at once";
}

// STS-036
TEST(PolicyInForce, LifetimeRunsFromTheFetch) {
    Evidence evidence = published(policy_body("enforce", {"mx.example.com"}));
    evidence.cached = cached(policy_body("enforce", {"mx.example.com"}), test_now - Seconds{604'800 - 1});
    evidence.fetch = {};
    EXPECT_TRUE(policy_in_force(evidence, test_now).policy);
    EXPECT_FALSE(policy_in_force(evidence, test_now + Seconds{1}).policy)
        << "seeing the record again does not prolong it";
}

}  // namespace
}  // namespace postseal::verdict
