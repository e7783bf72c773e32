// The panel's files, built into the program, as web/README.md asks for them ("What the server must do").
#pragma once

#include <map>
#include <string_view>

#include "base/embedded.h"
#include "net/http_server.h"

namespace postseal::console {

class StaticFiles {
public:
    explicit StaticFiles(EmbeddedFiles files);

    // For any path outside /api/. What is no file is the panel's page: the panel itself knows its addresses.
    [[nodiscard]] net::HttpResponse reply(const net::HttpRequest& request) const;

private:
    std::map<std::string_view, std::string_view> files_;  // by path, without the first slash
};

// On every response of the panel's listener, those of the REST interface too.
void add_security_headers(net::HttpResponse& response);

// RFC 9110 §12.5.3: named without q=0, or covered by "*".
bool accepts_gzip(std::string_view accept_encoding);

}  // namespace postseal::console
