// Freshness of remembered answers (design rule 10) and the map that holds them.
#include "sender/answers.h"

#include <gtest/gtest.h>

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
    EXPECT_EQ(answers.find("example.com"), answer);
    EXPECT_EQ(answers.find("example.org"), nullptr);
    EXPECT_TRUE(answers.erase("example.com"));
    EXPECT_FALSE(answers.erase("example.com"));
    EXPECT_EQ(answers.all().size(), 1U);
    answers.clear();
    EXPECT_EQ(answers.size(), 0U);
}

}  // namespace
}  // namespace postseal::sender
