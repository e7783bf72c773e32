#include "hosting/verifier.h"

#include <gtest/gtest.h>

#include "net/testing.h"

namespace postseal::hosting {
namespace {

using net::testing::name;
using net::testing::TinyDns;

const std::string label = "abcdefghijklmnopqrstuvwx27";

std::unique_ptr<net::Resolver> resolver(net::Loop& loop, const TinyDns& dns) {
    return *net::make_unbound_resolver(loop, dns.resolver_settings());
}

// Asks `own` as the domain's own servers and `other` as what [resolver] sees.
Verification look(const TinyDns& own, const TinyDns& other) {
    net::Loop loop;
    const auto first = resolver(loop, own);
    const auto second = resolver(loop, other);
    Verification result;
    look_at_cnames(loop, *first, *second, *records_for(name("a.test"), label, name("z.test")), [&](Verification seen) {
        result = std::move(seen);
        loop.stop();
    });
    net::testing::run_for(loop);
    return result;
}

// What was seen survives the store.
void expect_kept(Verification seen) {
    for (SeenRecord& record : seen) {
        record.checked = TimePoint(Seconds(1'790'000'000));
        record.ever_seen = record.seen;
    }
    EXPECT_EQ(verification_from_json(*records_for(name("a.test"), label, name("z.test")), verification_to_json(seen)),
              seen);
}

TEST(Verifier, sees_the_three_records) {
    TinyDns dns({name("test")});
    for (const CnameRecord& record : *records_for(name("a.test"), label, name("z.test"))) {
        dns.add(record.name.text(), dns::Type::cname, dns::CnameData{record.target});
    }
    const Verification seen = look(dns, dns);
    ASSERT_EQ(seen.size(), 3U);
    EXPECT_TRUE(all_seen(seen));
    expect_kept(seen);
}

TEST(Verifier, says_in_words_what_is_wrong) {
    TinyDns dns({name("test")});
    dns.add("_mta-sts.a.test", dns::Type::txt, net::testing::txt("v=STSv1; id=old;"));
    dns.add("mta-sts.a.test", dns::Type::cname, net::testing::cname("mta-sts.bbbbbbbbbbbbbbbbbbbbbbbbbb.z.test"));
    const Verification seen = look(dns, dns);
    EXPECT_FALSE(seen[0].seen);
    EXPECT_EQ(seen[0].problem, "there is a TXT record at this name: remove it first, then add the CNAME");
    EXPECT_EQ(seen[0].problem_code, "other-record");
    EXPECT_EQ(seen[0].observed, std::vector<std::string>{"TXT \"v=STSv1; id=old;\""});
    EXPECT_GT(seen[0].ttl_s, 0U);
    EXPECT_FALSE(seen[1].seen) << "another label, of whomever";
    EXPECT_EQ(seen[1].problem_code, "wrong-target");
    EXPECT_EQ(seen[1].observed, std::vector<std::string>{"CNAME mta-sts.bbbbbbbbbbbbbbbbbbbbbbbbbb.z.test."});
    EXPECT_NE(seen[1].problem->find("instead of mta-sts." + label), std::string::npos);
    EXPECT_FALSE(seen[2].seen);
    EXPECT_EQ(seen[2].problem, "there is no record at this name yet");
    EXPECT_EQ(seen[2].problem_code, "not-found");
    EXPECT_TRUE(seen[2].observed.empty());
    expect_kept(seen);
    EXPECT_FALSE(needed_names_seen(seen));
}

TEST(Verifier, a_chain_is_a_problem) {
    TinyDns dns({name("test")});
    dns.add("mta-sts.a.test", dns::Type::cname, net::testing::cname("hop.test"));
    dns.add("hop.test", dns::Type::cname, net::testing::cname("mta-sts." + label + ".z.test"));
    const Verification seen = look(dns, dns);
    EXPECT_FALSE(seen[1].seen);
    EXPECT_NE(seen[1].problem->find("goes through hop.test"), std::string::npos) << *seen[1].problem;
    EXPECT_EQ(seen[1].problem_code, "chain");
}

TEST(Verifier, one_way_of_asking_is_not_enough) {
    TinyDns own({name("test")});
    TinyDns other({name("test")});
    for (const CnameRecord& record : *records_for(name("a.test"), label, name("z.test"))) {
        own.add(record.name.text(), dns::Type::cname, dns::CnameData{record.target});
    }
    const Verification seen = look(own, other);
    EXPECT_FALSE(seen[0].seen) << "the resolver does not show it";
    EXPECT_NE(seen[0].problem->find("our resolver says"), std::string::npos);
    EXPECT_EQ(seen[0].problem_code, "resolver-stale");
    EXPECT_FALSE(look(other, own)[0].seen) << "a resolver that is lied to does not verify a domain";
}

// Wildcard DNS at the customer: every name has some record; none is our label.
TEST(Verifier, a_wildcard_verifies_nothing) {
    TinyDns dns({name("test")});
    for (const char* prefix : {"_mta-sts", "mta-sts", "_smtp._tls"}) {
        dns.add(std::string(prefix) + ".a.test", dns::Type::cname, net::testing::cname("parking.test"));
    }
    dns.add("parking.test", dns::Type::a, net::testing::address("192.0.2.1"));
    const Verification seen = look(dns, dns);
    for (const SeenRecord& record : seen) {
        EXPECT_FALSE(record.seen);
        EXPECT_EQ(record.problem_code, "wrong-target");
    }
}

// A wildcard CNAME to a name behind our label is the label at the wrong name: each name has a target of its own.
TEST(Verifier, the_target_of_another_purpose_is_wrong) {
    TinyDns dns({name("test")});
    for (const char* prefix : {"_mta-sts", "mta-sts", "_smtp._tls"}) {
        dns.add(std::string(prefix) + ".a.test", dns::Type::cname, net::testing::cname("mta-sts." + label + ".z.test"));
    }
    const Verification seen = look(dns, dns);
    EXPECT_FALSE(seen[0].seen);
    EXPECT_TRUE(seen[1].seen);
    EXPECT_FALSE(seen[2].seen);
    EXPECT_FALSE(needed_names_seen(seen));
}

TEST(Verifier, needs_what_the_domain_uses) {
    Verification all;
    for (const CnameRecord& record : *records_for(name("a.test"), label, name("z.test"))) {
        all.push_back({record, true, std::nullopt, "", {}, std::nullopt, std::nullopt, true});
    }
    EXPECT_TRUE(needed_names_seen(all));
    all[2].seen = false;
    EXPECT_TRUE(needed_names_seen(all)) << "a policy needs no reports";
    const Verification reports{all[2]};
    EXPECT_FALSE(needed_names_seen(reports)) << "where they are all";
    EXPECT_FALSE(needed_names_seen({})) << "nothing seen is nothing proved";
    EXPECT_FALSE(checked(all));
    all[0].checked = all[1].checked = TimePoint(Seconds(20));
    all[2].checked = TimePoint(Seconds(10));
    EXPECT_EQ(checked(all), TimePoint(Seconds(10)));
}

TEST(Verifier, what_cannot_be_found_out_is_not_seen) {
    TinyDns dns({name("test")});
    dns.break_name("mta-sts.a.test", dns::Rcode::servfail);
    const Verification seen = look(dns, dns);
    EXPECT_FALSE(seen[1].seen);
    EXPECT_NE(seen[1].problem->find("no answer from the name servers"), std::string::npos) << *seen[1].problem;
    EXPECT_EQ(seen[1].problem_code, "servfail");
}

TEST(Verifier, stored_words_name_no_records) {
    const auto expected = *records_for(name("a.test"), label, name("z.test"));
    for (const char* text : {"", "null", "[]", "{", R"({"policy-id":7})", R"({"policy-id":{"seen":"yes"}})"}) {
        const Verification read = verification_from_json(expected, text);
        ASSERT_EQ(read.size(), 3U) << text;
        EXPECT_FALSE(read[0].seen) << text;
        EXPECT_TRUE(read[0].problem) << text;
    }
}

}  // namespace
}  // namespace postseal::hosting
