// The TXT RRset at _mta-sts: one record per line.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/text.h"
#include "mtasts/record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace postseal;
    std::vector<std::string> records;
    for (const auto line : split(as_text({data, size}), '\n')) {
        records.emplace_back(line);
    }
    const auto judgement = mtasts::judge_sts_records(records);
    const auto check = [](bool holds) {
        if (!holds) {
            std::abort();
        }
    };
    check(judgement.record.has_value() != has_error(judgement.problems));
    check(judgement.present || !judgement.record);
    for (const Problem& problem : judgement.problems) {
        check(problem.line >= 1 && static_cast<std::size_t>(problem.line) <= records.size());
        check(is_valid_utf8(problem.message));
    }
    if (judgement.record) {
        const std::string& id = judgement.record->id;
        check(!id.empty() && id.size() <= mtasts::id_length_max && std::all_of(id.begin(), id.end(), is_alnum));
        const std::vector<std::string> own{mtasts::format_sts_record(id)};
        const auto again = mtasts::judge_sts_records(own);
        check(again.record && again.record->id == id && again.problems.empty());
        // A second claimant ends it, wherever it stands.
        records.push_back(own.front());
        check(!mtasts::judge_sts_records(records).record);
    }
    return 0;
}
