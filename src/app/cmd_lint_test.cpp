// `postseal lint` from the command line to the bytes on standard output (the contract of its JSON).
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "app/command.h"

namespace postseal::app {
namespace {

namespace json = boost::json;

struct Ran {
    int status = 0;
    std::string out;
    std::string err;
};

Ran run(std::vector<std::string> arguments) {
    CLI::App root("test", "postseal");
    int status = exit_fine;
    add_lint(root, status);
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    try {
        std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants it
        root.parse(arguments);
    } catch (const CLI::ParseError& error) {
        status = root.exit(error) == 0 ? exit_fine : exit_usage;
    }
    return {status, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

class Lint : public testing::Test {
protected:
    std::string file(std::string_view content) {
        std::ofstream(path_, std::ios::binary) << content;
        return path_;
    }
    void TearDown() override { std::filesystem::remove(path_); }

private:
    std::string path_ = testing::TempDir() + "/postseal-lint-" + std::to_string(getpid());
};

TEST_F(Lint, PolicyAsJson) {
    const auto ran =
        run({"lint", "policy",
             file("version: STSv1\nmode: enforce\nmx: MX1.example.com\nmx: *.example.net\nmax_age: 604800\n"), "--mx",
             "mx1.Example.com.", "--mx", "mx.example.org", "--mx", "b\u00fccher.example.net", "--json"});
    EXPECT_EQ(ran.status, exit_fine);
    EXPECT_EQ(ran.out, R"({"valid":true,"policy":{"version":"STSv1","mode":"enforce","max_age":604800,)"
                       R"("mx":["mx1.example.com","*.example.net"]},"problems":[],)"
                       R"("matches":{"mx1.Example.com.":true,"mx.example.org":false,"bücher.example.net":true}})"
                       "\n");
}

TEST_F(Lint, InvalidPolicyAsJson) {
    const auto ran = run({"lint", "policy", "--json", "--mx", "a.example",
                          file("version: STSv1\nmode: Enforce\nmx: a.example\nmax_age: 604800\n")});
    EXPECT_EQ(ran.status, exit_problems);
    EXPECT_EQ(ran.out,
              R"({"valid":false,"policy":null,"problems":[{"line":2,"severity":"error","code":"mode-unknown",)"
              R"x("message":"policy line 2: mode: \"Enforce\" is none of enforce, testing, none (in lower case)",)x"
              R"("rfc":"RFC 8461 §3.2"}],"matches":{"a.example":false}})"
              "\n");
}

TEST_F(Lint, PolicyAsText) {
    const auto path = file("version: STSv1\nmode: testing\nmx: a.example\n\nmax_age: soon\n");
    const auto ran = run({"lint", "policy", path, "--mx", "a.example"});
    EXPECT_EQ(ran.status, exit_problems);
    EXPECT_EQ(ran.out,
              path + ":4: error: blank; the grammar has no blank lines [RFC 8461 §3.2]\n" + path +
                  ":5: error: max_age: \"soon\" is not a number of seconds in decimal digits [RFC 8461 §3.2]\n" + path +
                  ": invalid: senders conclude that there is no usable policy, and keep one that they have cached\n" +
                  path + ": mx a.example does not match\n");
}

TEST_F(Lint, LargePolicyIsInvalidNotUnreadable) {
    EXPECT_EQ(run({"lint", "policy", file(std::string(1'000'000, 'x'))}).status, exit_problems);
}

TEST_F(Lint, DomainOfThePolicy) {  // STS-073: RFC 8461 §10.4
    const auto path = file("version: STSv1\nmode: testing\nmx: *.example.com\nmax_age: 604800\n");
    EXPECT_EQ(run({"lint", "policy", path}).out.find("warning"), std::string::npos);
    EXPECT_NE(run({"lint", "policy", path, "--domain", "example.com"}).out.find(":3: warning:"), std::string::npos);
}

TEST_F(Lint, StsRecordIsJudgedAsAnRrset) {
    const auto ran = run({"lint", "sts-record", file("v=spf1 -all\r\n\r\nv=STSv1; id=a1; x=y\r\n"), "--json"});
    EXPECT_EQ(ran.status, exit_fine);
    const auto out = json::parse(ran.out).as_object();
    EXPECT_EQ(json::serialize(out.at("record")), R"({"version":"STSv1","id":"a1","extensions":{"x":"y"}})");
    EXPECT_EQ(out.at("problems").at(1).at("line").as_int64(), 3);
    EXPECT_EQ(run({"lint", "sts-record", file("v=STSv1; id=a\nv=STSv1; id=a\n")}).status, exit_problems);
    EXPECT_EQ(run({"lint", "sts-record", file("")}).status, exit_problems);
}

TEST_F(Lint, TlsrptRecord) {
    const auto ran = run({"lint", "tlsrpt-record",
                          file("v=TLSRPTv1; rua=mailto:a%2Cb%21c@x.example,https://x.example/%1b; foo=bar"), "--json"});
    EXPECT_EQ(ran.status, exit_fine);
    const auto out = json::parse(ran.out).as_object();
    EXPECT_EQ(json::serialize(out.at("record")),
              R"({"version":"TLSRPTv1","rua":["mailto:a,b!c@x.example","https://x.example/\u001b"],)"
              R"("extensions":{"foo":"bar"}})");
    const auto text = run({"lint", "tlsrpt-record", file("v=TLSRPTv1; rua=https://x.example/%1b")});
    EXPECT_EQ(text.out.find('\x1b'), std::string::npos) << "nothing from the record drives the terminal";
    EXPECT_EQ(run({"lint", "tlsrpt-record", file("v=TLSRPTv1;")}).status, exit_problems);
}

TEST_F(Lint, WrongUseEndsWith2AndSaysWhy) {
    const auto good = file("version: STSv1\nmode: none\nmax_age: 1\n");
    for (const auto& arguments : std::vector<std::vector<std::string>>{
             {"lint"},
             {"lint", "nothing"},
             {"lint", "policy", good, "more"},
             {"lint", "policy", good, "--mx"},
             {"lint", "policy", good, "--mx", "a..example"},
             {"lint", "policy", good, "--mx", "."},
             {"lint", "policy", good, "--mx", "*.example"},
             {"lint", "policy", good, "--mx", "[192.0.2.1]"},
             {"lint", "policy", good, "--mx=-a.example"},
             {"lint", "policy", good, "--mx", "a.example b.example"},
             {"lint", "policy", good, "--domain", "a b"},
             {"lint", "policy", good + ".absent"},
             {"lint", "policy", testing::TempDir()},
             {"lint", "sts-record", good, "--mx", "a.example"},
             {"lint", "sts-record", good + ".absent"},
             {"lint", "tlsrpt-record", good + ".absent", "--json"},
         }) {
        const auto ran = run(arguments);
        EXPECT_EQ(ran.status, exit_usage) << arguments.back();
        EXPECT_EQ(ran.out, "") << arguments.back();
        EXPECT_NE(ran.err, "") << arguments.back();
    }
}

TEST_F(Lint, HelpIsNoError) {
    const auto ran = run({"lint", "policy", "--help"});
    EXPECT_EQ(ran.status, exit_fine);
    EXPECT_NE(ran.out.find("--mx HOST"), std::string::npos);
}

}  // namespace
}  // namespace postseal::app
