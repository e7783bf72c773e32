// GET /api/v1/reports/quarantine…: what arrived at the intake and does not count, with the reason; to be read again,
// accepted or dropped.
#pragma once

#include <functional>

#include "console/router.h"
#include "intake/mail_intake.h"
#include "store/store.h"

namespace postseal::console {

struct KeptMailParts {
    store::Store& store;
    const Clock& clock;
    intake::MailIntake* mail_intake;  // null: the intake runs elsewhere, nothing can be read again here
    std::function<Result<store::Organisation>()> operators_organisation;
};

void add_kept_mail_routes(Router& router, const KeptMailParts& parts);

}  // namespace postseal::console
