// The floor for a cold MTA-STS lookup: the policy fetched with libcurl and OpenSSL, over a new verified connection each
// time, and nothing else: no DNS, no decision, nothing kept.
//
//     fetch_floor HTTPS_PORT CA_FILE DOMAINS_FILE
//
// Prints {"fetches": N, "cpu_us": CPU time per fetch}.

#include <curl/curl.h>

#include <cstdio>
#include <ctime>
#include <fstream>
#include <string>

namespace {

std::size_t take(const char* /*bytes*/, std::size_t size, std::size_t count, void* total) {
    *static_cast<std::size_t*>(total) += size * count;
    return size * count;
}

double cpu_us() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: fetch_floor HTTPS_PORT CA_FILE DOMAINS_FILE\n");
        return 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL* curl = curl_easy_init();
    std::size_t bytes = 0;
    curl_easy_setopt(curl, CURLOPT_CAINFO, argv[2]);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &bytes);
    std::ifstream domains(argv[3]);
    int fetches = 0;
    double start = 0;
    for (std::string domain; std::getline(domains, domain);) {
        const std::string host = "mta-sts." + domain + ":" + argv[1];
        curl_slist* address = curl_slist_append(nullptr, (host + ":127.0.0.1").c_str());
        curl_easy_setopt(curl, CURLOPT_RESOLVE, address);
        curl_easy_setopt(curl, CURLOPT_URL, ("https://" + host + "/.well-known/mta-sts.txt").c_str());
        const CURLcode done = curl_easy_perform(curl);
        curl_slist_free_all(address);
        if (done != CURLE_OK) {
            std::fprintf(stderr, "fetch_floor: %s: %s\n", domain.c_str(), curl_easy_strerror(done));
            return 1;
        }
        if (start == 0) {
            start = cpu_us();  // the first one loads certificates and libraries
        } else {
            ++fetches;
        }
    }
    std::printf("{\"fetches\": %d, \"cpu_us\": %.1f}\n", fetches, (cpu_us() - start) / fetches);
    curl_easy_cleanup(curl);
    return bytes > 0 ? 0 : 1;
}
