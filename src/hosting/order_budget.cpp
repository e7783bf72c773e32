#include "hosting/order_budget.h"

#include <fmt/format.h>
#include <libpsl.h>

#include <algorithm>
#include <array>
#include <memory>

namespace postseal::hosting {

namespace {

constexpr Seconds week{7 * 86'400};
constexpr Seconds hour{3600};

}  // namespace

std::string_view to_string(BudgetEvent event) {
    switch (event) {
        case BudgetEvent::order:
            return "order";
        case BudgetEvent::certificate:
            return "certificate";
        case BudgetEvent::failed_authorization:
            break;
    }
    return "failed-authorization";
}

std::optional<BudgetEvent> budget_event_from_string(std::string_view text) {
    for (const BudgetEvent event : {BudgetEvent::order, BudgetEvent::certificate, BudgetEvent::failed_authorization}) {
        if (text == to_string(event)) {
            return event;
        }
    }
    return std::nullopt;
}

dns::Name registered_domain(const dns::Name& host) {
    struct FreeList {
        void operator()(psl_ctx_t* list) const { psl_free(list); }
    };
    // The system's list is newer than the one that was compiled in.
    static const std::unique_ptr<psl_ctx_t, FreeList> list(psl_latest(nullptr));
    const char* found = list != nullptr ? psl_registrable_domain(list.get(), host.text().c_str()) : nullptr;
    const auto name = found != nullptr ? dns::Name::parse_ascii(found) : Result<dns::Name>(host);
    return name ? *name : host;
}

void OrderBudget::note(BudgetEvent event, const dns::Name& host, TimePoint at) {
    // What no longer counts goes as new events come, so that memory stays in proportion to the limits.
    const auto add = [at](Moments& moments, Seconds window) {
        while (!moments.empty() && moments.front() + window <= at) {
            moments.pop_front();
        }
        moments.push_back(at);
    };
    switch (event) {
        case BudgetEvent::order:
            add(orders_, limits_.orders_window);
            break;
        case BudgetEvent::certificate:
            add(by_domain_[registered_domain(host)], week);
            add(by_name_[host], week);
            break;
        case BudgetEvent::failed_authorization:
            add(failures_[host], hour);
            break;
    }
}

bool OrderBudget::counts(BudgetEvent event, OrderKind kind) const {
    if (event == BudgetEvent::order) {
        return kind == OrderKind::first || !limits_.renewals_exempt;
    }
    return event == BudgetEvent::failed_authorization || kind != OrderKind::ari_renewal || !limits_.renewals_exempt;
}

std::size_t OrderBudget::within(const Moments& moments, TimePoint now, Seconds window) {
    return static_cast<std::size_t>(std::ranges::count_if(moments, [&](TimePoint at) { return at + window > now; }));
}

std::optional<TimePoint> OrderBudget::full_until(const Moments* moments, std::int64_t limit, Seconds window,
                                                 TimePoint now) {
    if (moments == nullptr || limit <= 0) {
        return std::nullopt;
    }
    const auto used = static_cast<std::int64_t>(within(*moments, now, window));
    // Room is there again when all but limit - 1 of them have grown old.
    return used >= limit ? std::optional((*moments)[moments->size() - static_cast<std::size_t>(limit)] + window)
                         : std::nullopt;
}

std::optional<OrderBudget::Refusal> OrderBudget::refusal(const dns::Name& host, OrderKind kind, TimePoint now) const {
    const auto in = [](const std::map<dns::Name, Moments>& map, const dns::Name& key) {
        const auto known = map.find(key);
        return known == map.end() ? nullptr : &known->second;
    };
    if (const auto until = full_until(in(failures_, host), limits_.failures_hour, hour, now)) {
        return Refusal{"failures-hour",
                       fmt::format("{} failed authorizations of one name in an hour", limits_.failures_hour), *until};
    }
    const bool exempt = limits_.renewals_exempt && kind != OrderKind::first;
    if (!exempt) {
        std::int64_t limit = limits_.orders;
        if (kind == OrderKind::first && limit > 0) {
            limit = std::max<std::int64_t>(1, limit - limit * limits_.kept_for_renewals / 100);
        }
        if (const auto until = full_until(&orders_, limit, limits_.orders_window, now)) {
            return Refusal{"orders",
                           fmt::format("{} orders in {} h", limits_.orders,
                                       std::chrono::duration_cast<std::chrono::hours>(limits_.orders_window).count()),
                           *until};
        }
        const dns::Name domain = registered_domain(host);
        if (const auto until = full_until(in(by_domain_, domain), limits_.domain_week, week, now)) {
            return Refusal{"domain-week",
                           fmt::format("{} certificates below {} in a week", limits_.domain_week, domain.text()),
                           *until};
        }
    }
    if (limits_.renewals_exempt && kind == OrderKind::ari_renewal) {
        return std::nullopt;
    }
    if (const auto until = full_until(in(by_name_, host), limits_.name_week, week, now)) {
        return Refusal{"name-week", fmt::format("{} certificates for the same name in a week", limits_.name_week),
                       *until};
    }
    return std::nullopt;
}

std::size_t OrderBudget::free_orders(TimePoint now) const {
    if (limits_.orders <= 0) {
        return SIZE_MAX;
    }
    const std::int64_t limit =
        std::max<std::int64_t>(1, limits_.orders - limits_.orders * limits_.kept_for_renewals / 100);
    const auto used = static_cast<std::int64_t>(within(orders_, now, limits_.orders_window));
    return static_cast<std::size_t>(std::max<std::int64_t>(0, limit - used));
}

OrderBudget::Headroom OrderBudget::orders(TimePoint now) const {
    Headroom out;
    out.limit = limits_.orders;
    for (const TimePoint at : orders_) {
        if (at + limits_.orders_window > now) {
            ++out.used;
            out.frees_at = out.frees_at ? *out.frees_at : at + limits_.orders_window;
        }
    }
    return out;
}

Seconds order_backoff(std::int64_t failures) {
    constexpr std::array<Seconds, 4> steps{Seconds(60), Seconds(600), Seconds(6000), Seconds(86'400)};
    return steps.at(static_cast<std::size_t>(std::clamp<std::int64_t>(failures, 1, 4) - 1));
}

}  // namespace postseal::hosting
