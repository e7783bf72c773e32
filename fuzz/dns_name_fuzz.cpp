// Names as people, policies and configurations write them, and as they come on the wire.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "dns/name.h"
#include "dns/record.h"

namespace {

using namespace postseal;

void check(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void check_name(const dns::Name& name) {
    check(name.text().size() <= 253);
    check(dns::Name::parse(name.fqdn()).value() == name);
    const Bytes wire = name.to_wire();
    check(wire.size() <= 255);
    ByteReader reader(wire);
    check(dns::Name::from_wire(reader).value() == name && reader.empty());
    // What people are shown means this name or is refused, never another name.
    const auto shown = dns::Name::parse(name.is_root() ? "." : name.unicode());
    check(!shown || *shown == name);
    check(name.is_under(name.parent()));
    (void)name.is_hostname();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView bytes(data, size);
    const auto name = dns::Name::parse(as_text(bytes));
    const auto ascii = dns::Name::parse_ascii(as_text(bytes));
    check(!ascii || (name && *name == *ascii));
    if (name) {
        check_name(*name);
    }
    ByteReader reader(bytes);
    if (const auto from_wire = dns::Name::from_wire(reader)) {
        check_name(*from_wire);
    }
    if (const auto address = dns::IpAddress::parse(as_text(bytes))) {
        check(dns::IpAddress::parse(address->text()).value() == *address);
        (void)address->is_global();
    }
    return 0;
}
