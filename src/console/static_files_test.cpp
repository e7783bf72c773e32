#include "console/static_files.h"

#include <gtest/gtest.h>

#include <array>

namespace postseal::console {
namespace {

constexpr std::array<EmbeddedFile, 6> files = {{{"assets/index-Ab12.js", "script"},
                                                {"assets/index-Ab12.js.gz", "packed script"},
                                                {"assets/picture-Cd34.png", "png"},
                                                {"index.html", "page"},
                                                {"index.html.gz", "packed page"},
                                                {"theme.js", "theme"}}};

net::HttpResponse get(std::string path, std::string accept_encoding = {}, std::string method = "GET",
                      EmbeddedFiles from = files) {
    net::HttpRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    if (!accept_encoding.empty()) {
        request.headers.emplace_back("Accept-Encoding", std::move(accept_encoding));
    }
    return StaticFiles(from).reply(request);
}

std::string_view header(const net::HttpResponse& response, std::string_view name) {
    return net::find_header(response.headers, name);
}

TEST(StaticFiles, AnswersWithTheFileOrThePage) {
    struct {
        std::string_view path;
        int status;
        std::string_view body, type, caching, why;
    } const cases[] = {
        {"/", 200, "page", "text/html; charset=utf-8", "no-cache", "the page"},
        {"/index.html", 200, "page", "text/html; charset=utf-8", "no-cache", "by its name"},
        {"/domains/example.com", 200, "page", "text/html; charset=utf-8", "no-cache", "an address of the panel"},
        {"/sign-in", 200, "page", "text/html; charset=utf-8", "no-cache", "the sign-in page"},
        {"/assets/index-Ab12.js", 200, "script", "text/javascript; charset=utf-8",
         "public, max-age=31536000, immutable", "named after its content: kept for ever"},
        {"/assets/picture-Cd34.png", 200, "png", "image/png", "public, max-age=31536000, immutable", "another type"},
        {"/theme.js", 200, "theme", "text/javascript; charset=utf-8", "public, max-age=3600", "short caching"},
        {"/index.html.gz", 200, "page", "text/html; charset=utf-8", "no-cache", "a .gz is no file by itself"},
        {"/assets/index-Ab12.js.gz", 404, "There is no such file.\n", "text/plain; charset=utf-8", "no-store",
         "nor below assets"},
        {"/assets/index-Old.js", 404, "There is no such file.\n", "text/plain; charset=utf-8", "no-store",
         "a script of an older version is never the page"},
        {"//index.html", 200, "page", "text/html; charset=utf-8", "no-cache", "no file of that name"},
        {"/THEME.js", 200, "page", "text/html; charset=utf-8", "no-cache", "case counts"},
    };
    for (const auto& [path, status, body, type, caching, why] : cases) {
        const net::HttpResponse response = get(std::string(path));
        EXPECT_EQ(response.status, status) << path << ": " << why;
        EXPECT_EQ(response.body, body) << path << ": " << why;
        EXPECT_EQ(header(response, "Content-Type"), type) << path << ": " << why;
        EXPECT_EQ(header(response, "Cache-Control"), caching) << path << ": " << why;
        EXPECT_EQ(header(response, "Content-Encoding"), "") << path << ": nobody asked for gzip";
    }
}

TEST(StaticFiles, SendsPackedFilesToWhoAcceptsThem) {
    const net::HttpResponse packed = get("/assets/index-Ab12.js", "gzip, deflate, br");
    EXPECT_EQ(packed.body, "packed script");
    EXPECT_EQ(header(packed, "Content-Encoding"), "gzip");
    EXPECT_EQ(header(packed, "Vary"), "Accept-Encoding");
    EXPECT_EQ(header(packed, "Content-Type"), "text/javascript; charset=utf-8");
    EXPECT_EQ(get("/somewhere", "gzip").body, "packed page");
    EXPECT_EQ(get("/theme.js", "gzip").body, "theme") << "there is no packed one";
    EXPECT_EQ(header(get("/theme.js", "gzip"), "Vary"), "");
    EXPECT_EQ(header(get("/index.html", "br"), "Vary"), "Accept-Encoding") << "caches must know even then";
}

TEST(StaticFiles, ReadsAcceptEncoding) {
    struct {
        std::string_view header;
        bool expected;
        std::string_view why;
    } const cases[] = {
        {"gzip", true, "RFC 9110 §12.5.3: named"},
        {"compress;q=0.5, gzip;q=1.0", true, "with a weight"},
        {"GZIP", true, "codings compare without case"},
        {"*", true, "anything"},
        {"*;q=0.1", true, "anything, unwillingly"},
        {"", false, "nothing named"},
        {"identity", false, "another"},
        {"gzip;q=0", false, "refused"},
        {"gzip; q=0.000", false, "refused with more digits"},
        {"gzip;q=0, *", false, "the name counts more than the asterisk"},
        {"*;q=0", false, "everything refused"},
        {"gzipped", false, "another name that begins like it"},
    };
    for (const auto& [text, expected, why] : cases) {
        EXPECT_EQ(accepts_gzip(text), expected) << text << ": " << why;
    }
}

TEST(StaticFiles, AreOnlyToBeRead) {
    EXPECT_EQ(get("/", {}, "HEAD").status, 200);
    EXPECT_EQ(get("/", {}, "POST").status, 405);
    EXPECT_EQ(header(get("/", {}, "POST"), "Allow"), "GET, HEAD");
}

TEST(StaticFiles, SayWhenThePanelIsMissing) {
    EXPECT_EQ(get("/", {}, "GET", {}).status, 503);
}

TEST(SecurityHeaders, AllowWhatThePanelNeedsAndNothingElse) {
    net::HttpResponse response;
    add_security_headers(response);
    EXPECT_EQ(header(response, "Content-Security-Policy"),
              "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self'; "
              "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
    EXPECT_EQ(header(response, "X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(header(response, "Referrer-Policy"), "no-referrer");
}

}  // namespace
}  // namespace postseal::console
