// Freshness of remembered answers (design rule 10) and the map that holds them.
#include "sender/answers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace postseal::sender {
namespace {

const TimePoint now{Seconds(1'790'000'000)};

Answer an_answer(verdict::Level level, verdict::Source source, Seconds valid_for) {
    Answer answer;
    answer.decision.level = level;
    answer.decision.source = source;
    answer.decision.valid_until = now + valid_for;
    return answer;
}

TEST(Freshness, PositiveIsGivenOnceMoreNegativeIsNot) {
    using verdict::Level;
    using verdict::Source;
    struct Case {
        Answer answer;
        Freshness expected;
        std::string_view reason;
    };
    const Case cases[] = {
        {an_answer(Level::secure, Source::sts, Seconds(1)), Freshness::fresh, "within its time"},
        {an_answer(Level::secure, Source::sts, Seconds(0)), Freshness::stale, "past its time, still enforced"},
        {an_answer(Level::secure, Source::sts, Seconds(-86'400)), Freshness::stale, "max_age decides, nothing else"},
        {an_answer(Level::none, Source::by_default, Seconds(1)), Freshness::fresh, "negative within its time"},
        {an_answer(Level::none, Source::by_default, Seconds(0)), Freshness::unusable, "negative past its time: a miss"},
        {an_answer(Level::temp, Source::by_default, Seconds(0)), Freshness::unusable, "TEMP past its time: a miss"},
        {an_answer(Level::dane_only, Source::dane, Seconds(-3599)), Freshness::stale, "DANE, less than an hour over"},
        {an_answer(Level::dane_only, Source::dane, Seconds(-3600)), Freshness::unusable, "DANE, an hour over"},
    };
    for (const Case& c : cases) {
        EXPECT_EQ(freshness(c.answer, now), c.expected) << c.reason;
    }
}

TEST(Freshness, PolicyThatHasRunOutIsNeverGiven) {  // STS-036, RFC 8461 §3.2
    Answer answer = an_answer(verdict::Level::secure, verdict::Source::sts, Seconds(100));
    answer.decision.policy_expires = now;
    EXPECT_EQ(freshness(answer, now), Freshness::unusable);
    answer.decision.policy_expires = now + Seconds(1);
    EXPECT_EQ(freshness(answer, now), Freshness::fresh);
}

TEST(Answers, HoldsOneAnswerPerKey) {
    Answers answers;
    const auto answer = make_answer({}, now, {});
    EXPECT_EQ(answer->plain, "9:NOTFOUND ,");
    EXPECT_EQ(answer->line, "level=none\n");
    answers.put("example.com", answer);
    answers.put("example.com", answer);
    answers.put("example.net", answer);
    EXPECT_EQ(answers.size(), 2U);
    ASSERT_TRUE(answers.find("example.com"));
    EXPECT_EQ(answers.find("example.com")->plain, answer->plain);
    EXPECT_EQ(answers.find("example.org"), nullptr);
    EXPECT_TRUE(answers.erase("example.com"));
    EXPECT_FALSE(answers.erase("example.com"));
    EXPECT_EQ(answers.size(), 1U);
    answers.clear();
    EXPECT_EQ(answers.size(), 0U);
}

// A decision as an enforced policy gives it.
verdict::Decision enforced(const std::string& domain) {
    verdict::Decision decision;
    decision.level = verdict::Level::secure;
    decision.source = verdict::Source::sts;
    decision.mode = mtasts::Mode::enforce;
    decision.match = {"mx." + domain, ".backup." + domain};
    decision.reasons = {"MTA-STS is enforced", "and so on"};
    decision.valid_until = now + Seconds(60);
    decision.policy_expires = now + Seconds(86'400);
    decision.sts = verdict::Decision::StsAttributes{
        dns::Name::parse(domain).value(), {"mx." + domain, "*.backup." + domain}, {"version: STSv1", "mode: enforce"}};
    return decision;
}

TEST(Answers, PacksAndUnpacks) {
    verdict::Decision temp;
    temp.level = verdict::Level::temp;
    temp.reasons = {"DNS is down"};
    verdict::Decision by_override;
    by_override.level = verdict::Level::secure;
    by_override.source = verdict::Source::by_override;
    verdict::Decision dane;
    dane.level = verdict::Level::dane_only;
    dane.source = verdict::Source::dane;
    dane.valid_until = now + Seconds(1);
    Answers answers;
    for (const verdict::Decision& decision : {verdict::Decision{}, temp, by_override, dane, enforced("a.example")}) {
        const auto put = make_answer(decision, now, {});
        answers.put("a.example", put);
        const auto got = answers.find("a.example");
        ASSERT_TRUE(got);
        EXPECT_EQ(got->plain, put->plain);
        EXPECT_EQ(got->with_tlsrpt, put->with_tlsrpt);
        EXPECT_EQ(got->line, put->line);
        EXPECT_EQ(got->decided, put->decided);
        verdict::Decision expected = decision;
        if (expected.sts) {
            expected.sts->policy_strings.clear();  // they are in the reply alone
        }
        EXPECT_EQ(got->decision, expected);
    }
    EXPECT_EQ(answers.size(), 1U);
}

TEST(Answers, RepliesWithoutUnpacking) {
    Answers answers;
    const auto put = make_answer(enforced("a.example"), now, {});
    answers.put("a.example", put);
    std::string out = "x";
    for (const Form form : {Form::plain, Form::with_tlsrpt, Form::line}) {
        EXPECT_EQ(answers.reply("a.example", form, now, out).freshness, Freshness::fresh);
        out += '|';
    }
    EXPECT_EQ(out, "x" + put->plain + "|" + put->with_tlsrpt + "|" + put->line + "|");
    out.clear();
    EXPECT_EQ(answers.reply("b.example", Form::plain, now, out).freshness, Freshness::unusable);
    EXPECT_EQ(answers.reply("a.example", Form::plain, now + Seconds(86'400), out).freshness, Freshness::unusable);
    EXPECT_TRUE(out.empty());
}

TEST(Answers, OfTheFutureAreNotFresh) {  // the clock has been set back by a day
    verdict::Decision negative;
    negative.valid_until = now + Seconds(3600);
    Answers answers;
    answers.put("none.example", make_answer(negative, now, {}));
    answers.put("a.example", make_answer(enforced("a.example"), now, {}));
    std::string out;
    const TimePoint yesterday = now - Seconds(86'400);
    EXPECT_EQ(answers.reply("none.example", Form::plain, now - Seconds(60), out).freshness, Freshness::fresh);
    EXPECT_EQ(answers.reply("none.example", Form::plain, yesterday, out).freshness, Freshness::unusable);
    const Answers::Hit enforced_hit = answers.reply("a.example", Form::plain, yesterday, out);
    EXPECT_EQ(enforced_hit.freshness, Freshness::stale) << "enforcement holds";
    EXPECT_TRUE(enforced_hit.refresh);
}

TEST(Answers, AStaleAnswerAsksOnceAMinuteToBeLookedUp) {
    Answers answers;
    answers.put("a.example", make_answer(enforced("a.example"), now, {}));
    std::string out;
    EXPECT_FALSE(answers.reply("a.example", Form::plain, now, out).refresh);
    EXPECT_TRUE(answers.reply("a.example", Form::plain, now + Seconds(60), out).refresh);
    EXPECT_FALSE(answers.reply("a.example", Form::plain, now + Seconds(119), out).refresh) << "it is under way";
    EXPECT_TRUE(answers.reply("a.example", Form::plain, now + Seconds(120), out).refresh) << "or was lost";
}

TEST(Answers, MemoryIsBoundedAndEnforcedPoliciesGoLast) {
    Answers answers;
    constexpr std::size_t limit = 4'000'000;
    answers.limit(limit);
    for (int i = 0; i < 100; ++i) {
        const std::string domain = "enforced" + std::to_string(i) + ".example";
        answers.put(domain, make_answer(enforced(domain), now, {}));
    }
    verdict::Decision negative;
    negative.valid_until = now + Seconds(3600);
    negative.reasons = {"neither MTA-STS nor DANE"};
    std::string out;
    for (int i = 0; i < 60'000; ++i) {
        answers.put("d" + std::to_string(i) + ".example", make_answer(negative, now, {}));
        // In use all the time.
        EXPECT_EQ(answers.reply("d7.example", Form::plain, now, out).freshness,
                  i < 7 ? Freshness::unusable : Freshness::fresh);
        out.clear();
        ASSERT_LE(answers.bytes(), limit + limit / 8);
    }
    EXPECT_GT(answers.size(), 10'000U);
    EXPECT_GT(answers.evicted(), 10'000U);
    EXPECT_EQ(answers.evicted() + answers.size(), 60'100U);
    for (int i = 0; i < 100; ++i) {
        EXPECT_TRUE(answers.find("enforced" + std::to_string(i) + ".example")) << i;
    }
    int old = 0;  // that nobody has asked for since; which of them go first is by chance
    for (int i = 8; i < 1008; ++i) {
        old += answers.find("d" + std::to_string(i) + ".example") ? 1 : 0;
    }
    EXPECT_LT(old, 200);

    for (std::size_t i = 0; i < Answers::parts; ++i) {
        answers.sweep(now + Seconds(3600));
    }
    EXPECT_EQ(answers.size(), 100U) << "negative answers past their time are over";
    for (std::size_t i = 0; i < Answers::parts; ++i) {
        answers.sweep(now + Seconds(86'400));
    }
    EXPECT_EQ(answers.size(), 0U) << "and so are policies past their max_age";
}

TEST(Answers, EvenEnforcedOnesAreBounded) {  // the policies themselves are in the store
    Answers answers;
    constexpr std::size_t limit = 1'000'000;
    answers.limit(limit);
    for (int i = 0; i < 10'000; ++i) {
        const std::string domain = "enforced" + std::to_string(i) + ".example";
        answers.put(domain, make_answer(enforced(domain), now, {}));
        ASSERT_LE(answers.bytes(), limit + limit / 8);
    }
    EXPECT_GT(answers.size(), 1000U);
    EXPECT_EQ(answers.evicted() + answers.size(), 10'000U);
}

TEST(Answers, PagesOfWhatAsksForTls) {
    Answers answers;
    verdict::Decision none;
    none.valid_until = now + Seconds(60);
    std::vector<std::string> expected;
    for (int i = 0; i < 100; ++i) {
        const std::string domain = "d" + std::to_string(i) + ".example";
        answers.put(domain, make_answer(enforced(domain), now, {}));
        answers.put("none." + domain, make_answer(none, now, {}));
        expected.push_back(domain);
    }
    std::ranges::sort(expected);
    std::vector<std::string> seen;
    while (true) {
        const auto page = answers.page(seen.empty() ? "" : seen.back(), 30, now);
        for (const auto& [key, answer] : page) {
            EXPECT_EQ(answer->decision.level, verdict::Level::secure);
            seen.push_back(key);
        }
        if (page.size() < 30) {
            break;
        }
    }
    EXPECT_EQ(seen, expected);
    EXPECT_TRUE(answers.page("", 30, now + Seconds(86'400)).empty()) << "max_age has run out";
}

}  // namespace
}  // namespace postseal::sender
