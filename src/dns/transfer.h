// One zone on its way to a secondary, message by message: whole (AXFR, RFC 5936), the changes since its serial (IXFR,
// RFC 1995), or just the SOA that says there is nothing newer.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "dns/message.h"
#include "dns/zone.h"

namespace postseal::dns {

class Transfer {
public:
    enum class Kind { whole, changes, up_to_date };

    // `query` asks for AXFR or IXFR of the zone's apex; `serial` is what an IXFR says that the asker has.
    Transfer(ZonePtr zone, const Query& query, std::optional<std::uint32_t> serial);

    // The next message, at most about 16 KiB unless one record is longer; false: that was all.
    bool next(Bytes& message);
    [[nodiscard]] Kind kind() const { return kind_; }

private:
    void refill();

    ZonePtr zone_;
    Header header_;
    Bytes question_;
    std::size_t apex_bytes_;
    Kind kind_ = Kind::whole;
    std::vector<ZoneDeltaPtr> changes_;
    std::size_t step_ = 0;  // the part or change that comes next
    std::vector<Bytes> records_;
    std::size_t sent_ = 0;
    bool ended_ = false;
};

// The serial that an IXFR query carries in its authority section (RFC 1995 §3); none: no such record.
std::optional<std::uint32_t> ixfr_serial(ByteView packet);
// RFC 1982: whether `a` is newer than `b`.
bool serial_after(std::uint32_t a, std::uint32_t b);

}  // namespace postseal::dns
