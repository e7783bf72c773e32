#include "dns/tsig.h"

#include <gtest/gtest.h>

#include "dns/message.h"
#include "dns/record.h"

namespace postseal::dns {
namespace {

const TimePoint now{Seconds(1'800'000'000)};

Name name(std::string_view text) {
    return Name::parse(text).value();
}

std::vector<TsigKey> keys() {
    return {{name("lab.key"), TsigAlgorithm::hmac_sha256, Bytes(32, 7)},
            {name("other"), TsigAlgorithm::hmac_sha512, Bytes(64, 9)}};
}

Bytes query() {
    return make_query(4711, name("z.example"), Type::soa);
}

TEST(Tsig, WhatWeSignWeAccept) {  // RFC 8945 §4.3, §5.2
    for (const auto& key : keys()) {
        Bytes message = query();
        const Bytes mac = sign_tsig(message, key, {}, now);
        const auto all = keys();
        const auto check = check_tsig(message, all, now + Seconds(299));
        ASSERT_TRUE(check);
        EXPECT_EQ(check->fault, TsigFault::none);
        EXPECT_EQ(check->key->name, key.name);
        EXPECT_EQ(check->mac, mac);
        EXPECT_EQ(check->stripped, query());
    }
    EXPECT_FALSE(check_tsig(query(), keys(), now)) << "no TSIG";
}

TEST(Tsig, AnAnswerIsBoundToItsRequest) {  // RFC 8945 §5.3
    const auto all = keys();
    Bytes request = query();
    const Bytes request_mac = sign_tsig(request, all[0], {}, now);
    Bytes answer = query();
    answer[2] |= 0x80U;
    sign_tsig(answer, all[0], request_mac, now);
    EXPECT_EQ(check_tsig_answer(answer, all, now, request_mac)->fault, TsigFault::none);
    EXPECT_EQ(check_tsig_answer(answer, all, now, Bytes(32, 1))->fault, TsigFault::badsig) << "another request";
}

TEST(Tsig, WhatIsRefused) {
    const auto all = keys();
    Bytes good = query();
    sign_tsig(good, all[0], {}, now);
    struct Case {
        TsigFault fault;
        std::string why;
        std::function<Bytes()> made;
        Seconds later{0};
    };
    const Case cases[] = {
        {TsigFault::badtime, "RFC 8945 §5.2.3: later than fudge", [&] { return good; }, Seconds(301)},
        {TsigFault::badtime, "and sooner", [&] { return good; }, Seconds(-301)},
        {TsigFault::badsig, "RFC 8945 §5.2.2: one bit of the question",
         [&] {
             Bytes changed = good;
             changed[header_bytes + 1] ^= 1U;
             return changed;
         }},
        {TsigFault::badsig, "RFC 8945 §5.2.2.1: a MAC cut short",
         [&] {
             Bytes cut = query();
             TsigKey other = all[0];
             other.secret = Bytes(32, 8);
             sign_tsig(cut, other, {}, now);
             return cut;
         }},
        {TsigFault::badkey, "RFC 8945 §5.2.1: a key that we have not",
         [&] {
             Bytes unknown = query();
             sign_tsig(unknown, {name("nobody"), TsigAlgorithm::hmac_sha256, Bytes(32, 7)}, {}, now);
             return unknown;
         }},
        {TsigFault::badkey, "a key of ours with another algorithm",
         [&] {
             Bytes unknown = query();
             sign_tsig(unknown, {name("lab.key"), TsigAlgorithm::hmac_sha512, Bytes(32, 7)}, {}, now);
             return unknown;
         }},
        {TsigFault::formerr, "RFC 8945 §4.2: octets behind the TSIG's data",
         [&] {
             Bytes longer = good;
             longer.push_back(0);
             return longer;
         }},
    };
    for (const auto& c : cases) {
        const auto check = check_tsig(c.made(), all, now + c.later);
        ASSERT_TRUE(check) << c.why;
        EXPECT_EQ(check->fault, c.fault) << c.why;
    }
}

TEST(Tsig, EveryShorterMessageIsRefusedOrHasNone) {
    const auto all = keys();
    Bytes good = query();
    sign_tsig(good, all[0], {}, now);
    for (std::size_t size = 0; size < good.size(); ++size) {
        const auto check = check_tsig(ByteView(good).first(size), all, now);
        EXPECT_TRUE(!check || check->fault != TsigFault::none) << size;
    }
}

TEST(Tsig, TheRefusalSaysWhy) {  // RFC 8945 §5.2
    const auto all = keys();
    Bytes late = query();
    const Bytes mac = sign_tsig(late, all[0], {}, now);
    const auto check = check_tsig(late, all, now + Seconds(1000));
    const Bytes refusal = tsig_refusal(late, *check, now + Seconds(1000));
    const Header header = read_header(refusal).value();
    EXPECT_EQ(header.rcode, static_cast<std::uint8_t>(Rcode::notauth));
    EXPECT_EQ(header.additional_count, 1);
    EXPECT_EQ(check_tsig_answer(refusal, all, now, mac)->fault, TsigFault::none)
        << "BADTIME is signed, with their time";

    Bytes wrong = query();
    sign_tsig(wrong, {name("nobody"), TsigAlgorithm::hmac_sha256, Bytes(32, 7)}, {}, now);
    const auto unsigned_refusal = tsig_refusal(wrong, *check_tsig(wrong, all, now), now);
    EXPECT_EQ(read_header(unsigned_refusal).value().rcode, static_cast<std::uint8_t>(Rcode::notauth));
    EXPECT_TRUE(read_response(unsigned_refusal));
}

}  // namespace
}  // namespace postseal::dns
