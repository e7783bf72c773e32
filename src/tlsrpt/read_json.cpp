#include "tlsrpt/read_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tlsrpt/dom.h"
#include "tlsrpt/json_fields.h"
#include "tlsrpt/json_text.h"
#include "tlsrpt/read_policy.h"

namespace postseal::tlsrpt {

namespace {

constexpr std::array<std::string_view, 4> frame_members = {"organization-name", "date-range", "contact-info",
                                                           "report-id"};

void read_date_range(Report& report, JsonFields& top, Deviations& deviations) {
    const auto element = top.find("date-range");
    dom::object range;
    if (!element) {
        top.deviates(deviation::missing("date-range"), "date-range", "missing");
        return;
    }
    if (element->get_object().get(range)) {
        top.deviates(deviation::not_an_object, "date-range", "not an object");
        return;
    }
    JsonFields fields(range, {}, deviations);
    report.begin = fields.time("start-datetime", JsonFields::Bound::begin);
    report.end = fields.time("end-datetime", JsonFields::Bound::end);
    if (!report.begin || !report.end) {
        return;
    }
    if (*report.end < *report.begin) {
        fields.deviates(deviation::date_range_reversed, "date-range",
                        "ends before it begins; read the other way round");
        std::swap(report.begin, report.end);
    }
    // RFC 8460 §4.1: a full UTC day (RPT-033). Both last seconds of a day are in use.
    const auto day = std::chrono::floor<std::chrono::days>(*report.begin);
    const TimePoint next = TimePoint(day) + std::chrono::days(1);
    if (*report.begin != TimePoint(day) || (*report.end != next - Seconds(1) && *report.end != next)) {
        fields.deviates(deviation::range_not_a_day, "date-range",
                        fmt::format("{} to {} is not a UTC day", to_rfc3339(*report.begin), to_rfc3339(*report.end)));
    } else if (*report.end == next) {
        fields.deviates(deviation::end_is_next_midnight, "date-range", "ends at the next day's first second");
    }
}

Result<void> read_policies(Report& report, JsonFields& top, const ReadLimits& limits, Deviations& deviations) {
    const auto element = top.find("policies");
    if (!element) {
        top.deviates(deviation::missing("policies"), "policies", "missing");
        return {};
    }
    std::vector<dom::object> items;
    dom::object single;
    dom::array list;
    if (!element->get_object().get(single)) {
        // RPT-021: always a list, says the RFC.
        top.deviates(deviation::not_a_list, "policies", "one object where a list belongs");
        items.push_back(single);
    } else if (!element->get_array().get(list)) {
        bool any = false;
        for (const dom::element item : list) {
            any = true;
            dom::object object;
            if (item.get_object().get(object)) {
                top.deviates(deviation::not_an_object, "policies", "an entry is not an object");
                continue;
            }
            if (items.size() == limits.policies_max) {
                return Error{Errc::limit_exceeded, "policies", fmt::format("more than {}", limits.policies_max)};
            }
            items.push_back(object);
        }
        if (any && items.empty()) {
            return invalid_input("policies", "no entry is an object");
        }
        if (!any) {
            top.deviates(deviation::missing("policies"), "policies", "the list is empty");
        }
    } else {
        return invalid_input("policies", "not a list");
    }
    std::size_t failures_left = limits.failures_max;
    report.policies.reserve(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
        POSTSEAL_TRY(auto policy, read_policy(items[i], i, limits, failures_left, deviations));
        report.policies.push_back(std::move(policy));
    }
    return {};
}

// "policies" is a common word (libtlsrpt's datagrams have it too); what is in them is not.
bool holds_a_policy(dom::element policies) {
    const auto is_policy = [](dom::element item) {
        dom::object object;
        return !item.get_object().get(object) && (has_member(object, "policy") || has_member(object, "summary"));
    };
    dom::array list;
    return policies.get_array().get(list) ? is_policy(policies) : std::any_of(list.begin(), list.end(), is_policy);
}

}  // namespace

bool is_report(dom::element element) {
    dom::object object;
    if (element.get_object().get(object)) {
        return false;
    }
    const auto frame = std::count_if(frame_members.begin(), frame_members.end(),
                                     [&](std::string_view name) { return has_member(object, name); });
    dom::element policies;
    if (object.at_key("policies").get(policies)) {
        return frame >= 2;
    }
    return frame >= 1 || holds_a_policy(policies);
}

Result<Report> report_from_json(dom::object object, const ReadLimits& limits, Deviations& deviations) {
    Report report;
    JsonFields top(object, {}, deviations);
    report.organization_name = top.text("organization-name");
    report.contact_info = top.text("contact-info");
    report.report_id = top.text("report-id");
    if (!report.organization_name) {
        top.deviates(deviation::missing("organization-name"), "organization-name", "missing");
    }
    if (!report.contact_info) {
        top.deviates(deviation::missing("contact-info"), "contact-info", "missing");
    } else if (report.contact_info->find('@') == std::string::npos) {
        top.deviates(deviation::contact_info_not_a_mailbox, "contact-info",
                     fmt::format("{} is not a mailbox", shown(*report.contact_info)));
    }
    if (!report.report_id) {
        top.deviates(deviation::missing("report-id"), "report-id", "missing");
    }
    read_date_range(report, top, deviations);
    if (auto policies = read_policies(report, top, limits, deviations); !policies) {
        return std::move(policies).error();
    }
    return report;
}

std::vector<OpenReport> read_json_reports(std::string_view bytes, const ReadLimits& limits) {
    std::vector<OpenReport> result;
    JsonSource source(bytes, limits);
    const auto wanted = [](dom::element root) {
        dom::array list;
        if (root.get_array().get(list)) {
            return is_report(root);
        }
        return std::any_of(list.begin(), list.end(), is_report);
    };
    const auto read = [&](dom::element element, ByteView json) {
        OpenReport open{Error{}, source.take_deviations(), Bytes(json.begin(), json.end())};
        open.report = report_from_json(object_in(element), limits, open.deviations);
        result.push_back(std::move(open));
    };
    while (result.size() < limits.reports_max) {
        const auto found = source.next(wanted);
        if (!found) {
            if (result.empty()) {
                result.push_back({found.error(), source.take_deviations(), {}});
            } else if (source.left_over() > 0) {
                result.back().deviations.add(deviation::trailing_data,
                                             fmt::format("{} bytes stand behind the report", source.left_over()));
            }
            break;
        }
        if (found->root.is_object()) {
            read(found->root, as_bytes(found->text));
            continue;
        }
        for (const dom::element item : array_in(found->root)) {
            if (is_report(item) && result.size() < limits.reports_max) {
                const std::string text = simdjson::minify(item);
                read(item, as_bytes(text));
                result.back().deviations.add(deviation::top_level_array, "the report stands in a list");
            }
        }
    }
    return result;
}

ReadReport read_report_json(ByteView json, const ReadLimits& limits) {
    auto found = read_json_reports(as_text(json), limits);
    if (found.size() > 1) {
        found.front().deviations.add(deviation::trailing_data, fmt::format("{} more reports stand behind the first, "
                                                                           "which alone is read",
                                                                           found.size() - 1));
    }
    return std::move(found.front()).close();
}

}  // namespace postseal::tlsrpt
