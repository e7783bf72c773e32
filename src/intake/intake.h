// TLS reports coming in (RFC 8460 §3, §5.4): by HTTPS POST to /v1/tlsrpt/<label>, or as files that the operator
// imports.
//
// The path of a rua is public and proves nothing: what arrives by it is unverified (design rule 18). Raw bytes are
// kept, and kept before the status says so.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/guarded.h"
#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "store/store.h"
#include "tlsrpt/read.h"

namespace postseal::intake {

constexpr std::size_t body_bytes_max = std::size_t{10}
                                       << 20;  // give it to HttpServerSettings of the intake's listeners

struct Received {
    std::size_t stored = 0;
    std::size_t duplicates = 0;
    std::vector<Error> rejected;  // of one input with several reports, those that could not be read
};

class Intake {
public:
    Intake(store::Store& store, net::WorkPool& pool, const Clock& clock, Log& log, tlsrpt::ReadLimits limits = {})
        : store_(&store), pool_(&pool), clock_(&clock), log_(&log), limits_(limits) {}

    // For [intake] https_listen and http_listen: 201 stored, 200 duplicate, 400 not a report, 404 unknown label, 405,
    // 413 too large or inflating too far, 415 media type.
    [[nodiscard]] std::function<void(net::HttpRequest, std::function<void(net::HttpResponse)>)> handler();
    // The same at once. Blocks.
    [[nodiscard]] net::HttpResponse answer(const net::HttpRequest& request);

    // Told of each domain for which a report was stored by answer(); on whatever thread that is. Any thread.
    using Observer = std::function<void(const store::Domain&)>;
    void observe(Observer observer);

    // `report import`: any container, with the operator's trust. Blocks.
    Received import_file(ByteView bytes, const std::string& name);

private:
    store::Store* store_;
    net::WorkPool* pool_;
    const Clock* clock_;
    Log* log_;
    tlsrpt::ReadLimits limits_;
    Guarded<Observer> observer_;
};

// Who a report says it is from: the domain of contact-info, else organization-name, in lower case (rule 18: their
// word).
std::string submitter_of(const tlsrpt::Report& report);

}  // namespace postseal::intake
