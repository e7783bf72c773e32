#include "base/bytes.h"

#include <gtest/gtest.h>

#include <set>

namespace postseal {
namespace {

Bytes bytes(std::string_view text) {
    const ByteView view = as_bytes(text);
    return {view.begin(), view.end()};
}

TEST(Bytes, Hex) {
    EXPECT_EQ(to_hex(bytes(std::string_view("\x00\x7f\x80\xff", 4))), "007f80ff");
    EXPECT_EQ(to_hex({}), "");
    EXPECT_EQ(*from_hex("00fFAb"), (Bytes{0x00, 0xff, 0xab}));
    EXPECT_EQ(*from_hex(""), Bytes{});
    for (const char* bad : {"0", "abc", "0g", "g0", "0x00", " 00", "00 ", "ab cd", "--", "\xff\xff"}) {
        EXPECT_FALSE(from_hex(bad)) << bad;
    }
}

TEST(Bytes, Base64) {
    // RFC 4648 §10
    const std::pair<const char*, const char*> vectors[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    for (const auto& [plain, encoded] : vectors) {
        EXPECT_EQ(to_base64(bytes(plain)), encoded);
        EXPECT_EQ(*from_base64(encoded), bytes(plain));
    }
    EXPECT_EQ(to_base64(Bytes{0xfb, 0xff}), "+/8=");
    struct Case {
        const char* in;
        const char* why;
    };
    const Case bad[] = {
        {"Zg", "no padding"},
        {"Zg=", "half the padding"},
        {"Zh==", "bits left over: a second spelling of one value, RFC 4648 §3.5"},
        {"Zm9=", "bits left over"},
        {"====", "padding alone"},
        {"Z===", "one digit is no byte"},
        {"Zg==Zg==", "padding inside"},
        {"Zm9v\n", "line end"},
        {"Zm 9", "blank"},
        {"Zm9v Zm9v===", "blank and too much padding"},
        {"-_8=", "the other alphabet"},
        {"Zm9\xff", "not ASCII"},
    };
    for (const auto& c : bad) {
        EXPECT_FALSE(from_base64(c.in)) << c.in << ": " << c.why;
    }
}

TEST(Bytes, Base64Url) {
    EXPECT_EQ(to_base64url(Bytes{0xfb, 0xff}), "-_8");  // RFC 4648 §5
    EXPECT_EQ(*from_base64url("-_8"), (Bytes{0xfb, 0xff}));
    EXPECT_EQ(to_base64url(bytes("fooba")), "Zm9vYmE");
    EXPECT_EQ(*from_base64url(""), Bytes{});
    for (const char* bad : {"-_8=", "+/8", "Z", "Zh", "Zm9vZ", "Zg\n"}) {
        EXPECT_FALSE(from_base64url(bad)) << bad;
    }
}

TEST(Bytes, Base32IsALabel) {
    // RFC 4648 §10 in lower case and without padding
    EXPECT_EQ(to_base32({}), "");
    EXPECT_EQ(to_base32(bytes("f")), "my");
    EXPECT_EQ(to_base32(bytes("fo")), "mzxq");
    EXPECT_EQ(to_base32(bytes("foo")), "mzxw6");
    EXPECT_EQ(to_base32(bytes("foob")), "mzxw6yq");
    EXPECT_EQ(to_base32(bytes("fooba")), "mzxw6ytb");
    EXPECT_EQ(to_base32(bytes("foobar")), "mzxw6ytboi");
    EXPECT_EQ(to_base32(Bytes(16)).size(), 26U) << "128 bits are a hosting label";
}

TEST(Bytes, Digests) {
    EXPECT_EQ(to_hex(sha256(bytes("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(to_hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(to_hex(sha512(bytes("abc"))).substr(0, 32), "ddaf35a193617abacc417349ae204131");
    EXPECT_EQ(sha512({}).size(), 64U);
}

TEST(Bytes, RandomIsNotTheSameTwice) {
    std::set<Bytes> seen;
    for (int i = 0; i < 100; ++i) {
        EXPECT_TRUE(seen.insert(random_bytes(16)).second);
    }
    EXPECT_TRUE(random_bytes(0).empty());
}

TEST(Bytes, EqualConstantTime) {
    EXPECT_TRUE(equal_constant_time({}, {}));
    EXPECT_TRUE(equal_constant_time(bytes("abc"), bytes("abc")));
    EXPECT_FALSE(equal_constant_time(bytes("abc"), bytes("abd")));
    EXPECT_FALSE(equal_constant_time(bytes("abc"), bytes("ab")));
}

TEST(Bytes, AppendsBigEndian) {
    Bytes out = {0};
    append_u16(out, 0x0102);
    append_u32(out, 0x03040506);
    append(out, Bytes{7, 8});
    append(out, {});
    EXPECT_EQ(out, (Bytes{0, 1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(ByteReader, ReadsBigEndian) {
    const Bytes data = {1, 2, 3, 4, 5, 6, 7, 0xff};
    ByteReader reader(data);
    EXPECT_EQ(*reader.u8(), 1);
    EXPECT_EQ(*reader.u16(), 0x0203);
    EXPECT_EQ(*reader.u32(), 0x04050607U);
    EXPECT_FALSE(reader.empty());
    EXPECT_EQ((*reader.take(1))[0], 0xff);
    EXPECT_TRUE(reader.empty());
    EXPECT_TRUE(reader.take(0)) << "nothing can always be taken";
}

TEST(ByteReader, NeverPassesTheEnd) {
    const Bytes data = {1, 2, 3};
    ByteReader reader(data);
    EXPECT_FALSE(reader.u32());
    EXPECT_FALSE(reader.take(4));
    EXPECT_FALSE(reader.take(SIZE_MAX));
    EXPECT_EQ(reader.u32().error().code, Errc::limit_exceeded);
    EXPECT_EQ(reader.rest().size(), 3U) << "a failed read takes nothing";
    EXPECT_TRUE(reader.u16());
    EXPECT_FALSE(reader.u16());
    EXPECT_TRUE(reader.u8());
    EXPECT_FALSE(reader.u8());
}

}  // namespace
}  // namespace postseal
