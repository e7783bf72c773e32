// `[metrics] listen`: Prometheus text at /metrics, and /healthz and /readyz for whoever watches the process.
#pragma once

#include "app/receiving.h"
#include "app/sending.h"
#include "net/http_server.h"
#include "store/alerts.h"

namespace postseal::app {

// On the loop of the sending roles.
net::HttpResponse answer_metrics(const net::HttpRequest& request, Sending& sending, const Receiving* receiving,
                                 const store::Alerts& alerts, bool state_dir_lost);

}  // namespace postseal::app
