// DNS messages on the wire (RFC 1035 §4) with EDNS (RFC 6891): a query as a server reads it, a query as a resolver
// writes it, a response as a resolver reads it. Sockets, retries and the choice of servers belong to the callers.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "dns/name.h"
#include "dns/record.h"

namespace postseal::dns {

constexpr std::size_t header_bytes = 12;
constexpr std::uint16_t class_in = 1;
// The UDP payload size that we announce and never exceed: fits an Ethernet frame over IPv6, so no answer is fragmented
// (fragments can be forged, RFC 9715).
constexpr std::uint16_t udp_bytes_ours = 1232;
constexpr std::uint16_t udp_bytes_without_edns = 512;  // RFC 1035 §2.3.4

struct Header {  // RFC 1035 §4.1.1, AD and CD: RFC 4035 §3.1.6
    std::uint16_t id = 0;
    bool response = false;             // QR
    std::uint8_t opcode = 0;           // 0 = QUERY
    bool authoritative = false;        // AA
    bool truncated = false;            // TC
    bool recursion_desired = false;    // RD
    bool recursion_available = false;  // RA
    bool authentic_data = false;       // AD
    bool checking_disabled = false;    // CD
    std::uint8_t rcode = 0;            // the lower four bits
    std::uint16_t question_count = 0;
    std::uint16_t answer_count = 0;
    std::uint16_t authority_count = 0;
    std::uint16_t additional_count = 0;
};
Result<Header> read_header(ByteView packet);
std::array<std::uint8_t, header_bytes> encode_header(const Header& header);

struct Edns {  // RFC 6891 §6.1
    std::uint16_t udp_bytes = udp_bytes_ours;
    std::uint8_t extended_rcode = 0;  // the upper eight bits
    std::uint8_t version = 0;
    bool dnssec_ok = false;  // DO, RFC 3225
};
void append_opt(Bytes& out, const Edns& edns);

// --- A server's view -------------------------------------------------------------------------------------------------

enum class QueryFault {
    none,
    not_a_query,  // shorter than a header, or itself a response: never answered, or two servers could talk for ever
    formerr,
    notimp,
};

// Refers to the packet it was read from.
struct Query {
    QueryFault fault = QueryFault::none;
    Header header;      // read unless the packet is shorter than one
    ByteView question;  // name, type and class exactly as asked, so that the answer can keep the case; empty on a fault
    ByteView name;      // uncompressed wire form within `question`; labels may hold any octets
    Type type = Type::a;
    std::uint16_t klass = class_in;
    std::optional<Edns> edns;  // of any version
};

// Reads the whole packet: exactly one question, records that fit, at most one OPT (RFC 6891 §6.1.1), nothing behind.
// Allocates nothing.
Query read_query(ByteView packet);

// --- A resolver's view -----------------------------------------------------------------------------------------------

struct QueryOptions {
    bool recursion_desired = false;
    bool checking_disabled = false;
    bool dnssec_ok = false;
    // Bit i makes the i-th letter of the name upper case: an answer that keeps the case shows that its sender has seen
    // the query. Take it from random_bytes(); 0 leaves the name in lower case.
    std::uint64_t case_bits = 0;
};
Bytes make_query(std::uint16_t id, const Name& name, Type type, const QueryOptions& options = {});

// Whether `response` may be the answer to `query` (RFC 5452 §9.1): same id, opcode and question. With
// NameCase::exact the case of the name must be ours too; some servers do not keep it.
enum class NameCase { exact, ignored };
bool is_response_to(ByteView query, ByteView response, NameCase name_case = NameCase::exact);

struct Message {
    Header header;
    Rcode rcode = Rcode::noerror;  // with the upper bits of EDNS
    std::optional<Edns> edns;      // its OPT record is in no section
    Name question_name;            // the root when there is no question, or a name that Name cannot hold
    Type question_type = Type::a;
    std::vector<Record> answer;
    std::vector<Record> authority;
    std::vector<Record> additional;
    // Records left out: an owner name that Name cannot hold, or a class other than IN.
    std::size_t records_skipped = 0;
};

// Errors are for the whole message: cut off, a bad compression pointer, more records announced than there are, two
// OPTs. A record with data that its type does not allow (an A of five octets, an exchange with a blank in it) does not
// spoil the others: it keeps its type and has OtherData, as on the wire. Pointers must point backwards, which ends
// every loop. A truncated response (TC) reads up to where it was cut.
Result<Message> read_response(ByteView packet);

}  // namespace postseal::dns
